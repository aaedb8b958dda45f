"""The world outside, for scripts in a simulation: a web of the test's making, and databases in memory."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias

import trio

from callflow.runtime.lua.database import Database
from callflow.runtime.lua.hosts import is_allowed, read_host
from callflow.runtime.lua.outside import (
    Answer,
    Cancel,
    Failed,
    HttpRequest,
    HttpResponse,
    Refused,
    Rows,
    Statement,
    Then,
    Value,
)
from engine.scripting.lua import OpenOutside

Fake: TypeAlias = Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]

log = logging.getLogger("callflow.simulation")


class SimulatedWorld:
    """See `Outside`. Statements take no time; requests what the fake takes, which may wait by trio's means."""

    def __init__(
        self,
        nursery: trio.Nursery,
        fake: Callable[[], Fake | None],
        database: Database,
        wake: Callable[[], None],
    ) -> None:
        """`fake` says which one, if there is one now."""
        self._nursery = nursery
        self._fake = fake
        self._database = database
        self._wake = wake

    def request(self, request: HttpRequest, then: Then) -> Cancel:
        return self._begin(then, lambda: self._fetch(request))

    def query(self, statement: Statement, then: Then) -> Cancel:
        async def run() -> Answer:
            await trio.lowlevel.checkpoint()
            return self._database.run(statement)

        return self._begin(then, run)

    def _begin(self, then: Then, run: Callable[[], Awaitable[Answer]]) -> Cancel:
        scope = trio.CancelScope()

        async def tell() -> None:
            with scope:
                then(await run())
                self._wake()

        self._nursery.start_soon(tell, name="what a script asks of the world")
        return scope.cancel

    async def _fetch(self, request: HttpRequest) -> Answer:
        await trio.lowlevel.checkpoint()
        fake = self._fake()
        if fake is None:
            message = "there is no web in a simulation: give it one by simulation.web = a function of the request"
            log.warning("%s %s: %s", request.method, request.url, message)
            return Failed("absent", message)
        with trio.move_on_after(request.timeout):
            try:
                answer = fake(request)
                response = await answer if inspect.isawaitable(answer) else answer
            except ConnectionError as error:
                return Failed("unreachable", str(error) or type(error).__name__)
            if not isinstance(response, HttpResponse):
                return Refused("internal", f"expected an HttpResponse of simulation.web, got {response!r:.200}")
            return response
        return Failed("timeout", f"no answer within {request.timeout:g} s")


def opening(nursery: trio.Nursery, fake: Callable[[], Fake | None], database: Database) -> OpenOutside:
    """How a script's host opens its world."""

    @asynccontextmanager
    async def open_outside(wake: Callable[[], None]) -> AsyncIterator[SimulatedWorld]:
        yield SimulatedWorld(nursery, fake, database, wake)

    return open_outside


def rows_of(database: Database, text: str, values: Sequence[Value]) -> list[dict[str, object]]:
    """What a statement of a test's finds, its texts as texts. Raises ValueError for one that cannot be carried out."""
    answer = database.run(Statement(text=text, values=values))
    if not isinstance(answer, Rows):
        raise ValueError(f"{text}: {answer}")
    return [
        {name: value.decode() if isinstance(value, bytes) else value for name, value in row.items()}
        for row in answer.rows
    ]


def real_web(*hosts: str) -> Fake:
    """The web as it is, for these hosts (see hosts.py): nothing else happens meanwhile, and no virtual time passes."""
    rules = [read_host(host) for host in hosts]

    def fetch(request: HttpRequest) -> HttpResponse:
        import httpx  # few tests want it

        url = httpx.URL(request.url)
        if not is_allowed(rules, url.scheme, url.host, url.port):
            raise ConnectionError(f"{url.netloc.decode()} is none of the hosts given to real_web")
        try:
            response = httpx.request(
                request.method,
                url,
                headers=dict(request.headers),
                content=request.body or None,
                timeout=request.timeout,
            )
        except httpx.HTTPError as error:
            raise ConnectionError(str(error)) from error
        return HttpResponse(status=response.status_code, headers=dict(response.headers), body=response.content)

    return fetch
