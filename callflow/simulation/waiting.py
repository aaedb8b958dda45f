"""Waiting for whichever comes first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio


async def wait_first(*conditions: Callable[[], Awaitable[object]]) -> None:
    """Wait until one of the conditions has come true."""

    async def wait(condition: Callable[[], Awaitable[object]]) -> None:
        await condition()
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for condition in conditions:
            nursery.start_soon(wait, condition)
