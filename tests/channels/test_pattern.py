"""Digit patterns: they agree with `re`, and never take long."""

from __future__ import annotations

import contextlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels.errors import CommandError
from engine.channels.pattern import DigitPattern

PATTERNS = [
    "", "[123]", "1|2|30|31", "1{2,4}", "[^0]\\d{3}", "1*", "(12|3)*4?", "1{0}2", "(?:1|2){2}#", "^12$", "\\*1", "()",
    "1{0,2}", "(1{0,2}){2}", "1?2?", "1{2,}", "[*#]\\d+", "(1|12)(3|23)?", "(1*)*2", "[0-3A-C]+", "1||2", "(1|)2{0,3}",
]  # fmt: skip


@pytest.mark.parametrize("text", PATTERNS)
@given(entry=st.text("0123*#A", max_size=7))
def test_a_pattern_matches_what_re_matches(text, entry):
    assert DigitPattern(text).matches(entry) == bool(re.fullmatch(text, entry))


@pytest.mark.parametrize(
    ("text", "entry", "is_complete"),
    [("1|2|30|31", "1", True), ("1|2|30|31", "3", False), ("1+", "1", False), ("12?", "12", True), ("12", "13", False)],
)
def test_an_entry_is_complete_when_no_longer_one_could_match(text, entry, is_complete):
    assert DigitPattern(text).is_complete(entry) is is_complete


def test_a_pattern_that_stops_other_engines_is_matched_at_once():
    assert not DigitPattern("(((1+)+)+)+2").matches("1" * 128)


@pytest.mark.parametrize(
    "text",
    [
        "(", ")", "[", "[]", "[^0-9*#A-D]", "a", "1{4,2}", "1{x}", "1{", "*", "1**", "\\", "\\w", "[3-1]", "[*-3]",
        "[1", "[1\\", "1$2", "^^1", "(" * 40 + ")" * 40, "((1{99}){99}){99}", "1" * 257, "1{1000}", "(?=1)", "x",
    ],
)  # fmt: skip
def test_what_is_not_a_pattern_is_refused_with_its_place(text):
    with pytest.raises(CommandError, match="pattern") as caught:
        DigitPattern(text)
    assert caught.value.code == "bad_argument"


@given(st.text("01*#d[](){}|?+-^$\\,.:", max_size=20))
def test_no_text_raises_anything_else(text):
    with contextlib.suppress(CommandError):
        DigitPattern(text).matches("0101")
