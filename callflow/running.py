"""Commands that go on beside the script: a playback, a recording, a bridge with a handle. And `race`."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar, cast

import anyio

from .leg import Leg
from .pending import Pending
from .protocol.commands import Command, Control
from .protocol.outcomes import Outcome, Played, Recorded

Handle = TypeVar("Handle")
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

    async def _control(self, control: Callable[[str], Control]) -> None:
        await self._leg.ask(control(self._pending.id))


# Inheritance, for once: whoever takes a Running takes these, too.


class Playback(Running[Played]):
    """A playback that goes on. What has ended cannot be steered: NotFound."""

    async def pause(self) -> None:
        """Stop at this place, silent, until `resume`."""
        await self._control(lambda id: Control(command=id, action="pause"))

    async def resume(self) -> None:
        """Go on."""
        await self._control(lambda id: Control(command=id, action="resume"))

    async def seek(self, by_ms: int) -> None:
        """Go so many milliseconds ahead, or back if negative."""
        await self._control(lambda id: Control(command=id, seek_ms=by_ms))

    async def gain(self, gain_db: float) -> None:
        """Change the loudness, from here on."""
        await self._control(lambda id: Control(command=id, gain_db=gain_db))


class Recording(Running[Recorded]):
    """A recording that goes on. What has ended cannot be steered: NotFound."""

    async def pause(self) -> None:
        """Keep nothing of what follows, until `resume`."""
        await self._control(lambda id: Control(command=id, action="pause"))

    async def resume(self) -> None:
        """Go on recording."""
        await self._control(lambda id: Control(command=id, action="resume"))


@asynccontextmanager
async def running(leg: Leg, command: Command, shape: Callable[[Leg, Pending], Handle]) -> AsyncGenerator[Handle, None]:
    """Have a command go on for as long as the block does."""
    pending = leg.begin(command)
    try:
        await pending.wait_accepted()
        yield shape(leg, pending)
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
