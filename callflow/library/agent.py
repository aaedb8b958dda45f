"""An agent of a queue, and which of them is next."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal, TypeAlias

Strategy: TypeAlias = Literal["ring_all", "longest_idle", "fewest_calls", "in_order", "random"]


@dataclass(slots=True)
class Agent:
    """`target` is whom to dial. Times are those of the event loop."""

    target: str
    is_paused: bool = False
    is_busy: bool = False
    calls: int = 0
    idle_since: float = 0.0
    free_at: float = 0.0

    def is_free(self, now: float) -> bool:
        """It may be rung."""
        return not (self.is_paused or self.is_busy) and self.free_at <= now

    def is_wrapping_up(self, now: float) -> bool:
        """It will be free by itself, at `free_at`."""
        return not (self.is_paused or self.is_busy) and self.free_at > now

    def finish(self, now: float, wrap_up: float) -> None:
        """A call is over."""
        self.is_busy = False
        self.calls += 1
        self.idle_since = now
        self.free_at = now + wrap_up


def choose(free: list[Agent], strategy: Strategy, rng: random.Random) -> list[Agent]:
    """Whom to ring, of those who are free: one, but for `ring_all`; the one who logged in first among equals."""
    if not free or strategy == "ring_all":
        return free
    match strategy:
        case "longest_idle":
            return [min(free, key=lambda agent: agent.idle_since)]
        case "fewest_calls":
            return [min(free, key=lambda agent: agent.calls)]
        case "random":
            return [rng.choice(free)]
        case _:
            return free[:1]
