"""Whether new calls may come in."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from callflow.protocol.events import EngineDraining, EngineOverloaded, EngineRecovered, Event
from engine.gate import LOOK_EVERY, Gate
from engine.lateness import LATE_LOOKS
from engine.sip.messages import Request, parse_datagram
from engine.transport.backlog import Backlog
from tests.sip.messages_by_hand import request as message
from tests.trio_tests import run_virtual


def request(method: str, branch: int = 1) -> Request:
    made = parse_datagram(message(method, branch=f"z9hG4bK{branch}"))
    assert isinstance(made, Request)
    return made


class World:
    """A gate, what it told, and how many calls there are."""

    def __init__(self, *, most: int = 10, lag: float = 0.5, chance: float = 0.0) -> None:
        self.calls = self.branch = 0
        self.events: list[Event] = []
        self.media_lag = 0.0
        self.backlog = Backlog()
        self.gate = Gate(
            calls=lambda: self.calls,
            most=most,
            lag=lag,
            events=self,
            chance=lambda: chance,
            media_lag=0.03,
            take_media_lag=lambda: self.media_lag,
            backlog=lambda: self.backlog,
        )

    def emit(self, event: Event) -> int:
        self.events.append(event)
        return len(self.events)

    def passes(self, method: str = "INVITE") -> bool:
        self.branch += 1
        return self.gate.refuse(request(method, self.branch)) is None


def test_calls_pass_until_there_are_as_many_as_there_may_be():
    world = World(most=2)
    assert world.passes()
    world.calls = 2
    assert not world.passes()
    assert not world.passes()
    assert world.passes("OPTIONS")
    world.calls = 1
    assert world.passes()
    assert world.events == [EngineOverloaded(reason="calls", calls=2), EngineRecovered()]
    assert world.gate.refused == 2


def test_a_late_event_loop_lets_nothing_in_until_it_is_quick_again():
    world = World(lag=0.5)
    for _ in range(LATE_LOOKS):
        world.gate.note_lag(0.4)
    assert world.passes()
    for _ in range(LATE_LOOKS):
        world.gate.note_lag(0.6)
    assert not world.passes()
    world.gate.note_lag(0.3)  # not quick enough: it would be late again with the first calls
    assert not world.passes()
    world.gate.note_lag(0.1)
    assert world.passes()
    assert world.events == [EngineOverloaded(reason="lag", calls=0), EngineRecovered()]


def test_a_pause_is_no_overload():
    world = World(lag=0.5)
    for lag in (0.6, 0.7, 0.0, 1.4, 0.0, 0.6, 0.6, 0.1):
        world.gate.note_lag(lag)
        assert world.passes()
    assert world.events == []


def test_a_standstill_of_several_times_what_may_be_is_overload_at_once():
    world = World(lag=0.5)
    world.gate.note_lag(1.6)
    assert not world.passes()
    world.gate.note_lag(0.1)
    assert world.passes()


def test_with_a_limit_of_0_no_lag_matters():
    world = World(lag=0)
    world.gate.note_lag(100)
    assert world.passes()


@run_virtual
async def test_media_that_are_late_again_and_again_let_nothing_in_until_they_are_in_time():
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.gate.watch_lag, lambda: 0.0)
        world.media_lag = 0.04
        await trio.sleep(LOOK_EVERY * (LATE_LOOKS - 0.5))
        assert world.passes()
        await trio.sleep(LOOK_EVERY)
        assert not world.passes()
        assert world.passes("OPTIONS")
        world.media_lag = 0.001
        await trio.sleep(LOOK_EVERY)
        assert world.passes()
        nursery.cancel_scope.cancel()
    assert world.events == [EngineOverloaded(reason="media", calls=0), EngineRecovered()]


@run_virtual
async def test_sip_that_was_lost_before_it_was_read_lets_nothing_in_until_no_more_is():
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.gate.watch_lag, lambda: 0.0)
        await trio.sleep(LOOK_EVERY * 1.5)
        assert world.passes()
        world.backlog = Backlog(dropped=3)
        await trio.sleep(LOOK_EVERY)
        assert not world.passes()
        await trio.sleep(LOOK_EVERY)  # no more than before
        assert world.passes()
        nursery.cancel_scope.cancel()
    assert world.events == [EngineOverloaded(reason="queue", calls=0), EngineRecovered()]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Backlog(seconds=0.26), Backlog(seconds=0.12)),
        (Backlog(share=0.51), Backlog(share=0.29)),
    ],
)
def test_sip_that_waits_lets_nothing_in_until_little_does(before: Backlog, after: Backlog):
    world = World(lag=0.5)
    world.gate.note_backlog(Backlog(seconds=0.24, share=0.49))
    assert world.passes()
    world.gate.note_backlog(before)
    assert not world.passes()
    world.gate.note_backlog(Backlog(seconds=0.24, share=0.49))  # not little enough
    assert not world.passes()
    world.gate.note_backlog(after)
    assert world.passes()


def test_with_a_limit_of_0_no_backlog_matters():
    world = World(lag=0)
    world.gate.note_backlog(Backlog(seconds=100.0, share=1.0, dropped=1000))
    assert world.passes()


def test_an_invite_that_comes_again_hears_the_same_also_when_calls_are_let_in_again():
    world = World(most=1)
    world.calls = 1
    told = world.gate.refuse(request("INVITE", 1))
    world.calls = 0
    assert world.gate.refuse(request("INVITE", 1)) == told
    assert world.gate.refuse(request("INVITE", 2)) is None
    assert world.gate.refused == 1


def test_what_is_one_too_many_is_refused_whatever_it_is():
    world = World()
    assert world.gate.refuse(request("REGISTER")) is None
    assert world.gate.refuse(request("REGISTER"), is_one_too_many=True) is not None


def test_an_engine_that_drains_refuses_options_too_and_tells_it_once():
    world = World()
    world.calls = 3
    world.gate.drain()
    world.gate.drain()
    assert not world.passes()
    assert not world.passes("OPTIONS")
    assert world.events == [EngineDraining(calls=3)]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, "2"), (0.5, "6"), (0.999, "10")])
def test_who_is_refused_is_told_when_to_come_again_and_not_all_at_once(chance: float, seconds: str):
    world = World(most=1, chance=chance)
    world.calls = 1
    assert world.gate.refuse(request("INVITE")) == (("Retry-After", seconds),)


@pytest.mark.parametrize(
    ("steps", "is_ours", "passes"),
    [((0.8, 0.8, 0.8), True, False), ((0.8, 0.8, 0.8), False, True), ((0.8,), True, True), ((1.7,), True, False)],
)
@run_virtual
async def test_only_work_of_its_own_makes_the_event_loop_too_late_and_no_single_pause(
    steps: tuple[float, ...], is_ours: bool, passes: bool
):
    world, worked = World(lag=0.5), 0.0
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, trio.testing.MockClock)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.gate.watch_lag, lambda: worked)
        await trio.testing.wait_all_tasks_blocked()
        for seconds in steps:
            clock.jump(seconds)  # a step of that length
            worked += seconds if is_ours else 0.0
            await trio.testing.wait_all_tasks_blocked()
        assert world.passes() is passes
        nursery.cancel_scope.cancel()
