"""Something that is done at a time, whatever the call does then: a warning in a bridge, a transfer at closing time.

async with scheduled(lambda: call.play("one-minute.wav"), after=540):
    await call.bridge(agent)

To end a call at a time, `Call.hangup_at`: the engine keeps that one, even without the app.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import anyio

from callflow import BadArgument


@asynccontextmanager
async def scheduled(
    function: Callable[[], Awaitable[object]],
    *,
    after: float | None = None,
    at: datetime | None = None,
    every: float | None = None,
) -> AsyncGenerator[None, None]:
    """Have a function called `after` seconds, or `at` a time, and then `every` so many, for as long as the block lasts.

    What it raises ends the block, and is raised. A time that is past is now.
    """
    if (after is None) == (at is None):
        raise BadArgument("expected one of after and at", command="scheduled")
    errors: list[BaseException] = []

    async def keep_time() -> None:
        try:
            await anyio.sleep(after if after is not None else _seconds_until(at))
            await function()
            while every is not None:
                await anyio.sleep(every)
                await function()
        except Exception as error:  # raised below as itself, not in a group
            errors.append(error)
            tasks.cancel_scope.cancel()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(keep_time)
        try:
            yield
        except (Exception, anyio.get_cancelled_exc_class()) as error:
            errors.append(error)  # a hang-up's, too: the group would take it for its own
        tasks.cancel_scope.cancel()
    if errors:
        raise errors[0]


def _seconds_until(at: datetime | None) -> float:
    return max((at - datetime.now(at.tzinfo)).total_seconds(), 0.0) if at is not None else 0.0
