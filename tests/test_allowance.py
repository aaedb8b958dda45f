"""So much a second, and so much at once."""

from __future__ import annotations

from engine.allowance import Allowance


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_is_had_at_once_and_then_the_rate():
    clock = Clock()
    allowance = Allowance(10, 20, clock=clock)
    assert [allowance.take() for _ in range(21)] == [True] * 20 + [False]
    clock.now = 0.1
    assert [allowance.take() for _ in range(2)] == [True, False]


def test_it_does_not_fill_beyond_the_burst():
    clock = Clock()
    allowance = Allowance(10, 20, clock=clock)
    clock.now = 1000.0
    assert [allowance.take(20), allowance.take()] == [True, False]


def test_what_costs_more_than_is_left_is_not_taken_in_part():
    allowance = Allowance(1, 10, clock=Clock())
    assert [allowance.take(11), allowance.take(10)] == [False, True]


def test_some_are_taken_where_not_all_are_left():
    clock = Clock()
    allowance = Allowance(10, 20, clock=clock)
    assert [allowance.take_some(15), allowance.take_some(15), allowance.take_some(15)] == [15, 5, 0]
    clock.now = 0.25
    assert allowance.take_some(15) == 2
