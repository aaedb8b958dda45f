"""The grammar of a language: its file `language.toml`, read and checked. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import msgspec

from .numeral import Rules, parts_of, read_rules, say_number
from .template import BadGrammar, Numeral, Template, Word, read_template

_FIELDS: Mapping[str, frozenset[str]] = {
    "time": frozenset({"hour", "hour12", "minute"}),
    "date": frozenset({"day", "month", "year", "weekday"}),
    "duration": frozenset({"days", "hours", "minutes", "seconds"}),
    "whole": frozenset({"whole"}),
    "part": frozenset({"part"}),
    "both": frozenset({"whole", "part"}),
}
_LARGEST = 999_999_999_999_999
_NEEDED = ("cardinal", "ordinal")  # rules


class Currency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an amount is said: of whole ones only, of parts only (hundredths), and of both. Without `part`: none."""

    whole: str
    part: str = ""
    both: str = ""


class LanguageFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands in the file."""

    name: str
    letters: str
    time: str
    date: str
    duration: str
    nothing: str
    numbers: dict[str, dict[str, str]]
    largest: int = _LARGEST
    minus: str = "minus"
    point: str = "point"
    group: int = 3
    voice: str = ""
    characters: dict[str, str] = {}
    money: dict[str, Currency] = {}


@dataclass(frozen=True, slots=True)
class Grammar:
    """What is needed to say something."""

    largest: int
    minus: Template
    point: Template
    nothing: Template  # a duration of no seconds
    group: int  # digits of a telephone number that are said without a pause
    characters: Mapping[str, str]  # to words
    templates: Mapping[str, Template]  # time, date, duration
    money: Mapping[str, Mapping[str, Template]]  # by currency: whole, part, both
    rules: Mapping[str, Rules]

    def number(self, number: int, rules: str = "cardinal") -> list[str]:
        """The words of a number."""
        return list(say_number(number, rules, self.rules))

    def fill(self, template: Template, values: Mapping[str, int]) -> list[str]:
        """The words of a template, with what its values are."""
        said: list[str] = []
        for part in parts_of(template):
            said += [part.name] if isinstance(part, Word) else self.number(values[part.value], part.rules)
        return said

    def words(self) -> set[str]:
        """All words that it may say: there should be a recording of each."""
        templates = [self.minus, self.point, self.nothing, *self.templates.values()]
        templates += [template for currency in self.money.values() for template in currency.values()]
        templates += [rule.said for rules in self.rules.values() for rule in rules.rules]
        named = {part.name for template in templates for part in parts_of(template) if isinstance(part, Word)}
        return named | set(self.characters.values())


def read_grammar(data: bytes) -> Grammar:
    """The grammar of a file. Raises BadGrammar, which says what is wrong and where."""
    try:
        file = msgspec.toml.decode(data, type=LanguageFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadGrammar(str(error)) from error
    if not 0 < file.largest <= _LARGEST or not 0 < file.group <= 16:
        raise BadGrammar(f"expected largest up to {_LARGEST} and group up to 16, got {file.largest} and {file.group}")
    rules = read_rules(file.numbers)
    for name in _NEEDED:
        if name not in rules:
            raise BadGrammar(f"expected the rules [numbers.{name}]")
    grammar = Grammar(
        largest=file.largest,
        minus=read_template(file.minus),
        point=read_template(file.point),
        nothing=read_template(file.nothing),
        group=file.group,
        characters=_characters(file),
        templates={kind: _template(kind, getattr(file, kind)) for kind in ("time", "date", "duration")},
        money={code: dict(_amounts(code, currency)) for code, currency in file.money.items()},
        rules=rules,
    )
    _check(grammar)
    return grammar


def _characters(file: LanguageFile) -> dict[str, str]:
    digits = {digit: digit for digit in "0123456789"}
    return {**digits, **{letter: f"letter-{letter}" for letter in file.letters}, **file.characters}


def _amounts(code: str, currency: Currency) -> Iterator[tuple[str, Template]]:
    if bool(currency.part) is not bool(currency.both):
        raise BadGrammar(f"money.{code}: expected part and both, or neither")
    for name in ("whole", "part", "both"):
        if text := getattr(currency, name):
            yield name, _template(name, text)


def _template(kind: str, text: str) -> Template:
    try:
        template = read_template(text)
    except BadGrammar as error:
        raise BadGrammar(f"{kind}: {error}") from error
    for part in template:
        if not isinstance(part, Word) and (not isinstance(part, Numeral) or part.value not in _FIELDS[kind]):
            known = " ".join(f"{field}:RULES" for field in sorted(_FIELDS[kind]))
            raise BadGrammar(f"{kind}: expected words and {known}, got {text!r}")
    return template


def _check(grammar: Grammar) -> None:
    """Are there the rules that others name, and do they say any number? Raises BadGrammar."""
    templates = [*grammar.templates.values(), *(each for money in grammar.money.values() for each in money.values())]
    templates += [rule.said for rules in grammar.rules.values() for rule in rules.rules]
    for template in templates:
        for part in parts_of(template):
            if isinstance(part, Numeral) and part.rules and part.rules not in grammar.rules:
                raise BadGrammar(f"expected rules among {', '.join(grammar.rules)}, got {part.rules!r}")
    for name in _NEEDED:
        for number in (0, *grammar.rules[name].bases, grammar.largest):
            if number <= grammar.largest:
                grammar.number(number, name)
