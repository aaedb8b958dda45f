"""Routes: which numbers a function answers. A pattern is a regular expression for the whole number; the first wins."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from .errors import RouteError

if TYPE_CHECKING:
    from .call import Call

MAX_NUMBER = 128  # characters; a longer one matches no route


class Matching(Protocol):
    """A route, as far as finding it goes."""

    @property
    def pattern(self) -> str: ...

    @property
    def expression(self) -> re.Pattern[str]: ...


RouteT = TypeVar("RouteT", bound=Matching)
CallFunction: TypeAlias = "Callable[[Call], Awaitable[object]]"


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern, and the function that takes the calls whose number matches it."""

    pattern: str
    expression: re.Pattern[str]
    function: CallFunction


def make_route(pattern: str, function: CallFunction) -> Route:
    """A route. Raises RouteError for a pattern that is no regular expression and a function that is not async."""
    place = _place_of(function)
    if not inspect.iscoroutinefunction(function):
        raise RouteError(f'route "{pattern}": expected an async function, got {place}')
    try:
        return Route(pattern, re.compile(pattern), function)
    except re.error as error:
        raise RouteError(f'route "{pattern}" of {place}: expected a regular expression: {error}') from error


def find_route(routes: Sequence[RouteT], number: str, *, pattern: str | None = None) -> RouteT | None:
    """The first route that the whole number matches, or the one with the pattern that the engine chose."""
    if pattern is not None:
        for route in routes:
            if route.pattern == pattern:
                return route
    if len(number) > MAX_NUMBER:
        return None
    return next((route for route in routes if route.expression.fullmatch(number)), None)


def _place_of(function: object) -> str:
    code = getattr(function, "__code__", None)
    name = getattr(function, "__qualname__", repr(function))
    return f"{name} ({code.co_filename}:{code.co_firstlineno})" if code is not None else name
