"""Numbers to values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.scripting.patterns import Patterns, beginnings


def test_the_first_pattern_wins_whether_plain_or_not():
    assert Patterns([("1000", "a"), ("1...", "b")]).find("1000") == "a"
    assert Patterns([("1...", "b"), ("1000", "a")]).find("1000") == "b"


def test_the_whole_number_must_match():
    patterns = Patterns([("1[0-9]", 1), ("200", 2)])
    assert patterns.find("100") is None
    assert patterns.find("2000") is None
    assert patterns.find("19") == 1


def test_what_is_not_acceptable_is_passed_over():
    patterns = Patterns([("1000", 1), ("1.*", 2), ("1000", 3)])
    assert patterns.find("1000", accept=lambda value: value > 1) == 2
    assert patterns.find("1000", accept=lambda value: value > 2) == 3
    assert patterns.find("1000", accept=lambda value: value > 3) is None


def test_a_number_that_is_too_long_matches_nothing():
    assert Patterns([(".*", 1)]).find("1" * 129) is None


def test_a_bad_pattern_raises():
    with pytest.raises(re.error):
        Patterns([("(", 1)])


@settings(deadline=None)
@given(
    patterns=st.lists(st.sampled_from(["1", "12", "1.", ".*", "[12]+", "2", "(1|12)"]), max_size=8),
    number=st.text("12", max_size=3),
)
def test_it_finds_what_trying_one_after_another_finds(patterns, number):
    expected = next((place for place, pattern in enumerate(patterns) if re.fullmatch(pattern, number)), None)
    assert Patterns((pattern, place) for place, pattern in enumerate(patterns)).find(number) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("1000", ("1000",)),
        ("49[0-9]", ("49",)),
        (r"\+49.*", ("+49",)),
        ("12?", ("1",)),
        ("12*", ("1",)),
        ("12{3}", ("1",)),
        ("12+", ("12",)),
        ("1a|2b", ("1a", "2b")),
        ("1|.", ("",)),
        ("1[|]2|3", ("",)),
        ("1(2|3)", ("1",)),
        (r"1\|2", ("1|2",)),
        (r"1\d", ("1",)),
        ("(?i)a", ("",)),
        ("", ("",)),
    ],
)
def test_the_literal_beginnings_of_a_pattern(pattern, expected):
    assert beginnings(pattern) == expected
