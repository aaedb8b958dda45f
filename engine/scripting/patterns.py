"""Numbers to values: regular expressions that match the whole number, tried in their order; the first wins.

A pattern without special characters is looked up, not tried, so that thousands of plain numbers cost no more than ten.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

MAX_NUMBER = 128  # characters; a longer one matches nothing, and so cannot keep an expression busy for long

_SPECIAL = frozenset(r".^$*+?{}[]\|()")
T = TypeVar("T")


class Patterns(Generic[T]):
    """Patterns, each with a value. Raises re.error for one that is no regular expression."""

    def __init__(self, patterns: Iterable[tuple[str, T]]) -> None:
        self._plain: dict[str, list[tuple[int, T]]] = {}
        self._expressions: list[tuple[int, re.Pattern[str], T]] = []
        for place, (pattern, value) in enumerate(patterns):
            if _SPECIAL.isdisjoint(pattern):
                self._plain.setdefault(pattern, []).append((place, value))
            else:
                self._expressions.append((place, re.compile(pattern), value))

    def find(self, number: str, *, accept: Callable[[T], bool] = lambda value: True) -> T | None:
        """The value of the first pattern that the whole number matches, of those that are acceptable."""
        return next((value for value in self._matches(number) if accept(value)), None)

    def _matches(self, number: str) -> Iterator[T]:
        if len(number) > MAX_NUMBER:
            return
        plain = list(self._plain.get(number, ()))
        for place, expression, value in self._expressions:
            while plain and plain[0][0] < place:
                yield plain.pop(0)[1]
            if expression.fullmatch(number):
                yield value
        for _, value in plain:
            yield value
