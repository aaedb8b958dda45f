"""The world outside, for the program of one app: a client of HTTP, and a database in a thread of its own."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread

from .database import Database
from .outside import Answer, Cancel, Failed, HttpRequest, Refused, Statement, Then
from .worldspec import WorldSpec

if TYPE_CHECKING:
    from .web import Web

MAX_REQUESTS = 200  # of an app at once; beyond MAX_CONNECTIONS they wait for one another
MAX_STATEMENTS = 1000  # of an app that wait


@asynccontextmanager
async def open_world(spec: WorldSpec, wake: Callable[[], None]) -> AsyncIterator[World]:
    """`wake` is called after an answer was handed over."""
    failure: Exception | None = None
    world: World | None = None
    try:
        async with anyio.create_task_group() as tasks:
            world = World(spec, tasks, wake)
            try:
                yield world
            except Exception as error:  # as it is, and not in a group
                failure = error
            tasks.cancel_scope.cancel()
    finally:
        if world is not None:
            with anyio.CancelScope(shield=True):
                await world.close()
    if failure is not None:
        raise failure


class World:
    """See `Outside`."""

    def __init__(self, spec: WorldSpec, tasks: anyio.abc.TaskGroup, wake: Callable[[], None]) -> None:
        self._spec = spec
        self._tasks = tasks
        self._wake = wake
        self._requests = 0
        self._web: Web | None = None
        self._opening = anyio.Lock()
        self._database = Database(Path(spec.database)) if spec.database else None
        self._statements: deque[tuple[Statement, Then]] = deque()
        self._is_querying = False
        self._thread = anyio.CapacityLimiter(1)

    def request(self, request: HttpRequest, then: Then) -> Cancel:
        if not self._spec.hosts:
            return self._answer_later(Refused("unauthorized", _how_to_allow(request.url)), then)
        if self._requests >= MAX_REQUESTS:
            return self._answer_later(Failed("overloaded", f"expected at most {MAX_REQUESTS} requests at once"), then)
        self._requests += 1
        scope = anyio.CancelScope()
        self._tasks.start_soon(self._fetch, request, then, scope)
        return scope.cancel

    def query(self, statement: Statement, then: Then) -> Cancel:
        if self._database is None:
            refusal = Refused("unsupported", "this app has no database: it is run without a data folder")
            return self._answer_later(refusal, then)
        if len(self._statements) >= MAX_STATEMENTS:
            most = Failed("overloaded", f"expected at most {MAX_STATEMENTS} statements at once")
            return self._answer_later(most, then)
        entry = (statement, then)
        self._statements.append(entry)
        if not self._is_querying:
            self._is_querying = True
            self._tasks.start_soon(self._keep_querying, self._database)
        return partial(self._forget, entry)

    async def close(self) -> None:
        if self._web is not None:
            await self._web.close()
        if self._database is not None:
            await anyio.to_thread.run_sync(self._database.close, limiter=self._thread)

    def _answer_later(self, answer: Answer, then: Then) -> Cancel:
        scope = anyio.CancelScope()

        async def tell() -> None:
            with scope:
                await anyio.lowlevel.checkpoint()
                self._tell(answer, then)

        self._tasks.start_soon(tell)
        return scope.cancel

    def _tell(self, answer: Answer, then: Then) -> None:
        then(answer)
        self._wake()

    async def _fetch(self, request: HttpRequest, then: Then, scope: anyio.CancelScope) -> None:
        try:
            with scope:
                web = await self._open_web()
                self._tell(await web.fetch(request), then)
        finally:
            self._requests -= 1

    async def _open_web(self) -> Web:
        """The first request waits for it, as importing and reading certificates takes a while: most apps need none."""
        async with self._opening:
            if self._web is None:
                self._web = await anyio.to_thread.run_sync(_new_web, self._spec.hosts)
            return self._web

    async def _keep_querying(self, database: Database) -> None:
        try:
            while self._statements:
                statement, then = self._statements[0]
                answer = await anyio.to_thread.run_sync(database.run, statement, limiter=self._thread)
                if self._statements and self._statements[0][1] is then:  # else nobody waits any more
                    self._statements.popleft()
                    self._tell(answer, then)
        finally:
            self._is_querying = False

    def _forget(self, entry: tuple[Statement, Then]) -> None:
        if entry in self._statements:
            self._statements.remove(entry)


def _new_web(hosts: tuple[str, ...]) -> Web:
    from .web import Web

    return Web(hosts)


def _how_to_allow(url: str) -> str:
    host = url.partition("://")[2].partition("/")[0].rpartition("@")[2] or "api.example.com"
    return f'this app may ask no host by HTTP: write http = ["{host:.200}"] to its [[app]] in the configuration'
