"""Things that are to happen later, in one heap: whoever drives the program asks when the next one is due."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator


class Timer:
    """One of them."""

    __slots__ = ("act",)

    def __init__(self, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act

    def cancel(self) -> None:
        self.act = None


class Timers:
    """By when they are due, in seconds of the driver's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        timer = Timer(act)
        heapq.heappush(self._heap, (self._clock() + seconds, next(self._numbers), timer))
        return timer

    @property
    def next_at(self) -> float:
        """When the next one is due; infinity if there is none."""
        while self._heap and self._heap[0][2].act is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else float("inf")

    def due(self) -> Iterator[Callable[[], None]]:
        """Those whose time has come, earliest first."""
        now = self._clock()
        while self.next_at <= now:
            act = heapq.heappop(self._heap)[2].act
            if act is not None:
                yield act
