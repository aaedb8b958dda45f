"""Grammars: those that are shipped say every number, with words that are recorded; those that are wrong say where."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.channels.language.grammar import read_grammar
from engine.channels.language.pack import SOUNDS, Pack, languages
from engine.channels.language.template import BadGrammar
from engine.channels.speech import words_of

LARGEST = 999_999_999_999
NUMBERS = st.integers(0, LARGEST) | st.integers(0, 9999)


@cache
def pack(language: str) -> Pack:
    return Pack(language, None)


def said(text: object, language: str, kind: str) -> list[str]:
    words = words_of(str(text), kind=kind, grammar=pack(language).grammar(), is_known=pack(language).has)
    assert [word for word in words if word != "," and not pack(language).has(word)] == []
    return words


def test_there_are_two_languages():
    assert languages() == ["de", "en"]


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_word_of_a_grammar_is_recorded(language):
    assert {word for word in pack(language).grammar().words() if not pack(language).has(word)} == set()


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_grammar_and_the_list_of_words_are_beside_the_recordings(language):
    lines = (SOUNDS / language / "words.txt").read_text().splitlines()
    listed = {word.partition("=")[0] for line in lines if not line.startswith("#") for word in line.split()}
    assert listed == {file.stem for file in (SOUNDS / language).glob("*.wav")}


@given(
    language=st.sampled_from(["de", "en"]), number=NUMBERS, other=NUMBERS, kind=st.sampled_from(["number", "ordinal"])
)
def test_every_number_has_words_of_its_own_that_are_recorded(language, number, other, kind):
    words = said(number, language, kind)
    assert words
    assert (words == said(other, language, kind)) == (number == other)


@given(language=st.sampled_from(["de", "en"]), time=st.times(), date=st.dates())
def test_every_time_and_date_has_words_that_are_recorded(language, time, date):
    assert said(time.strftime("%H:%M"), language, "time")
    assert said(date.isoformat(), language, "date")


@given(
    language=st.sampled_from(["de", "en"]), seconds=st.integers(0, 999_999_999), whole=NUMBERS, part=st.integers(0, 99),
    currency=st.sampled_from(["EUR", "GBP", "USD"]),
)  # fmt: skip
def test_every_duration_and_amount_has_words_that_are_recorded(language, seconds, whole, part, currency):
    assert said(seconds, language, "duration")
    assert said(f"{whole}.{part:02} {currency}", language, "money")


SMALL = """
name = "x"
letters = "ab"
time = "hour:cardinal"
date = "day:ordinal"
duration = "hours:cardinal"
nothing = "0"
largest = 9
[numbers.cardinal]
0-9 = "0 1 2 3 4 5 6 7 8 9"
[numbers.ordinal]
0 = "=cardinal th"
"""


def test_a_small_grammar_is_one():
    grammar = read_grammar(SMALL.encode())
    assert grammar.number(7, "ordinal") == ["7", "th"]
    assert grammar.words() == {*"0123456789", "th", "letter-a", "letter-b", "minus", "point"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('name = "x"', "", "missing required field `name`"),
        ('name = "x"', 'name = "x"\nvioce = "x"', "unknown field `vioce`"),
        ("largest = 9", "largest = 0", "expected largest up to"),
        ("hour:cardinal", "day:cardinal", "time: expected words and hour:RULES hour12:RULES minute:RULES"),
        ("hour:cardinal", "[hour:cardinal]", "time: expected words"),
        ("day:ordinal", "day:first", "expected rules among cardinal, ordinal, got 'first'"),
        ("day:ordinal", "day/first", "date: expected words"),
        ("0-9", "1-10", "no rule for 0"),
        ("=cardinal th", "=ordinal", "circle"),
        ("[numbers.ordinal]", "[numbers.other]", r"expected the rules \[numbers.ordinal\]"),
        ("largest = 9", 'largest = 9\nmoney.EUR = { whole = "0", part = "1" }', "money.EUR: expected part and both"),
        ("name", "name name", "line 2"),
    ],
)
def test_a_wrong_grammar_says_what_is_wrong(old, new, problem):
    with pytest.raises(BadGrammar, match=problem):
        read_grammar(SMALL.replace(old, new, 1).encode())
