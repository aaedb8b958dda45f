"""Timers of a program, on a clock in the test's hands."""

from __future__ import annotations

from callflow.runtime.lua.timer import Timers


def test_they_come_in_their_order_and_once():
    now, done = [0.0], []
    timers = Timers(lambda: now[0])
    for seconds in (3, 1, 2):
        timers.after(seconds, lambda seconds=seconds: done.append(seconds))
    assert timers.next_at == 1
    now[0] = 2.5
    for act in timers.due():
        act()
    assert done == [1, 2]
    assert timers.next_at == 3


def test_one_that_is_cancelled_does_not_come():
    now, done = [0.0], []
    timers = Timers(lambda: now[0])
    first = timers.after(1, lambda: done.append(1))
    timers.after(2, lambda: done.append(2))
    first.cancel()
    first.cancel()
    now[0] = 5.0
    for act in timers.due():
        act()
    assert done == [2]
    assert timers.next_at == float("inf")


def test_those_that_are_cancelled_are_not_kept():
    timers = Timers(lambda: 0.0)
    timers.after(7200, lambda: None)
    for _ in range(5000):
        timers.after(3600, lambda: None).cancel()
    assert len(timers) < 1500
    assert timers.next_at <= 7200
