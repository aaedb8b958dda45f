"""Numbers by rules: the largest base that fits, divisors, rules over others, and rules that cannot be used."""

import pytest

from engine.channels.language.numeral import read_rules, say_number
from engine.channels.language.template import BadGrammar


def said(number: int, **tables: dict[str, str]) -> str:
    return " ".join(say_number(number, "cardinal", read_rules(tables)))


SCORES = {"0-19": " ".join(map(str, range(20))), "20/20": "< score [and > | exactly]"}


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0"), (19, "19"), (20, "1 score exactly"), (57, "2 score and 17"), (399, "19 score and 19")],
)
def test_the_divisor_of_a_rule_is_what_follows_the_slash(number, words):
    assert said(number, cardinal=SCORES) == words


def test_the_divisor_is_else_the_power_of_ten_within_the_base():
    assert (
        said(345, cardinal={"0-9": "0 1 2 3 4 5 6 7 8 9", "10": "< ten >", "200": "< hundred >"}) == "3 hundred 4 ten 5"
    )


def test_rules_over_others_have_bases_of_their_own():
    tables = {"cardinal": {"0-2": "no one two", "10": ">short ten"}, "short": {"over": "cardinal", "1": "a"}}
    assert said(11, **tables) == "a ten"
    assert said(12, **tables) == "two ten"


@pytest.mark.parametrize(
    ("tables", "problem"),
    [
        ({"cardinal": {"ten": "x"}}, "ten: expected a number such as 100"),
        ({"cardinal": {"1-3": "one two"}}, "expected 3 words, got 2"),
        ({"cardinal": {"0": "hour:cardinal"}}, "expected < > or = in a rule"),
        ({"cardinal": {"over": "other", "0": "x"}}, "expected one of cardinal, got 'other'"),
        ({"cardinal": {"0": "=cardinal"}}, "go in a circle"),
        ({"cardinal": {"10": "ten"}}, "has no rule for 5"),
    ],
)
def test_rules_that_cannot_be_used_say_why(tables, problem):
    with pytest.raises(BadGrammar, match=problem):
        said(5, **tables)
