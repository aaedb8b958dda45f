"""bridge: two channels that hear each other, and every way in which that ends."""

from __future__ import annotations

import pytest

from callflow.protocol.commands import Answer, Bridge, Cancel, Dial, Hangup, Play, Silence, Target, Unbridge
from callflow.protocol.outcomes import Unbridged
from engine.channels.errors import CommandError
from engine.channels.ports import Admission

from ..trio_tests import run_virtual
from .switch import open_switch


def two(switch, **options):
    """Two answered calls in a bridge."""
    a, b = switch.call(), switch.call()
    a.do(Answer())
    b.do(Answer())
    a.do(Bridge(other=b.id, **options), "b")
    return a, b


def names(call):
    return [name for name in call.names if "bridge" in name or name == "channel.ended"]


@run_virtual
async def test_a_bridge_relays_both_and_is_told_on_both():
    async with open_switch() as switch:
        a, b = two(switch)
        assert a.media.relayed is b.media
        created = switch.log.last("bridge.created")
        assert created.channels == (a.id, b.id)
        (state,) = switch.table.bridge_states()
        assert (state.id, state.channels) == (created.bridge, (a.id, b.id))
        assert switch.table.states()[0].bridge == created.bridge
        (told,) = [event for event in switch.log.of(b.id) if event.name == "channel.bridged"]
        assert (told.bridge, told.other) == (created.bridge, a.id)


@run_virtual
async def test_an_unanswered_caller_is_answered_first():
    async with open_switch() as switch:
        a, b = switch.call(), switch.call()
        a.do(Bridge(other=b.id), "b")
        assert a.invite.verbs == b.invite.verbs == ["answer"]


@run_virtual
async def test_a_callee_who_has_not_answered_is_a_wrong_state():
    async with open_switch() as switch:
        call = switch.call()
        switch.register("bob")
        call.do(Dial(stages=((Target("bob"),),)))
        with pytest.raises(CommandError) as caught:
            call.do(Bridge(other=switch.leg("bob").id))
        assert caught.value.code == "wrong_state"
        assert "channel.answered" not in call.names


@run_virtual
async def test_unbridge_parts_them_and_both_stay_up():
    async with open_switch() as switch:
        a, b = two(switch)
        b.do(Unbridge())
        assert switch.log.outcome("b") == Unbridged("unbridged", b.id)
        assert names(a) == names(b) == ["channel.bridged", "channel.unbridged"]
        assert a.media.relayed is None
        assert switch.log.last("bridge.ended")
        assert switch.table.bridges == {}
        assert a.channel.is_alive
        assert b.channel.is_alive


@run_virtual
async def test_the_command_is_named_on_the_channel_it_was_given_to_only():
    async with open_switch() as switch:
        a, b = two(switch)
        a.do(Unbridge())
        commands = [event.command for call in (a, b) for event in switch.log.of(call.id) if hasattr(event, "outcome")]
        assert commands == ["b", None]


@run_virtual
async def test_cancelling_the_command_parts_them():
    async with open_switch() as switch:
        a, b = two(switch)
        a.do(Cancel(command="b"))
        assert switch.log.outcome("b") == Unbridged("stopped")
        assert b.channel.is_alive


@pytest.mark.parametrize("first", [0, 1])
def test_a_hangup_of_either_hangs_up_the_other(first):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            calls = two(switch)
            calls[first].bye("Q.850;cause=31")
            other = calls[1 - first]
            assert switch.log.outcome("b") == Unbridged("hangup", calls[first].id)
            assert names(calls[0]) == names(calls[1]) == ["channel.bridged", "channel.unbridged", "channel.ended"]
            assert other.invite.verbs[-1] == "hang_up"
            assert (other.ended.cause, other.ended.ended_by) == (16, "caller")
            assert switch.is_empty()

    test()


@run_virtual
async def test_without_hangup_after_the_other_stays_up():
    async with open_switch() as switch:
        a, b = two(switch, hangup_after=False)
        a.do(Hangup())
        assert names(b) == ["channel.bridged", "channel.unbridged"]
        assert b.channel.is_alive


@run_virtual
async def test_a_new_bridge_ends_the_older_ones_of_both():
    async with open_switch() as switch:
        a, b = two(switch)
        c, d = switch.call(), switch.call()
        c.do(Bridge(other=d.id), "b2")
        a.do(Bridge(other=c.id), "b3")
        assert switch.log.outcome("b") == switch.log.outcome("b2") == Unbridged("unbridged", a.id)
        assert switch.log.outcomes("b3") == []
        assert a.media.relayed is c.media
        assert len(switch.table.bridges) == 1
        assert b.channel.is_alive
        assert d.channel.is_alive


@run_virtual
async def test_bridging_the_same_two_again_begins_anew():
    async with open_switch() as switch:
        a, b = two(switch)
        b.do(Bridge(other=a.id), "again")
        assert switch.log.outcome("b").reason == "unbridged"
        b.bye()
        assert switch.log.outcome("again") == Unbridged("hangup", b.id)
        assert switch.is_empty()


@run_virtual
async def test_a_channel_of_another_owner_is_not_to_be_had():
    async with open_switch() as switch:
        a = switch.call()
        switch.admission = Admission("other", owner=switch.owner("s2"))
        b = switch.call()
        with pytest.raises(CommandError) as caught:
            a.do(Bridge(other=b.id))
        assert caught.value.code == "not_owner"
        with pytest.raises(CommandError, match="itself"):
            a.do(Bridge(other=a.id))


@run_virtual
async def test_a_playback_that_is_still_reporting_holds_up_only_its_own_channel():
    async with open_switch() as switch:
        a, b = two(switch)
        a.do(Play(sources=(Silence(9),)), "p")
        a.bye()
        assert "channel.ended" not in a.names
        assert b.names[-1] == "channel.ended"
