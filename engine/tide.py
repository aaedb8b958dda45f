"""Memory that a burst of calls has needed: given back to the system when the calls, and what they left, are gone.

What Python frees in small pieces goes back by itself, as far as nothing that stays lies among it. What is freed in
larger ones (messages, media) the C library keeps for the next burst, all of it, while anything lies behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog
import trio

LOOK_EVERY = 5.0  # seconds
FEW = 200  # fewer calls and transactions than before, that are not worth it

logger = structlog.get_logger("engine")


class Tide:
    """How many calls and transactions there are, and how many there were. `give_back` tells whether there was any."""

    def __init__(self, level: Callable[[], int], give_back: Callable[[], Awaitable[bool]]) -> None:
        self._level, self._give_back = level, give_back
        self._high = 0

    def has_ebbed(self) -> bool:
        """There are half as many as there were at the most since this was said last, or less."""
        level = self._level()
        if self._high - level < FEW or 2 * level > self._high:
            self._high = max(self._high, level)
            return False
        self._high = level
        return True

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await trio.sleep(LOOK_EVERY)
            if self.has_ebbed():
                started_at = trio.current_time()
                has_given = await self._give_back()
                took = round(1000 * (trio.current_time() - started_at), 1)
                logger.debug("memory given back", anything=has_given, took_ms=took)
