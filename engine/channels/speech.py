"""A text as the names of recorded words, in the order in which they are said. Pure; languages are data (language/)."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType

from .errors import CommandError
from .language.grammar import Grammar
from .language.template import BadGrammar

LONGEST = 256  # characters of one text
PAUSE = ","  # in place of a word: a moment of silence

_NUMBER = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,6}))?")
_ORDINAL = re.compile(r"([0-9]{1,15})\.?")
_MONEY = re.compile(r"([0-9]{1,15})(?:\.([0-9]{2}))? ?([A-Z]{3})")
_SECONDS = re.compile(r"[0-9]{1,9}")
_CLOCK = re.compile(r"([0-9]{1,5}):([0-5][0-9]):([0-5][0-9])")
_TELEPHONE = re.compile(r"[0-9*#+]+")
_PLAIN = re.compile(r"[1-9][0-9]{0,3}|0")  # in a sentence: longer ones are phone numbers
_TOKEN = re.compile(r"[^\s.,;:!?()\"]+|[.,;:!?]+")
_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")


def words_of(text: str, *, kind: str, grammar: Grammar, is_known: Callable[[str], bool]) -> list[str]:
    """The words of a text. `is_known` says of which there are recordings; others are spelled. Raises CommandError."""
    if not text.strip() or len(text) > LONGEST:
        raise CommandError("bad_argument", f"expected a text of 1 to {LONGEST} characters to say, got {len(text)}")
    text = unicodedata.normalize("NFC", text.strip())
    try:
        return _sentence(text, grammar, is_known) if kind == "words" else _KINDS[kind](text, grammar)
    except BadGrammar as error:
        raise CommandError("unsupported", f"say: the language has no words for {text[:64]!r}: {error}") from error


def _digits(text: str, grammar: Grammar) -> list[str]:
    said = text.replace(" ", "").replace("-", "")
    if not said or said.strip("0123456789*#+"):
        raise _error("digits 0-9 * # +", text)
    return _named(said, grammar)


def _telephone(text: str, grammar: Grammar) -> list[str]:
    """Grouped as it is written; what is written without groups, in those of the language."""
    if re.sub(r"[-\s()/.0-9*#+]", "", text) or not re.search("[0-9]", text):
        raise _error("a telephone number such as +49 30 1234567", text)
    said: list[str] = []
    groups = _TELEPHONE.findall(text)
    if len(groups) == 1:
        first = grammar.group + groups[0].startswith("+")
        groups = [groups[0][:first], *_split(groups[0][first:], grammar.group)]
    for group in groups:
        said += [*([PAUSE] if said else []), *_named(group, grammar)]
    return said


def _split(number: str, size: int) -> list[str]:
    return [number[at : at + size] for at in range(0, len(number), size)]


def _spelled(text: str, grammar: Grammar) -> list[str]:
    return _named((character for character in text.lower() if character in grammar.characters), grammar)


def _named(characters: Iterable[str], grammar: Grammar) -> list[str]:
    try:
        return [grammar.characters[character] for character in characters]
    except KeyError as error:
        raise BadGrammar(f"expected a word for {error.args[0]!r} among its characters") from error


def _sentence(text: str, grammar: Grammar, is_known: Callable[[str], bool]) -> list[str]:
    said: list[str] = []
    for token in _TOKEN.findall(text):
        word = token.lower()
        if not _WORD.search(token):
            said += [PAUSE] if token.strip(".,;:!?") == "" else _spelled(token, grammar)
        elif _WORD.fullmatch(word) and not word.isdigit() and is_known(word):
            said.append(word)
        elif _PLAIN.fullmatch(word):
            said += grammar.number(int(word))
        else:
            said += _spelled(word, grammar)
    return said


def _number(text: str, grammar: Grammar) -> list[str]:
    parts = _NUMBER.fullmatch(text)
    if parts is None or int(parts[2]) > grammar.largest:
        raise _error(f"a number up to {grammar.largest}, such as -12.5", text)
    minus, whole, fraction = parts.groups()
    said = [*(grammar.fill(grammar.minus, {}) if minus else []), *grammar.number(int(whole))]
    return [*said, *grammar.fill(grammar.point, {}), *_named(fraction, grammar)] if fraction else said


def _ordinal(text: str, grammar: Grammar) -> list[str]:
    number = _ORDINAL.fullmatch(text)
    if number is None or int(number[1]) > grammar.largest:
        raise _error(f"a whole number up to {grammar.largest}, such as 21", text)
    return grammar.number(int(number[1]), "ordinal")


def _time(text: str, grammar: Grammar) -> list[str]:
    try:
        time = datetime.time.fromisoformat(text)
    except ValueError as error:
        raise _error("a time such as 23:59", text) from error
    values = {"hour": time.hour, "hour12": time.hour % 12 or 12, "minute": time.minute}
    return grammar.fill(grammar.templates["time"], values)


def _date(text: str, grammar: Grammar) -> list[str]:
    try:
        date = datetime.date.fromisoformat(text)
    except ValueError as error:
        raise _error("a date such as 2026-12-25", text) from error
    values = {"day": date.day, "month": date.month, "year": date.year, "weekday": date.isoweekday()}
    return grammar.fill(grammar.templates["date"], values)


def _duration(text: str, grammar: Grammar) -> list[str]:
    clock = _CLOCK.fullmatch(text)
    if clock is None and not _SECONDS.fullmatch(text):
        raise _error("a duration such as 1:30:00, or seconds such as 90", text)
    seconds = int(text) if clock is None else int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3])
    if not seconds:
        return grammar.fill(grammar.nothing, {})
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    values = {"days": days, "hours": hours % 24, "minutes": minutes % 60, "seconds": seconds % 60}
    return grammar.fill(grammar.templates["duration"], values)


def _money(text: str, grammar: Grammar) -> list[str]:
    parts = _MONEY.fullmatch(text)
    if parts is None or parts[3] not in grammar.money or int(parts[1]) > grammar.largest:
        known = ", ".join(sorted(grammar.money)) or "none: the language knows no currency"
        raise _error(f"an amount up to {grammar.largest}, such as 12.50 USD, in one of {known}", text)
    currency = grammar.money[parts[3]]
    values = {"whole": int(parts[1]), "part": int(parts[2] or 0)}
    if values["part"] and "part" not in currency:
        raise _error(f"whole {parts[3]}", text)
    form = "whole" if not values["part"] else "both" if values["whole"] else "part"
    return grammar.fill(currency[form], values)


_KINDS: Mapping[str, Callable[[str, Grammar], list[str]]] = MappingProxyType({
    "digits": _digits,
    "telephone": _telephone,
    "spelled": _spelled,
    "number": _number,
    "ordinal": _ordinal,
    "time": _time,
    "date": _date,
    "duration": _duration,
    "money": _money,
})


def _error(expected: str, text: str) -> CommandError:
    return CommandError("bad_argument", f"say: expected {expected}, got {text[:64]!r}")
