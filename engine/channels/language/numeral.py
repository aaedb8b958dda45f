"""Numbers as words, by rules: the one with the largest base that is not larger than the number says it. Pure.

`100 = "< hundred [>]"` says 342 as 3 (how often 100 goes into it), hundred, 42 (what is left), by the same rules again.
The divisor is the largest power of ten within the base, or what follows a slash: `1100/100`. A base `1-31` has a word
for each.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .template import BadGrammar, Choice, Numeral, Template, Word, read_template

_BASE = re.compile(r"([0-9]{1,15})(?:/([1-9][0-9]{0,14}))?")
_RANGE = re.compile(r"([0-9]{1,4})-([0-9]{1,4})")
_DEEPEST = 32  # rules within rules: more is a circle


@dataclass(frozen=True, slots=True)
class Rule:
    """From a base on."""

    base: int
    divisor: int
    said: Template


@dataclass(frozen=True, slots=True)
class Rules:
    """Those of one kind of number, by their bases."""

    name: str
    rules: tuple[Rule, ...]
    bases: tuple[int, ...]

    def rule(self, number: int) -> Rule:
        """The one that says the number."""
        at = bisect_right(self.bases, number) - 1
        if at < 0:
            raise BadGrammar(f"numbers.{self.name} has no rule for {number}")
        return self.rules[at]


def read_rules(tables: Mapping[str, Mapping[str, str]]) -> dict[str, Rules]:
    """Every kind of number; one that is `over` another has its rules, but for its own bases. Raises BadGrammar."""
    own = {name: _read_table(name, table) for name, table in tables.items()}
    return {name: _laid(name, tables[name].get("over"), own) for name in tables}


def say_number(number: int, rules: str, tables: Mapping[str, Rules], *, depth: int = 0) -> Iterator[str]:
    """The words of a number. Raises BadGrammar where rules are missing, or go in a circle."""
    if depth > _DEEPEST:
        raise BadGrammar(f"the rules of numbers.{rules} go in a circle at {number}")
    rule = tables[rules].rule(number)
    often, left = divmod(number, rule.divisor)
    values = {"<": often, ">": left, "=": number}
    for part in _chosen(rule.said, is_left=left > 0):
        if isinstance(part, Word):
            yield part.name
        else:
            yield from say_number(values[part.value], part.rules or rules, tables, depth=depth + 1)


def parts_of(template: Template) -> Iterator[Word | Numeral]:
    """All that it may say."""
    for part in template:
        if isinstance(part, Choice):
            yield from parts_of(part.left)
            yield from parts_of(part.nothing)
        else:
            yield part


def _chosen(template: Template, *, is_left: bool) -> Iterator[Word | Numeral]:
    for part in template:
        if isinstance(part, Choice):
            yield from _chosen(part.left if is_left else part.nothing, is_left=is_left)
        else:
            yield part


def _read_table(name: str, table: Mapping[str, str]) -> dict[int, Rule]:
    rules: dict[int, Rule] = {}
    for key, text in table.items():
        if key == "over":
            continue
        try:
            rules |= {rule.base: rule for rule in _read_rule(key, text)}
        except BadGrammar as error:
            raise BadGrammar(f"numbers.{name}: {key}: {error}") from error
    return rules


def _read_rule(key: str, text: str) -> Iterator[Rule]:
    if among := _RANGE.fullmatch(key):
        first, last = int(among[1]), int(among[2])
        words = text.split()
        if len(words) != last - first + 1:
            raise BadGrammar(f"expected {last - first + 1} words, got {len(words)}")
        for base, word in enumerate(words, first):
            yield Rule(base, 1, read_template(word))
        return
    plain = _BASE.fullmatch(key)
    if plain is None:
        raise BadGrammar("expected a number such as 100, 1100/100 or 1-31")
    base = int(plain[1])
    divisor = int(plain[2]) if plain[2] else 10 ** (len(str(base)) - 1)
    said = read_template(text)
    if strange := [part.value for part in parts_of(said) if isinstance(part, Numeral) and part.value not in "<>="]:
        raise BadGrammar(f"expected < > or = in a rule, got {strange[0]}:")
    yield Rule(base, divisor, said)


def _laid(name: str, over: str | None, own: Mapping[str, Mapping[int, Rule]]) -> Rules:
    if over is not None and over not in own:
        raise BadGrammar(f"numbers.{name}: over: expected one of {', '.join(own)}, got {over!r}")
    rules = {**(own[over] if over is not None else {}), **own[name]}
    bases = tuple(sorted(rules))
    return Rules(name, tuple(rules[base] for base in bases), bases)
