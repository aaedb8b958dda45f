"""An app: a name, and the functions that take its calls.

app = App("reception")

@app.route("1000")
async def reception(call: Call) -> None:
    await call.answer()
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal, TypeVar

from .call import Call
from .errors import RouteError
from .routing import Route, find_route, make_route

Function = TypeVar("Function", bound=Callable[[Call], Awaitable[object]])


class App:
    """What a script defines, once. The worker, `connect` and `serve` run it."""

    def __init__(self, name: str, *, backend: Literal["asyncio", "trio"] = "asyncio") -> None:
        self.name = name
        self.backend: Literal["asyncio", "trio"] = backend
        self._routes: list[Route] = []

    def __repr__(self) -> str:
        return f"App({self.name!r})"

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes, in the order in which they were declared: the first that matches wins."""
        return tuple(self._routes)

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of the routes, in their order."""
        return tuple(route.pattern for route in self._routes)

    def route(self, *patterns: str) -> Callable[[Function], Function]:
        """Give the calls to numbers that match a pattern (a regular expression, the whole number) to this function.

        Raises RouteError for a bad pattern, one that is taken already, and a function that is not async.
        """
        if not patterns:
            raise RouteError("route: expected at least one pattern, got none")

        def declare(function: Function) -> Function:
            for pattern in patterns:
                self._add(make_route(pattern, function))
            return function

        return declare

    def find(self, number: str, *, pattern: str | None = None) -> Route | None:
        """The route of a number; `pattern` is the engine's choice, if it made one."""
        return find_route(self._routes, number, pattern=pattern)

    def _add(self, route: Route) -> None:
        if route.pattern in self.patterns:
            raise RouteError(f'route "{route.pattern}" is taken already: each pattern leads to one function')
        self._routes.append(route)
