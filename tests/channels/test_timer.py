"""One task for all deadlines."""

from __future__ import annotations

import trio

from engine.channels.timer import Timers

from ..trio_tests import run_virtual


async def fired(*seconds, cancelled=()):
    """When timers set for these seconds fire."""
    timers, times = Timers(), []
    set_ = {each: timers.after(each, lambda each=each: times.append((each, trio.current_time()))) for each in seconds}
    for each in cancelled:
        set_[each].cancel()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        await trio.sleep(100)
        nursery.cancel_scope.cancel()
    assert timers.count == 0
    return times


@run_virtual
async def test_timers_fire_at_their_time_whatever_their_order():
    assert await fired(3, 1, 2) == [(1, 1), (2, 2), (3, 3)]


@run_virtual
async def test_a_cancelled_timer_does_not_fire():
    assert await fired(1, 2, 3, cancelled=(1, 3)) == [(2, 2)]


@run_virtual
async def test_a_timer_set_later_for_sooner_wakes_the_task_in_time():
    timers, times = Timers(), []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(timers.run)
        timers.after(50, lambda: times.append(trio.current_time()))
        await trio.sleep(1)
        timers.after(1, lambda: timers.after(0, lambda: times.append(trio.current_time())))
        await trio.sleep(99)
        nursery.cancel_scope.cancel()
    assert times == [2, 50]


@run_virtual
async def test_timers_that_were_cancelled_take_no_room():
    timers = Timers()
    for _ in range(10_000):
        timers.after(3600, lambda: None).cancel()
    assert timers.count == 0
    assert timers.room < 200


@run_virtual
async def test_cancelling_twice_or_after_firing_counts_once():
    timers = Timers()
    timer = timers.after(1, lambda: None)
    timer.cancel()
    timer.cancel()
    assert timers.count == 0
