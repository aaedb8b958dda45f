"""One seed, one course of events: trio on a clock that jumps, its scheduler's dice loaded, and tokens from a seed."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager

import trio
import trio._core._run as scheduler
import trio.testing

EPOCH = 1_767_225_600.0  # when simulations begin: 2026-01-01T00:00:00Z


def run_virtual(main: Callable[[], Awaitable[None]], *, seed: int) -> None:
    """Run `main` under trio: time jumps to the next deadline whenever all tasks wait, and the same seed runs alike."""

    async def run() -> None:
        await main()

    with _seeded_scheduler(seed):
        trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))


class Dice:
    """Random numbers by purpose: who throws more often than before does not change the luck of the others."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def of(self, purpose: str) -> random.Random:
        """The random numbers for that purpose, from their beginning."""
        return random.Random(f"{self._seed}/{purpose}")

    def tokens(self, purpose: str) -> Callable[[], str]:
        """A function that makes 64 random bits in hex."""
        rng = self.of(purpose)
        return lambda: f"{rng.getrandbits(64):016x}"


@contextmanager
def _seeded_scheduler(seed: int) -> Generator[None]:
    """Tasks that could run at the same time run in an order that is shuffled, but from the seed.

    trio keeps this switch for its own use with Hypothesis, under these names in the version that is pinned.
    """
    before = scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r
    scheduler._ALLOW_DETERMINISTIC_SCHEDULING = True  # type: ignore[misc]
    scheduler._r = random.Random(f"{seed}/scheduler")
    try:
        yield
    finally:
        scheduler._ALLOW_DETERMINISTIC_SCHEDULING, scheduler._r = before  # type: ignore[misc]
