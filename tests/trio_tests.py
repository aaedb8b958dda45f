"""What every test may use."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

import trio
import trio.testing

VIRTUAL_LIMIT = 100_000.0  # seconds; whoever waits in vain beside a timer that goes on for ever is told


def run_within(seconds: float) -> Callable[[Callable[..., Awaitable[None]]], Callable[..., None]]:
    """Run an async test under trio, in real time; after two minutes it fails, for a busy machine may be slow."""

    def decorate(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: object, **kwargs: object) -> None:
            async def main() -> None:
                with trio.fail_after(seconds):
                    await test(*args, **kwargs)

            trio.run(main)

        return run

    return decorate


def run_trio(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test under trio, in real time; after two minutes it fails, for a busy machine may be slow."""
    return run_within(120)(test)


def run_virtual(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an async test on a clock that jumps to the next deadline; for in-memory parts only."""

    @functools.wraps(test)
    def run(*args: object, **kwargs: object) -> None:
        async def main() -> None:
            with trio.fail_after(VIRTUAL_LIMIT):
                await test(*args, **kwargs)

        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))

    return run
