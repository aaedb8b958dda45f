"""What HEARTBEAT tells of calls that begin."""

from __future__ import annotations

from engine.eventsocket.esl.pulse import Pulse


def test_calls_are_counted_by_the_second_and_for_five_minutes():
    pulse = Pulse()
    for at, alive in ((10.1, 1), (10.9, 2), (11.0, 3)):
        pulse.begin(at, alive)
    assert (pulse.sessions, pulse.peak, pulse.fastest) == (3, 3, 2)
    assert [pulse.last(now) for now in (11.5, 12.5, 13.5)] == [2, 1, 0]
    assert (pulse.fastest_of_five_minutes(300.0), pulse.peak_of_five_minutes(300.0, alive=1)) == (2, 3)
    assert (pulse.fastest_of_five_minutes(400.0), pulse.peak_of_five_minutes(400.0, alive=1)) == (0, 1)
    assert (pulse.peak, pulse.fastest) == (3, 2)


def test_the_machine_is_as_idle_as_the_kernel_says():
    assert 0 <= Pulse().take_idle() <= 100
