"""dial: stages, delays, time-outs, the winner and the losers."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from callflow.protocol.commands import Answer, Bridge, Cancel, Dial, Hangup, Target, Tone
from callflow.protocol.events import Party
from callflow.protocol.outcomes import Answered, Branch, Failed
from engine.channels.errors import CommandError
from engine.channels.limits import Limits
from engine.media.session import ToneSource
from engine.sip import events as sip
from engine.sip.digest import Credentials

from ..trio_tests import run_virtual
from .switch import offer, open_switch, sip_response

ELSEWHERE = ("Reason", 'SIP;cause=200;text="Call completed elsewhere"')


def dial(*stages, **options):
    """A dial of stages of names or targets."""
    return Dial(
        stages=tuple(tuple(Target(each) if isinstance(each, str) else each for each in stage) for stage in stages),
        **options,
    )


def steps(switch):
    return [(e.event.target, e.event.state) for e in switch.log.entries if e.name == "dial.branch"]


@run_virtual
async def test_the_first_to_answer_wins_and_the_others_are_told():
    async with open_switch() as switch:
        call = switch.call()
        for name in ("bob", "carol"):
            switch.register(name)
        call.do(dial([Target("bob", leg="L1"), Target("carol", leg="L2")]), "d")
        bob, carol = switch.leg("bob"), switch.leg("carol")
        assert (bob.id, carol.id) == ("L1", "L2")
        carol.rings()
        carol.answers()
        assert switch.log.outcome("d") == Answered("L2", "carol")
        assert bob.invite.verbs == ["invite", "hang_up"]
        assert bob.invite.headers == [ELSEWHERE]
        assert (bob.ended.cause, bob.ended.sip_status, bob.ended.ended_by) == (26, 487, "engine")
        assert steps(switch) == [
            ("bob", "dialing"), ("carol", "dialing"), ("carol", "ringing"), ("carol", "answered"), ("bob", "cancelled"),
        ]  # fmt: skip
        assert carol.channel.is_alive
        assert switch.table.counts().claimed_ids == 0


@run_virtual
async def test_a_dialled_leg_is_a_channel_with_parent_and_owner():
    async with open_switch() as switch:
        call = switch.call(caller='"Alice" <sip:1001@192.0.2.1>')
        switch.register("bob", "sip:bob@192.0.2.9:5070")
        call.do(dial(["bob"], headers={"X-A": "1"}))
        bob = switch.leg("bob")
        created = switch.log.of(bob.id)[0]
        assert (created.direction, created.parent, created.owner, created.app) == (
            "outbound",
            call.id,
            "s1",
            "reception",
        )
        assert (created.to, created.callee.uri) == ("bob", "sip:bob@10.0.0.1")
        assert created.caller == Party("sip:1001@10.0.0.1", "1001", "Alice")
        assert str(bob.invite.uri) == "sip:bob@192.0.2.9:5070"
        assert str(bob.invite.from_.uri) == "sip:1001@10.0.0.1"
        assert bob.invite.from_.name == "Alice"
        assert bob.invite.headers == [("X-A", "1")]
        assert b"m=audio" in bob.invite.sent[0][1]


@pytest.mark.parametrize(
    ("caller_id", "name", "uri"),
    [
        ("+4930123", "", "sip:+4930123@10.0.0.1"),
        ("Bob <1002>", "Bob", "sip:1002@10.0.0.1"),
        ('"Bob B." <sip:bob@example.com>', "Bob B.", "sip:bob@example.com"),
        ("sip:bob@example.com", "", "sip:bob@example.com"),
    ],
)
def test_a_caller_id_is_what_the_callee_sees(caller_id, name, uri):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            call = switch.call()
            switch.register("bob")
            call.do(dial(["bob"], caller_id=caller_id))
            from_ = switch.leg("bob").invite.from_
            assert (from_.name, str(from_.uri)) == (name, uri)

    test()


@pytest.mark.parametrize("caller_id", ["", "a\r\nb", "<>", 'x"y <1>', "sip:[", "1 2", "x" * 600])
def test_a_caller_id_that_is_none_is_refused(caller_id):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            switch.register("bob")
            with pytest.raises(CommandError, match="caller id"):
                switch.call().do(dial(["bob"], caller_id=caller_id))

    test()


@run_virtual
async def test_stages_are_tried_in_turn_and_every_branch_is_told():
    async with open_switch() as switch:
        call = switch.call()
        for name in ("bob", "carol", "dave"):
            switch.register(name)
        call.do(dial(["bob", "carol"], ["dave"]), "d")
        switch.leg("bob").fails(486)
        assert [i.uri.user for i in switch.sip.invites[1:]] == ["bob", "carol"]
        switch.leg("carol").fails(603)
        switch.leg("dave").fails(404, "Reason: Q.850;cause=3\r\n")
        failed = switch.log.outcome("d")
        assert [(b.target, b.reason, b.sip_status, b.q850) for b in failed.branches] == [
            ("bob", "busy", 486, 17),
            ("carol", "declined", 603, 21),
            ("dave", "not_found", 404, 3),
        ]
        assert failed.reason == "no_answer"
        assert call.channel.is_alive


@run_virtual
async def test_a_stage_ends_after_its_time():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        switch.register("carol")
        call.do(dial(["bob"], ["carol"], timeout=20), "d")
        bob = switch.leg("bob")
        await trio.sleep(20.1)
        assert bob.invite.headers == [("Reason", 'Q.850;cause=19;text="no answer"')]
        assert bob.ended.cause == 19
        await trio.sleep(20)
        assert switch.log.outcome("d") == Failed((
            Branch("bob", bob.id, "no_answer", 0, 19),
            Branch("carol", switch.log.outcome("d").branches[1].leg, "no_answer", 0, 19),
        ))  # fmt: skip


@run_virtual
async def test_a_target_waits_for_its_delay_and_has_its_own_time():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        switch.register("carol")
        call.do(dial([Target("bob", timeout=3), Target("carol", delay=5)]), "d")
        await trio.sleep(4.9)
        assert steps(switch) == [("bob", "dialing"), ("bob", "failed")]
        await trio.sleep(0.2)
        switch.leg("carol").answers()
        assert switch.log.outcome("d").target == "carol"


@run_virtual
async def test_a_target_whose_delay_outlasts_its_stage_is_not_called():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial([Target("bob", delay=50)], timeout=5), "d")
        await trio.sleep(60)
        assert len(switch.sip.invites) == 1
        assert switch.log.outcome("d").branches[0].reason == "no_answer"


@run_virtual
async def test_a_user_who_is_not_registered_is_unavailable():
    async with open_switch() as switch:
        call = switch.call()
        call.do(dial(["nobody"], ["sip:nobody@10.0.0.1"]), "d")
        branches = switch.log.outcome("d").branches
        assert [(b.reason, b.sip_status, b.q850) for b in branches] == [("unavailable", 480, 20)] * 2


@run_virtual
async def test_all_phones_of_a_user_ring_as_one_branch():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob", "sip:bob@192.0.2.9", "sip:bob@192.0.2.10")
        call.do(dial([Target("bob", leg="L")]), "d")
        first, second = switch.sip.invites[1:]
        assert [str(i.uri) for i in (first, second)] == ["sip:bob@192.0.2.9", "sip:bob@192.0.2.10"]
        assert steps(switch) == [("bob", "dialing")]
        second_leg = switch.leg("bob")
        second_leg.rings()
        second_leg.answers()
        assert switch.log.outcome("d") == Answered(second_leg.id, "bob")
        assert first.headers == [ELSEWHERE]


@run_virtual
async def test_a_branch_fails_when_its_last_phone_does_and_tells_most():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob", "sip:bob@192.0.2.9", "sip:bob@192.0.2.10")
        call.do(dial(["bob"]), "d")
        switch.leg("bob").fails(486)
        assert switch.log.outcomes("d") == []
        switch.leg("bob").fails(404)
        assert switch.log.outcome("d").branches[0].reason == "busy"


@run_virtual
async def test_a_phone_that_declines_speaks_for_all_of_its_user():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob", "sip:bob@192.0.2.9", "sip:bob@192.0.2.10")
        call.do(dial(["bob"]), "d")
        switch.leg("bob").fails(603)
        assert switch.log.outcome("d").branches[0].reason == "declined"
        assert all(invite.is_over for invite in switch.sip.invites[1:])


@run_virtual
async def test_another_sip_uri_is_resolved_and_called_as_it_is():
    async with open_switch() as switch:
        call = switch.call()
        switch.sip.resolving_takes = 0.5
        call.do(dial(["sip:bob@example.com;transport=tcp"]), "d")
        assert switch.table.counts().tasks == 1
        await trio.sleep(0.6)
        bob = switch.leg("bob")
        assert str(bob.invite.uri) == "sip:bob@example.com;transport=tcp"
        bob.answers()
        assert switch.log.outcome("d").leg == bob.id


@run_virtual
async def test_a_host_that_cannot_be_reached_fails_the_branch():
    async with open_switch() as switch:
        call = switch.call()
        switch.sip.unreachable.add("example.com")
        call.do(dial(["sip:bob@example.com"]), "d")
        await trio.sleep(0.1)
        assert switch.log.outcome("d").branches[0].reason == "unreachable"


@run_virtual
async def test_a_host_that_is_only_a_word_means_a_registered_user():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("desk")
        call.do(dial(["sip:desk@pbx"]))
        assert str(switch.leg("desk").invite.uri) == "sip:desk@192.0.2.9"


@run_virtual
async def test_a_transport_failure_at_once_is_told_after_the_channel_was_created():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob", "sip:bob@192.0.2.9", "sip:bob@192.0.2.10")
        fail = sip.InviteFailed
        switch.sip.on_invite = lambda invite: switch.table.handle(fail(invite, 503, "", None))  # type: ignore[arg-type]
        call.do(dial(["bob"]), "d")
        assert switch.log.outcome("d").branches[0].reason == "unreachable"
        assert len(switch.sip.invites) == 3
        assert [e.name for e in switch.log.entries if e.channel != call.id] == ["channel.created", "channel.ended"] * 2


@run_virtual
async def test_no_port_for_a_leg_fails_the_branch():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        switch.media.most = 1
        call.do(dial(["bob"]), "d")
        assert switch.log.outcome("d").branches[0].reason == "failed"
        assert switch.media.open_sessions == 1


@run_virtual
async def test_an_answer_without_a_common_codec_fails_the_branch():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]), "d")
        bob = switch.leg("bob")
        bob.answers(offer(codecs="3"))
        assert bob.invite.verbs == ["invite", "hang_up"]
        assert switch.log.outcome("d").branches[0].q850 == 88


@run_virtual
async def test_the_caller_hears_ringback_until_the_answer():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"], ringback="us"))
        assert call.invite.verbs == ["ring 183"]
        assert call.media.played == [(ToneSource((440, 480), (2000, 4000)),)]
        switch.leg("bob").rings()
        await trio.sleep(5)
        switch.leg("bob").answers()
        assert call.media.playing == []
        assert call.invite.verbs == ["ring 183"]


@run_virtual
async def test_ringback_in_an_answered_call_is_heard_in_the_call():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(Answer())
        call.do(dial(["bob"], ringback=Tone("ringback/de")))
        assert len(call.media.playing) == 1
        assert call.invite.verbs == ["answer"]


@run_virtual
async def test_without_ringback_the_caller_is_told_when_a_phone_rings():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]))
        assert call.invite.verbs == []
        switch.leg("bob").rings()
        assert call.invite.verbs == ["ring 180"]


@run_virtual
async def test_a_caller_without_an_offer_is_told_that_it_rings_instead_of_ringback():
    async with open_switch() as switch:
        call = switch.call(body=b"")
        switch.register("bob")
        call.do(dial(["bob"], ringback="us"))
        switch.leg("bob").rings()
        assert call.invite.verbs == ["ring 180"]


@run_virtual
async def test_early_media_of_a_callee_is_told():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]))
        bob = switch.leg("bob")
        bob.hear(sip.InviteProgressed, sip_response(183, offer()))
        assert bob.names == ["channel.created", "channel.progress"]
        assert steps(switch)[-1] == ("bob", "progress")


@run_virtual
async def test_the_caller_hanging_up_cancels_every_leg():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        switch.sip.resolving_takes = 5
        call.do(dial(["bob", "sip:carol@example.com", Target("bob", delay=9)]), "d")
        bob = switch.leg("bob")
        call.cancel()
        failed = switch.log.outcome("d")
        assert failed.reason == "hangup"
        assert [branch.reason for branch in failed.branches] == ["cancelled"] * 3
        assert (bob.ended.ended_by, bob.ended.cause) == ("caller", 16)
        assert call.names[-1] == "channel.ended"
        await trio.sleep(0.1)
        assert switch.is_empty()


@run_virtual
async def test_cancelling_the_dial_keeps_the_caller():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"], ["bob"]), "d")
        bob = switch.leg("bob")
        call.do(Cancel(command="d"))
        assert switch.log.outcome("d").reason == "stopped"
        assert bob.ended.ended_by == "app"
        assert call.channel.is_alive


@run_virtual
async def test_hanging_up_a_leg_that_rings_fails_its_branch():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]), "d")
        bob = switch.leg("bob")
        bob.do(Hangup())
        assert bob.invite.verbs == ["invite", "hang_up"]
        (branch,) = switch.log.outcome("d").branches
        assert (branch.leg, branch.reason) == (bob.id, "cancelled")


@run_virtual
async def test_an_engine_that_is_full_fails_the_branch():
    async with open_switch(limits=Limits(channels=1)) as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]), "d")
        assert switch.log.outcome("d").branches[0].sip_status == 503


@run_virtual
async def test_an_answer_that_crosses_the_cancel_is_hung_up():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]), "d")
        bob = switch.leg("bob")
        call.do(Cancel(command="d"))
        bob.invite.is_over = False
        bob.answers()
        assert bob.invite.verbs == ["invite", "hang_up", "hang_up"]
        assert "channel.answered" not in bob.names


@run_virtual
async def test_a_lost_owner_ends_the_legs_it_dialled():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        switch.register("carol")
        call.do(dial(["bob"]), "d1")
        bob = switch.leg("bob")
        bob.answers()
        call.do(dial(["carol"]), "d2")
        carol = switch.leg("carol")
        switch.table.lose_owner("s1")
        assert [leg.ended.ended_by for leg in (call, bob)] == ["engine", "engine"]
        assert carol.names[-1] == "channel.ended"
        assert switch.log.outcome("d2").reason == "hangup"
        assert switch.is_empty()


@run_virtual
async def test_the_winner_can_be_bridged():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(dial(["bob"]), "d")
        bob = switch.leg("bob")
        bob.answers()
        call.do(Bridge(other=bob.id), "b")
        assert call.media.relayed is bob.media
        bob.bye()
        assert (call.ended.ended_by, bob.ended.ended_by) == ("callee", "callee")
        assert switch.is_empty()


@pytest.mark.parametrize("is_silent", [False, True])
@run_virtual
async def test_the_next_server_of_a_uri_is_tried_when_one_is_overloaded_or_silent(is_silent: bool):
    async with open_switch() as switch:
        switch.sip.servers["example.com"] = 2
        call = switch.call()
        call.do(dial(["sip:bob@example.com"]), "d")
        await trio.testing.wait_all_tasks_blocked()
        first = switch.leg("bob")
        if is_silent:
            await trio.sleep(4.1)
        else:
            first.fails(503)
        await trio.testing.wait_all_tasks_blocked()
        second = switch.leg("bob")
        assert second.id != first.id
        second.fails(503)
        await trio.testing.wait_all_tasks_blocked()
        outcome = switch.log.outcome("d")
        assert [branch.sip_status for branch in outcome.branches] == [503]
        call.bye()
        assert switch.is_empty()


@pytest.mark.parametrize(
    "command",
    [
        Dial(stages=()),
        Dial(stages=((),)),
        dial(*[["bob"]] * 17),
        dial(["bob"] * 33),
        dial(["bob"], timeout=0),
        dial(["bob"], timeout=float("nan")),
        dial([Target("bob", delay=-1)]),
        dial([Target("bob", timeout=0)]),
        dial([Target("bob", headers={"Via": "x"})]),
        dial([Target("bob", leg="L"), Target("bob", leg="L")]),
        dial([Target("bob", leg="x" * 129)]),
        dial([Target("bob", leg="a\nb")]),
        dial([""]),
        dial(["a b"]),
        dial(["a@b"]),
        dial(["http:bob@example.com"]),
        dial(["tel:123"]),
        dial(["sip:"]),
        dial(["x" * 600]),
        dial(["bob"], ringback="../x.wav"),
    ],
)
def test_a_dial_that_makes_no_sense_is_refused(command, tmp_path):
    @run_virtual
    async def test():
        async with open_switch(tmp_path) as switch:
            call = switch.call()
            switch.register("bob")
            with pytest.raises(CommandError) as caught:
                call.do(command)
            assert caught.value.code == "bad_argument"
            assert len(switch.sip.invites) == 1
            assert call.invite.sent == []
            assert switch.table.counts().claimed_ids == 0

    test()


@run_virtual
async def test_a_leg_id_that_is_taken_or_promised_is_refused():
    async with open_switch() as switch:
        call = switch.call()
        call.do(dial([Target("bob", leg="L", delay=9)]), "d")
        for leg in (call.id, "L"):
            with pytest.raises(CommandError, match="is taken"):
                call.do(dial([Target("bob", leg=leg)]), "e")


@run_virtual
async def test_a_target_may_have_credentials_which_go_nowhere_else():
    async with open_switch() as switch:
        call = switch.call()
        target = Target("sip:x@example.com", username="me", password="secret")
        call.do(Dial(stages=((target, Target("sip:y@example.com")),), redirects=1))
        await trio.sleep(0.1)
        assert switch.sip.called("x").credentials == Credentials("me", "secret")
        assert switch.sip.called("y").credentials is None
        switch.leg("x").fails(302)  # to b
        await trio.sleep(0.1)
        assert switch.sip.called("b").credentials is None
        call.cancel()


@run_virtual
async def test_only_sip_uris_are_followed_each_once_and_the_first_of_them_first():
    async with open_switch() as switch:
        call = switch.call()
        call.do(Dial(stages=((Target("sip:x@example.com"),),), redirects=3), "d")
        await trio.sleep(0.1)
        switch.leg("x").fails(302, "Contact: <tel:+4930>\r\nContact: <sip:x@example.com>\r\n")
        await trio.sleep(0.1)
        switch.leg("b").fails(486)
        (failed,) = switch.log.outcomes("d")  # x was tried before, and is not again
        assert [branch.reason for branch in failed.branches] == ["busy"]
        call.cancel()
