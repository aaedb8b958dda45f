"""When a caller has heard nothing for too long, and where that began."""

from __future__ import annotations

from callflow.simulation.explore.silence import Silence


def test_a_silence_that_is_too_long_is_told_when_it_is_over():
    silence = Silence(10)
    assert silence.hear(is_engaged=False, now=5, steps=1) is None
    assert silence.hear(is_engaged=False, now=9, steps=3) is None
    assert silence.hear(is_engaged=True, now=16, steps=4) == (11, 1)
    assert silence.hear(is_engaged=True, now=40, steps=5) is None


def test_what_begins_at_once_is_where_it_is():
    silence = Silence(10)
    silence.hear(is_engaged=False, now=5, steps=1)
    silence.hear(is_engaged=False, now=5.1, steps=2)
    assert silence.hear(is_engaged=True, now=25, steps=3) == (20, 2)


def test_a_short_silence_is_none():
    silence = Silence(10)
    silence.hear(is_engaged=False, now=5, steps=1)
    assert silence.hear(is_engaged=True, now=14, steps=2) is None
