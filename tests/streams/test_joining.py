"""Two sides in one: which frames belong together, and what comes of one alone."""

from __future__ import annotations

from array import array

from engine.streams.joining import Joiner, beside, mixed


def samples(*values: int) -> bytes:
    return array("h", values).tobytes()


def test_what_the_caller_says_is_left():
    assert beside(samples(1, 2), samples(8, 9)) == samples(1, 8, 2, 9)


def test_a_sum_that_is_too_loud_is_as_loud_as_can_be():
    assert mixed(samples(1, 30000, -30000), samples(2, 30000, -30000)) == samples(3, 32767, -32768)


def test_a_frame_waits_for_that_of_the_other_side():
    joiner = Joiner(beside)
    assert joiner.take(True, 20, samples(1)) is None
    assert joiner.take(False, 20, samples(2)) == (20, samples(1, 2))
    assert joiner.take(False, 40, samples(4)) is None
    assert joiner.take(True, 40, samples(3)) == (40, samples(3, 4))


def test_where_one_is_missing_there_is_silence():
    joiner = Joiner(beside)
    assert joiner.take(True, 20, samples(1)) is None
    assert joiner.take(True, 40, samples(3)) == (20, samples(1, 0))
    assert joiner.take(False, 60, samples(6)) == (40, samples(3, 0))
    assert joiner.take(False, 80, samples(8)) == (60, samples(0, 6))
