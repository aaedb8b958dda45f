"""The highest rate at which something still holds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable


async def search_rate(holds: Callable[[float], Awaitable[bool]], *, low: float, high: float, steps: int) -> float:
    """Halve the distance between a rate that holds and one that does not, so many times; 0 if none held."""
    best = 0.0
    for _ in range(steps):
        rate = (low + high) / 2
        if await holds(rate):
            best = low = rate
        else:
            high = rate
    return best
