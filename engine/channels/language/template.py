"""What is said, as a grammar writes it: words in their order, and in between what else is said in their place. Pure.

hundred         a recorded word
<  >            how often the divisor of the rule goes into the number, and what is left, by the rules in use
<joined >year   the same, by other rules
=cardinal       the number itself, by other rules
minute:oh       a value that has a name, by rules
[a > | b]       `a >` if something is left, else `b`; without `| b` nothing
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

_TOKEN = re.compile(r"\s*(?:([\[\]|])|(?:([<>=])([\w-]*)|([\w-]+):([\w-]+)|([\w-]+))(?=[\s\[\]|]|$))")
_LONGEST = 256  # characters


@dataclass(frozen=True, slots=True)
class Word:
    """A word that is recorded."""

    name: str


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number by rules, "" for those in use: `<` `>` `=` of a rule's number, or the value of that name."""

    value: str
    rules: str


@dataclass(frozen=True, slots=True)
class Choice:
    """One if something is left, else the other."""

    left: Template
    nothing: Template


Template: TypeAlias = tuple[Word | Numeral | Choice, ...]
Where: TypeAlias = Literal["top", "left", "nothing"]


class BadGrammar(ValueError):
    """A grammar that cannot be used; the text says what is wrong with it."""


def read_template(text: str) -> Template:
    """Raises BadGrammar."""
    if len(text) > _LONGEST:
        raise BadGrammar(f"expected at most {_LONGEST} characters, got {len(text)}")
    tokens: list[re.Match[str]] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        token = _TOKEN.match(text, at)
        if token is None:
            raise BadGrammar(f"expected words, < > =RULES NAME:RULES or [ ... | ... ], got {text[at:][:40]!r}")
        tokens.append(token)
        at = token.end()
    tokens.reverse()
    return _read(tokens, "top", text)[0]


def _read(tokens: list[re.Match[str]], where: Where, text: str) -> tuple[Template, str]:
    """What stands up to the bracket or bar that ends it, and which that was."""
    parts: list[Word | Numeral | Choice] = []
    while tokens:
        bracket, sign, rules, value, of_value, word = tokens.pop().groups()
        if bracket == "[" and where == "top":
            parts.append(_choice(tokens, text))
        elif (bracket == "]" and where != "top") or (bracket == "|" and where == "left"):
            return tuple(parts), bracket
        elif bracket:
            raise BadGrammar(f"expected [ ... | ... ], one not within another, got {text!r}")
        elif word:
            parts.append(Word(word))
        else:
            parts.append(Numeral(sign or value, rules if sign else of_value))
    if where != "top":
        raise BadGrammar(f"expected a ] after [, got {text!r}")
    return tuple(parts), ""


def _choice(tokens: list[re.Match[str]], text: str) -> Choice:
    left, end = _read(tokens, "left", text)
    return Choice(left, _read(tokens, "nothing", text)[0] if end == "|" else ())
