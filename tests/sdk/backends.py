"""Every test of the SDK runs twice: under asyncio and under trio."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable

import anyio
import pytest


def on_both_backends(test: Callable[[], Awaitable[None]]) -> Callable[..., None]:
    """Run an async test under both, in real time, failing after 20 seconds."""

    async def main() -> None:
        with anyio.fail_after(60):
            await test()

    @pytest.mark.parametrize("backend", ["asyncio", "trio"])
    def run(backend: str) -> None:
        anyio.run(main, backend=backend)

    functools.update_wrapper(run, test, assigned=("__name__", "__doc__", "__module__", "__qualname__"))
    del run.__wrapped__  # pytest would read the signature through it
    return run
