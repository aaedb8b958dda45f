"""Tones in the early media of a leg that is dialled: who listens, from when until when, and what follows."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from callflow.protocol.commands import Cancel, Detect, Dial, Originate, Target
from engine.media.session import SoundDetected
from engine.sip import events as sip

from ..trio_tests import run_virtual
from .switch import offer, open_switch, sip_response

BUSY = SoundDetected("busy", 2000)
CONGESTION = SoundDetected("congestion", 1000)


def dial(*targets, **options):
    return Dial(stages=(tuple(Target(each) for each in targets),), **options)


def plays(leg):
    """183 with SDP."""
    leg.hear(sip.InviteProgressed, sip_response(183, offer()))


def failures(switch, command="d"):
    return [(branch.reason, branch.sip_status, branch.q850) for branch in switch.log.outcome(command).branches]


@run_virtual
async def test_the_leg_is_cancelled_and_told_why():
    async with open_switch() as switch:
        switch.register("bob")
        switch.call().do(dial("bob"), "d")
        bob = switch.leg("bob")
        plays(bob)
        bob.channel.receive_media(BUSY)
        assert failures(switch) == [("busy", 486, 17)]
        assert bob.invite.verbs == ["invite", "hang_up"]
        assert bob.invite.headers == [("Reason", 'Q.850;cause=17;text="user busy"')]
        assert (bob.ended.cause, bob.ended.sip_status, bob.ended.ended_by) == (17, 487, "engine")


@run_virtual
async def test_originate_hears_it_too():
    async with open_switch() as switch:
        switch.register("bob")
        switch.table.originations.start("o", Originate(stages=((Target("bob"),),)), switch.owner())
        bob = switch.leg("bob")
        plays(bob)
        bob.channel.receive_media(CONGESTION)
        assert failures(switch, "o") == [("failed", 503, 34)]


@run_virtual
async def test_it_is_listened_from_the_first_early_media_until_the_answer():
    async with open_switch() as switch:
        switch.register("bob")
        switch.call().do(dial("bob"), "d")
        bob = switch.leg("bob")
        bob.rings()
        assert bob.media.detects is None
        plays(bob)
        assert bob.media.detects == -42.0
        bob.answers()
        assert bob.media.detects is None
        assert bob.channel.is_alive


@pytest.mark.parametrize("noticed", ["beep", "cng", "ced", "talk_started", "talk_stopped"])
def test_other_sounds_say_nothing(noticed):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            switch.register("bob")
            switch.call().do(dial("bob"), "d")
            bob = switch.leg("bob")
            plays(bob)
            bob.channel.receive_media(SoundDetected(noticed, 2000))
            assert bob.channel.is_alive

    test()


@run_virtual
async def test_nobody_listens_who_was_told_not_to():
    async with open_switch() as switch:
        switch.register("bob")
        switch.call().do(dial("bob", tones=False), "d")
        bob = switch.leg("bob")
        plays(bob)
        assert bob.media.detects is None
        bob.channel.receive_media(BUSY)
        assert bob.channel.is_alive
        bob.answers()
        assert switch.log.outcome("d").leg == bob.id


@run_virtual
async def test_an_app_that_listens_there_itself_has_it_alone():
    async with open_switch() as switch:
        switch.register("bob")
        switch.call().do(dial("bob"), "d")
        bob = switch.leg("bob")
        bob.do(Detect(what=("busy",), level_dbov=-30.0), "heard")
        plays(bob)
        assert bob.media.detects == -30.0
        bob.channel.receive_media(BUSY)
        assert switch.log.outcome("heard").what == "busy"
        plays(bob)
        assert bob.media.detects is None
        assert bob.channel.is_alive


@run_virtual
async def test_an_app_that_listens_later_takes_it_over():
    async with open_switch() as switch:
        switch.register("bob")
        switch.call().do(dial("bob"), "d")
        bob = switch.leg("bob")
        plays(bob)
        bob.do(Detect(what=("busy",), level_dbov=-30.0), "heard")
        bob.answers()
        assert bob.media.detects == -30.0
        bob.do(Cancel(command="heard"))
        assert bob.media.detects is None


@run_virtual
async def test_what_is_told_of_a_tone_after_the_answer_comes_too_late():
    async with open_switch() as switch:
        switch.register("bob")
        call = switch.call()
        call.do(dial("bob"), "d")
        bob = switch.leg("bob")
        plays(bob)
        bob.answers()
        bob.channel.receive_media(BUSY)
        assert bob.channel.is_alive


@run_virtual
async def test_a_second_phone_of_the_user_rings_on():
    async with open_switch() as switch:
        switch.register("bob", "sip:bob@192.0.2.9:5070", "sip:bob@192.0.2.9:5080")
        switch.call().do(dial("bob"), "d")
        second = switch.leg("bob")
        plays(second)
        second.channel.receive_media(BUSY)
        first = switch.leg("bob")
        assert first.id != second.id
        first.answers()
        assert switch.log.outcome("d").leg == first.id


@pytest.mark.parametrize(("tone", "goes_on"), [(CONGESTION, True), (BUSY, False)])
def test_congestion_has_the_next_server_tried_as_503_would(tone, goes_on):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            switch.sip.servers["example.com"] = 2
            switch.call().do(dial("sip:bob@example.com"), "d")
            await trio.testing.wait_all_tasks_blocked()
            first = switch.leg("bob")
            plays(first)
            first.channel.receive_media(tone)
            await trio.testing.wait_all_tasks_blocked()
            if goes_on:
                switch.leg("bob").answers()
                assert switch.log.outcome("d").leg != first.id
            else:
                assert failures(switch) == [("busy", 486, 17)]

    test()
