"""The heap of deadlines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.sip.schedule import Alarm, Schedule
from engine.sip.timers import NEVER


def alarm() -> Alarm:
    return Alarm()


def test_the_nearest_deadline_comes_first_and_equal_ones_in_order():
    schedule: Schedule[Alarm] = Schedule()
    first, second, third = alarm(), alarm(), alarm()
    schedule.set(second, 2.0)
    schedule.set(third, 2.0)
    schedule.set(first, 1.0)
    assert schedule.next_deadline() == 1.0
    assert [schedule.pop_due(5.0) for _ in range(4)] == [first, second, third, None]


def test_nothing_is_due_before_its_time():
    schedule: Schedule[Alarm] = Schedule()
    schedule.set(alarm(), 2.0)
    assert schedule.pop_due(1.9) is None
    assert schedule.pop_due(2.0) is not None


def test_a_deadline_that_was_moved_counts_only_once():
    schedule: Schedule[Alarm] = Schedule()
    item = alarm()
    for at in (3.0, 1.0, 3.0, 2.0):
        schedule.set(item, at)
    assert schedule.next_deadline() == 2.0
    assert schedule.pop_due(9.0) is item
    assert schedule.pop_due(9.0) is None
    assert schedule.next_deadline() is None


def test_never_takes_a_deadline_away():
    schedule: Schedule[Alarm] = Schedule()
    item = alarm()
    schedule.set(item, 1.0)
    schedule.set(item, NEVER)
    assert schedule.next_deadline() is None


@given(st.lists(st.tuples(st.integers(0, 4), st.one_of(st.floats(0, 100), st.just(NEVER)))))
def test_each_item_is_due_once_at_its_last_deadline(settings):
    schedule: Schedule[Alarm] = Schedule()
    items = [alarm() for _ in range(5)]
    last: dict[int, float] = {}
    for number, at in settings:
        schedule.set(items[number], at)
        last[number] = at
    due = []
    while (at := schedule.next_deadline()) is not None:
        item = schedule.pop_due(at)
        due.append((at, next(number for number, one in enumerate(items) if one is item)))
    assert sorted(due) == sorted((at, number) for number, at in last.items() if at != NEVER)
    assert [at for at, _ in due] == sorted(at for at, _ in due)
