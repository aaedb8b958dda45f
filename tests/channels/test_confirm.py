"""Dials that must be confirmed, early media, originate, and legs that nobody keeps."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol import commands as c
from callflow.protocol.events import DialBranch
from callflow.protocol.outcomes import Answered
from engine.channels.errors import CommandError
from engine.channels.ports import Admission
from engine.sip import events as sip

from ..trio_tests import run_virtual
from .switch import offer, open_switch, sip_response

BY_KEY = c.Confirmation(prompt=("welcome.wav",), key="1", timeout=5)


def dial(*stages, **details):
    return c.Dial(stages=tuple(tuple(c.Target(name) for name in stage) for stage in stages), **details)


@run_virtual
async def test_whoever_keys_first_wins_not_who_answers_first(tmp_path):
    async with open_switch(tmp_path) as switch:
        switch.register("bob")
        switch.register("carol")
        call = switch.call()
        call.do(dial(["bob", "carol"], confirm=BY_KEY), "d")
        bob, carol = switch.leg("bob"), switch.leg("carol")
        bob.answers()
        await trio.sleep(1)
        carol.answers()
        bob.media.press("2")
        assert switch.log.outcomes("d") == []
        carol.media.press("1")
        assert switch.log.outcome("d") == Answered(carol.id, "carol")
        assert not bob.channel.is_alive
        assert carol.media.playing == []
        assert list(carol.channel.running) == []


@pytest.mark.parametrize("how", ["time", "hangup"])
def test_who_does_not_confirm_is_passed_over(tmp_path, how):
    @run_virtual
    async def test():
        async with open_switch(tmp_path) as switch:
            switch.register("bob")
            switch.register("carol")
            call = switch.call()
            call.do(dial(["bob"], ["carol"], confirm=BY_KEY, timeout=3), "d")
            bob = switch.leg("bob")
            bob.answers()
            await trio.sleep(4)  # the stage's time is over, but bob is being asked
            assert len(switch.sip.invites) == 2
            bob.bye() if how == "hangup" else await trio.sleep(1.1)
            switch.leg("carol").fails(486)
            reasons = [(branch.reason, branch.sip_status) for branch in switch.log.outcome("d").branches]
            assert reasons == [("unconfirmed", 200), ("busy", 486)]
            assert not bob.channel.is_alive

    test()


@run_virtual
async def test_the_app_decides_on_the_leg():
    async with open_switch() as switch:
        switch.register("bob")
        switch.register("carol")
        call = switch.call()
        call.do(dial(["bob", "carol"], confirm=c.Confirmation(timeout=9)), "d")
        bob, carol = switch.leg("bob"), switch.leg("carol")
        with pytest.raises(CommandError) as refused:
            bob.do(c.Confirm())
        assert refused.value.code == "wrong_state"
        for leg in (bob, carol):
            leg.answers()
            assert switch.log.last("dial.branch").leg == leg.id
        bob.do(c.Confirm(accept=False))
        assert not bob.channel.is_alive
        carol.do(c.Confirm())
        assert switch.log.outcome("d") == Answered(carol.id, "carol")


@run_virtual
async def test_a_dial_that_is_cancelled_ends_whom_it_asks():
    async with open_switch() as switch:
        switch.register("bob")
        call = switch.call()
        call.do(dial(["bob"], confirm=c.Confirmation(key="1")), "d")
        bob = switch.leg("bob")
        bob.answers()
        call.do(c.Cancel(command="d"))
        assert switch.log.outcome("d").reason == "stopped"
        assert not bob.channel.is_alive


@run_virtual
async def test_the_caller_hears_what_the_callees_side_plays():
    async with open_switch() as switch:
        switch.register("bob")
        switch.register("carol")
        call = switch.call()
        call.do(dial(["bob"], ["carol"], early_media=True, ringback="us"), "d")
        bob = switch.leg("bob")
        assert call.media.playing == ["1"]
        bob.hear(sip.InviteProgressed, sip_response(183, offer(port=4444)))
        assert call.media.relayed is bob.media
        assert call.media.playing == []
        assert bob.media.streams[-1].remote == ("192.0.2.1", 4444)
        bob.fails(486)
        assert call.media.relayed is None
        assert call.media.playing == ["2"]
        switch.leg("carol").answers()
        assert call.media.playing == []


@run_virtual
async def test_a_leg_that_nobody_keeps_ends_with_its_dialler():
    async with open_switch() as switch:
        for name in ("bob", "carol", "dave"):
            switch.register(name)
        call, other = switch.call(), switch.call()
        legs = []
        for name in ("bob", "carol", "dave"):
            call.do(dial([name]), name)
            legs.append(switch.leg(name))
            legs[-1].answers()
        lost, kept, bridged = legs
        kept.do(c.Set(variables={"keep": "yes"}))
        other.do(c.Bridge(other=bridged.id))
        call.cancel()
        assert lost.ended.ended_by == "caller"
        assert kept.channel.is_alive
        assert bridged.channel.is_alive


def originate(*names, **details):
    return c.Originate(stages=tuple((c.Target(name, leg=f"leg-{name}"),) for name in names), **details)


@run_virtual
async def test_an_originated_call_is_its_sessions():
    async with open_switch() as switch:
        switch.register("bob")
        switch.table.originate("o", originate("nobody", "bob", caller_id="Shop <1234>"), switch.owner())
        bob = switch.leg("bob")
        assert str(bob.invite.from_.uri) == "sip:1234@10.0.0.1"
        bob.answers()
        assert switch.log.outcome("o") == Answered("leg-bob", "bob")
        branches = [entry for entry in switch.log.entries if isinstance(entry.event, DialBranch)]
        assert {(entry.channel, entry.owner) for entry in branches} == {(None, "s1")}
        assert (bob.channel.owner, bob.channel.facts.parent) == (switch.owner(), None)
        bob.do(c.Hangup())


@run_virtual
async def test_an_originated_call_goes_where_it_is_said_to():
    async with open_switch() as switch:
        for name in ("bob", "carol", "dave", "erin"):
            switch.register(name)
        switch.heir = Admission("other", owner=switch.owner("s7"))
        call = switch.call()
        for number, (name, where) in enumerate([
            ("bob", {"app": "other"}),
            ("carol", {"route": "55"}),
            ("dave", {"bridge": call.id}),
        ]):
            switch.table.originate(str(number), originate(name, **where), switch.owner())
            switch.leg(name).answers()
        assert switch.table.channels["leg-bob"].owner.session == "s7"
        carol = switch.table.channels["leg-carol"]
        assert carol.owner.session == "s3"
        assert switch.log.of("leg-carol")[-1].to == "55"
        assert call.channel.bridge.channels[0].id == "leg-dave"
        switch.heir = None
        switch.table.originate("none", originate("erin", app="other"), switch.owner())
        erin = switch.leg("erin")
        erin.answers()
        assert erin.ended.cause == 3


@run_virtual
async def test_originates_end_by_cancel_and_with_their_session():
    async with open_switch() as switch:
        switch.register("bob")
        for session in ("s1", "s2"):
            command = c.Originate(stages=((c.Target("bob"),),))
            switch.table.originate("o", command, switch.owner(session))
        switch.table.cancel("unknown", switch.owner("s1"))
        switch.table.cancel("o", switch.owner("s2"))
        assert [outcome.reason for outcome in switch.log.outcomes("o")] == ["stopped"]
        switch.table.lose_owner("s1")
        assert len(switch.log.outcomes("o")) == 2
        assert all(invite.is_over for invite in switch.sip.invites)


@run_virtual
async def test_what_cannot_be_originated_is_refused():
    async with open_switch() as switch:
        call = switch.call()
        wrong = {
            "bad_argument": [originate(), originate("bob", app="a", route="1"), originate("not a target")],
            "not_found": [originate("bob", bridge="none")],
        }
        for code, commands in wrong.items():
            for command in commands:
                with pytest.raises(CommandError) as refused:
                    switch.table.originate("o", command, switch.owner())
                assert refused.value.code == code
        with pytest.raises(CommandError) as refused:
            switch.table.originate("o", originate("bob", bridge=call.id), switch.owner("s2"))
        assert refused.value.code == "not_owner"
        assert switch.table.counts().originations == 0
