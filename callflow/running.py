"""Commands that go on beside the script: a playback, a recording, a bridge with a handle. And `race`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar, cast

import anyio

from .leg import Leg
from .link import Pending
from .protocol.commands import Command
from .protocol.outcomes import Outcome

OutcomeT = TypeVar("OutcomeT", bound=Outcome)
First = TypeVar("First")
Second = TypeVar("Second")


class Running(Generic[OutcomeT]):
    """A command that the engine accepted and that goes on. Leaving its `async with` block stops it."""

    def __init__(self, leg: Leg, pending: Pending) -> None:
        self._leg = leg
        self._pending = pending

    @property
    def is_over(self) -> bool:
        """It has ended, by itself or stopped."""
        return self._pending.ended.is_set()

    async def wait(self) -> OutcomeT:
        """Its outcome, when it ends by itself. Raises CallEnded."""
        return cast("OutcomeT", await self._leg.settle(self._pending))  # the command says what it ends as

    async def stop(self) -> OutcomeT:
        """Stop it; how far it came. Raises CallEnded."""
        await self._leg.let_go(self._pending)
        return cast("OutcomeT", await self._pending.wait_ended())


@asynccontextmanager
async def running(leg: Leg, command: Command) -> AsyncGenerator[Running[Any], None]:  # Any: by verb
    """Have a command go on for as long as the block does."""
    pending = leg.begin(command)
    try:
        await pending.wait_accepted()
        yield Running(leg, pending)
    finally:
        await leg.let_go(pending)


async def race(first: Awaitable[First], second: Awaitable[Second]) -> First | Second:
    """The result of whichever is done first; the other is cancelled.

    An exception of either cancels the other, and is raised.
    """
    results: list[First | Second] = []
    errors: list[Exception] = []

    async def run(entrant: Awaitable[First] | Awaitable[Second]) -> None:
        try:
            results.append(await entrant)
        except Exception as error:  # raised below, outside of the group, as itself
            errors.append(error)
        tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run, first)
        tasks.start_soon(run, second)
    if results:
        return results[0]
    raise errors[0]
