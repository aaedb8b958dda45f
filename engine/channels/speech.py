"""A text as the names of recorded words, in the order in which they are said. Pure; English has numbers and dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType

from .errors import CommandError

LONGEST = 256  # characters of one text
PAUSE = ","  # in place of a word: a moment of silence

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_SIGNS: Mapping[str, str] = MappingProxyType({
    "*": "star", "#": "hash", "+": "plus", "@": "at", ".": "dot", "-": "dash",
})  # fmt: skip
_MONEY: Mapping[str, tuple[str, str, str, str]] = MappingProxyType({
    "USD": ("dollar", "dollars", "cent", "cents"),
    "EUR": ("euro", "euros", "cent", "cents"),
    "GBP": ("pound", "pounds", "penny", "pence"),
})
_SCALES = ((1_000_000_000, "billion"), (1_000_000, "million"), (1000, "thousand"), (100, "hundred"))
_LARGEST = 999_999_999_999
_NUMBER = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,6})?")
_PLAIN = re.compile(r"[1-9][0-9]{0,3}|0")  # in a sentence: longer ones are phone numbers
_TOKEN = re.compile(r"[^\s.,;:!?()\"]+|[.,;:!?]+")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def words_of(text: str, *, kind: str, language: str, is_known: Callable[[str], bool]) -> list[str]:
    """The words of a text. `is_known` says of which there are recordings; others are spelled. Raises CommandError."""
    if not text.strip() or len(text) > LONGEST:
        raise CommandError("bad_argument", f"expected a text of 1 to {LONGEST} characters to say, got {len(text)}")
    if kind == "digits":
        return _digits(text)
    if kind == "spelled":
        return _spelled(text)
    if kind == "words":
        return _sentence(text, language, is_known)
    if language != "en":
        raise CommandError("unsupported", f"say: {kind} is known in English only, got language {language[:16]!r}")
    return {"number": _number, "time": _time, "date": _date, "money": _money}[kind](text)


def _digits(text: str) -> list[str]:
    said = text.replace(" ", "").replace("-", "")
    if not said or said.strip("0123456789*#+"):
        raise _error("digits 0-9 * # +", text)
    return [_SIGNS.get(digit, digit) for digit in said]


def _spelled(text: str) -> list[str]:
    said = [_letter(character) for character in text.lower() if not character.isspace()]
    return [word for word in said if word]


def _letter(character: str) -> str:
    if "a" <= character <= "z":
        return f"letter-{character}"
    if "0" <= character <= "9":
        return character
    return _SIGNS.get(character, "")  # what has no name here is left out


def _sentence(text: str, language: str, is_known: Callable[[str], bool]) -> list[str]:
    said: list[str] = []
    for token in _TOKEN.findall(text):
        word = token.lower()
        if not _WORD.search(token):
            said += [PAUSE] if token.strip(".,;:!?") == "" else _spelled(token)
        elif _WORD.fullmatch(word) and not word.isdigit() and is_known(word):
            said.append(word)
        elif language == "en" and _PLAIN.fullmatch(word):
            said += _cardinal(int(word))
        else:
            said += _spelled(word)
    return said


def _number(text: str) -> list[str]:
    if not _NUMBER.fullmatch(text.strip()):
        raise _error(f"a number of at most {len(str(_LARGEST))} digits", text)
    whole, _, fraction = text.strip().removeprefix("-").partition(".")
    minus = ["minus"] if text.strip().startswith("-") else []
    return [*minus, *_cardinal(int(whole)), *(["point", *fraction] if fraction else [])]


def _cardinal(number: int) -> list[str]:
    for scale, name in _SCALES:
        if number >= scale:
            rest = number % scale
            return [*_cardinal(number // scale), name, *(_cardinal(rest) if rest else [])]
    if number <= 20:
        return [str(number)]
    tens, ones = divmod(number, 10)
    return [str(tens * 10), *([str(ones)] if ones else [])]


def _time(text: str) -> list[str]:
    try:
        time = datetime.time.fromisoformat(text.strip())
    except ValueError as error:
        raise _error("a time such as 23:59", text) from error
    hour = _cardinal(time.hour % 12 or 12)
    half = "am" if time.hour < 12 else "pm"
    if time.minute == 0:
        return [*hour, "oclock", half]
    return [*hour, *(["oh"] if time.minute < 10 else []), *_cardinal(time.minute), half]


def _date(text: str) -> list[str]:
    try:
        date = datetime.date.fromisoformat(text.strip())
    except ValueError as error:
        raise _error("a date such as 2026-12-25", text) from error
    century, rest = divmod(date.year, 100)
    if 2000 <= date.year < 2010 or century < 10:
        year = _cardinal(date.year)
    else:
        year = [*_cardinal(century), *(["hundred"] if rest == 0 else ["oh"] if rest < 10 else [])]
        year += _cardinal(rest) if rest else []
    return [_MONTHS[date.month - 1], _ordinal(date.day), *year]


def _ordinal(day: int) -> str:
    ending = "th" if 11 <= day <= 13 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def _money(text: str) -> list[str]:
    matched = re.fullmatch(r"([0-9]{1,12})(?:\.([0-9]{2}))? ?([A-Z]{3})", text.strip())
    if matched is None or matched[3] not in _MONEY:
        raise _error(f"an amount such as 12.50 USD, in one of {', '.join(_MONEY)}", text)
    one, many, one_part, many_parts = _MONEY[matched[3]]
    whole, parts = int(matched[1]), int(matched[2] or 0)
    said = [*_cardinal(whole), one if whole == 1 else many] if whole or not parts else []
    if not parts:
        return said
    return [*said, *(["and"] if said else []), *_cardinal(parts), one_part if parts == 1 else many_parts]


def _error(expected: str, text: str) -> CommandError:
    return CommandError("bad_argument", f"say: expected {expected}, got {text[:64]!r}")
