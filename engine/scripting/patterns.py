"""Numbers to values: regular expressions that match the whole number, tried in their order; the first wins.

Patterns are found by the literal characters that they begin with, so that thousands of them cost no more than those
that could match: a pattern without special characters is looked up, not tried.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

MAX_NUMBER = 128  # characters; a longer one matches nothing, and so cannot keep an expression busy for long

_SPECIAL = frozenset(r".^$*+?{}[]\|()")
_OPTIONAL = frozenset("*?{")  # after a character: it need not be there
T = TypeVar("T")


class Patterns(Generic[T]):
    """Patterns, each with a value. Raises re.error for one that is no regular expression."""

    def __init__(self, patterns: Iterable[tuple[str, T]]) -> None:
        self._plain: dict[str, list[tuple[int, T]]] = {}
        self._expressions: dict[str, list[tuple[int, re.Pattern[str], T]]] = {}  # by what they begin with
        for place, (pattern, value) in enumerate(patterns):
            if is_plain(pattern):
                self._plain.setdefault(pattern, []).append((place, value))
                continue
            expression = re.compile(pattern)
            for beginning in beginnings(pattern):
                self._expressions.setdefault(beginning, []).append((place, expression, value))
        self._lengths = sorted({len(beginning) for beginning in self._expressions})

    def find(self, number: str, *, accept: Callable[[T], bool] = lambda value: True) -> T | None:
        """The value of the first pattern that the whole number matches, of those that are acceptable."""
        return next((value for _, value in self.matches(number) if accept(value)), None)

    def matches(self, number: str) -> Iterator[tuple[int, T]]:
        """The place and the value of each pattern that the whole number matches, in their order."""
        if len(number) > MAX_NUMBER:
            return
        tried = [self._try(number, number[:length]) for length in self._lengths if length <= len(number)]
        last = -1
        for place, value in heapq.merge(self._plain.get(number, ()), *tried, key=_place):
            if place > last:  # a pattern of alternatives may begin in several ways that fit
                yield place, value
                last = place

    def _try(self, number: str, beginning: str) -> Iterator[tuple[int, T]]:
        for place, expression, value in self._expressions.get(beginning, ()):
            if expression.fullmatch(number):
                yield place, value


def _place(match: tuple[int, object]) -> int:
    return match[0]


def is_plain(pattern: str) -> bool:
    """Does the pattern match itself and nothing else?"""
    return _SPECIAL.isdisjoint(pattern)


def beginnings(pattern: str) -> tuple[str, ...]:
    """Literal texts, with one of which whatever a regular expression matches begins; perhaps the empty one."""
    found = {_beginning(alternative) for alternative in _alternatives(pattern)}
    return ("",) if "" in found else tuple(sorted(found))


def _alternatives(pattern: str) -> list[str]:
    """What `|` parts at the top level; all of it in one where that is not plain to see."""
    parts, start, depth, at = [], 0, 0, 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character == "[":
            return [pattern] if "|" not in pattern else [""]
        elif character in "()":
            depth += 1 if character == "(" else -1
        elif character == "|" and depth == 0:
            parts.append(pattern[start:at])
            start = at + 1
        at += 1
    return [*parts, pattern[start:]]


def _beginning(pattern: str) -> str:
    found = ""
    at = 0
    while at < len(pattern):
        character, width = pattern[at], 1
        if character == "\\":
            character, width = pattern[at + 1 : at + 2], 2
            if not character or character.isalnum():  # a class, a backreference
                break
        elif character in _SPECIAL:
            break
        if pattern[at + width : at + width + 1] in _OPTIONAL and at + width < len(pattern):
            break
        found += character
        at += width
    return found
