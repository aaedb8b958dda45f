"""Things that are to happen later, in one heap: whoever drives the program asks when the next one is due."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator

_SWEEP_AT = 1000  # cancelled ones, before the heap is rid of them


class Timer:
    """One of them."""

    __slots__ = ("_timers", "act")

    def __init__(self, timers: Timers, act: Callable[[], None]) -> None:
        self.act: Callable[[], None] | None = act
        self._timers = timers

    def cancel(self) -> None:
        if self.act is not None:
            self.act = None
            self._timers.note_cancelled()


class Timers:
    """By when they are due, in seconds of the driver's clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._numbers = itertools.count()
        self._cancelled = 0  # since the last sweep: those in the heap, at most

    def __len__(self) -> int:
        """How many the heap holds, cancelled or not."""
        return len(self._heap)

    def after(self, seconds: float, act: Callable[[], None]) -> Timer:
        timer = Timer(self, act)
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
            timer = heapq.heappop(self._heap)[2]
            act, timer.act = timer.act, None
            if act is not None:
                yield act

    def note_cancelled(self) -> None:
        """One of them will not be: most that are long in coming are cancelled, and are not kept until then."""
        self._cancelled += 1
        if self._cancelled > _SWEEP_AT and self._cancelled > len(self._heap) // 2:
            self._heap = [entry for entry in self._heap if entry[2].act is not None]
            heapq.heapify(self._heap)
            self._cancelled = 0
