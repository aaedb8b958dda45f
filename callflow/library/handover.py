"""A call that its script lends to another script of the same app, and has back when that one is done with it.

The lender waits until it is wanted, stops what it does with the call, and lends it; the taker bridges with it. Between
the two nothing plays into the bridge and no command meets another.
"""

from __future__ import annotations

import anyio

from callflow import Call, NotFound, Unbridged


class Handover:
    """One chance to take over `call`: the first who wants it has it."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._wanted, self._free, self._done = anyio.Event(), anyio.Event(), anyio.Event()
        self._is_closed = False

    @property
    def is_wanted(self) -> bool:
        """Somebody takes it, or has taken it."""
        return self._wanted.is_set()

    # The lender

    async def wait_wanted(self) -> None:
        """Wait until somebody wants the call."""
        await self._wanted.wait()

    async def lend(self) -> None:
        """Let the taker have it, and wait until it is back."""
        self._free.set()
        await self._done.wait()

    def close(self) -> None:
        """It is not to be had any more: its script is over, or does something else with it."""
        self._is_closed = True
        self._free.set()

    # The taker

    async def bridge(self, taker: Call) -> Unbridged | None:
        """Connect the taker with the call. None when somebody else was faster, or it has ended."""
        if self.is_wanted or self._is_closed:
            return None
        self._wanted.set()
        try:
            await self._free.wait()
            return None if self._is_closed else await taker.bridge(self.call)
        except NotFound:  # it hung up just now
            return None
        finally:
            self._done.set()
