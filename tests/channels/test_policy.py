"""What becomes of a call whose app is lost."""

from __future__ import annotations

import pytest
import trio

from callflow.protocol import commands as c
from callflow.protocol.events import OwnerChanged, OwnerLost
from engine.channels.errors import CommandError
from engine.channels.ports import Admission

from ..trio_tests import run_virtual
from .switch import open_switch


@run_virtual
async def test_it_waits_with_music_and_is_given_back(tmp_path):
    async with open_switch(tmp_path) as switch:
        call = switch.call()
        call.do(c.Policy(wait=10, music=("welcome.wav",)))
        call.do(c.Gather(prompt=("wrong.wav",)), "g")
        switch.table.lose_owner("s1")
        assert switch.log.last("channel.owner_lost") == OwnerLost(session="s1", wait=10)
        assert switch.log.outcome("g").reason == "cancelled"
        await trio.sleep(0.1)
        assert call.media.playing == ["background"]
        await trio.sleep(9)
        call.channel.give(switch.owner("s2"))
        changed = switch.log.last("channel.owner_changed")
        assert (changed.owner, changed.to, changed.state.id) == ("s2", "", call.id)
        assert call.media.playing == []
        await trio.sleep(60)
        assert call.channel.is_alive
        call.do(c.Gather(), "g2")


@run_virtual
async def test_without_music_a_tone_tells_that_somebody_is_there():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Policy(wait=10))
        switch.table.lose_owner("s1")
        assert call.channel.state.value == "early"
        assert call.media.playing == ["background"]


@run_virtual
async def test_when_nobody_came_it_ends_with_the_cause():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Answer())
        call.do(c.Policy(wait=3, then=c.Fallback(cause="normal_unspecified")))
        switch.table.lose_owner("s1")
        await trio.sleep(3.1)
        assert (call.ended.cause, call.ended.ended_by) == (31, "engine")


@run_virtual
async def test_then_another_app_takes_it():
    async with open_switch() as switch:
        call = switch.call(to="1000")
        call.do(c.Policy(then=c.Fallback(app="other")))
        switch.heir = Admission("other", owner=switch.owner("s7"))
        switch.table.lose_owner("s1")
        assert call.channel.owner == switch.owner("s7")
        changed = switch.log.last("channel.owner_changed")
        assert isinstance(changed, OwnerChanged)
        assert (changed.owner, changed.to) == ("s7", "1000")


@run_virtual
async def test_then_the_app_of_a_route_takes_it_as_a_call_to_that_number():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Policy(then=c.Fallback(route="0")))
        switch.table.lose_owner("s1")
        changed = switch.log.last("channel.owner_changed")
        assert (changed.owner, changed.to) == ("s3", "0")


@pytest.mark.parametrize("comes", [True, False])
def test_an_app_that_is_on_its_way_is_waited_for(comes):
    @run_virtual
    async def test():
        async with open_switch() as switch:
            call = switch.call()
            call.do(c.Policy(then=c.Fallback(app="other", cause=34)))
            switch.table.lose_owner("s1")
            assert (call.channel.owner, call.channel.app) == (None, "other")
            assert call.media.playing == ["background"]
            await trio.sleep(0.9)
            if comes:
                call.channel.give(switch.owner("s8"))
            await trio.sleep(0.2)
            assert call.channel.is_alive if comes else call.ended.cause == 34

    test()


@run_virtual
async def test_an_app_that_is_nowhere_is_not_waited_for():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Policy(then=c.Fallback(app="other")))
        switch.heir = None
        switch.table.lose_owner("s1")
        assert call.ended.cause == 41


@run_virtual
async def test_a_conversation_goes_on_and_the_policy_is_for_afterwards():
    async with open_switch() as switch:
        call, other = switch.call(), switch.call()
        call.do(c.Policy(wait=5))
        call.do(c.Bridge(other=other.id, hangup_after=False))
        switch.table.lose_owner("s1")
        await trio.sleep(60)
        assert call.media.relayed is other.media
        other.bye()
        await trio.sleep(4)
        assert call.channel.is_alive
        await trio.sleep(2)
        assert call.ended.cause == 41


@run_virtual
async def test_a_call_that_its_app_abandons_has_what_its_policy_says():
    async with open_switch() as switch:
        call, other = switch.call(), switch.call()
        call.do(c.Policy(then=c.Fallback(app="other")))
        call.do(c.Gather(), "g")
        switch.heir = Admission("other", owner=switch.owner("s9"))
        call.do(c.Abandon())
        assert switch.log.outcome("g").reason == "cancelled"
        assert call.channel.owner.session == "s9"
        assert other.channel.owner.session == "s1"


@run_virtual
async def test_abandoned_without_a_policy_it_ends():
    async with open_switch() as switch:
        call = switch.call()
        call.do(c.Abandon())
        assert (call.ended.cause, call.ended.ended_by) == (41, "engine")


@run_virtual
async def test_what_a_policy_cannot_say_is_refused():
    async with open_switch() as switch:
        call = switch.call()
        for command in (c.Policy(wait=-1), c.Policy(then=c.Fallback(app="a", route="1")), c.Policy(music=("no.wav",))):
            with pytest.raises(CommandError):
                call.do(command)
        switch.table.successors = None
        with pytest.raises(CommandError) as refused:
            call.do(c.Policy(then=c.Fallback(app="a")))
        assert refused.value.code == "unsupported"


@run_virtual
async def test_a_leg_that_lived_for_its_bridge_only_is_not_bridged_again():
    async with open_switch() as switch:
        call, other, third = (switch.call() for _ in range(3))
        call.do(c.Policy(wait=5))
        call.do(c.Bridge(other=other.id))
        third.do(c.Answer())
        switch.table.lose_owner("s1")
        call.channel.give(switch.owner("s1"))  # back, but without the other leg
        with pytest.raises(CommandError) as refused:
            other.do(c.Bridge(other=call.id))
        assert refused.value.code == "call_ended"
        assert other.names[-2:] == ["channel.unbridged", "channel.ended"]
