"""The worst of the last seconds."""

from engine.peak import HALF, Peak


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_worst_is_remembered_for_a_while_and_then_forgotten():
    clock = Clock()
    peak = Peak(clock)
    assert peak.value == 0
    peak.note(0.3)
    peak.note(0.1)
    clock.now += HALF
    peak.note(0.2)
    assert peak.value == 0.3
    clock.now += HALF
    assert peak.value == 0.2
    clock.now += HALF
    assert peak.value == 0


def test_what_was_before_a_long_silence_is_forgotten_at_once():
    clock = Clock()
    peak = Peak(clock)
    peak.note(0.3)
    clock.now += 2 * HALF
    assert peak.value == 0
