"""Deadlines of running commands: one task for all of them, however many channels there are.

timer = timers.after(5.0, self._time_out)
timer.cancel()      # once it is not needed; a timer that fired or was cancelled holds nothing
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf

import trio


class Timer:
    """One deadline, and what to do then."""

    __slots__ = ("_callback", "_timers", "at")

    def __init__(self, timers: Timers, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        self._timers = timers
        self._callback: Callable[[], None] | None = callback

    @property
    def is_set(self) -> bool:
        return self._callback is not None

    def cancel(self) -> None:
        if self._callback is not None:
            self._callback = None
            self._timers.count -= 1

    def fire(self) -> None:
        callback = self._callback
        if callback is not None:
            self.cancel()
            callback()


class Timers:
    """All deadlines, nearest first, equal ones in the order they were set."""

    def __init__(self) -> None:
        self.count = 0  # set, and neither fired nor cancelled
        self._heap: list[tuple[float, int, Timer]] = []
        self._set = 0
        self._scope = trio.CancelScope()

    @property
    def room(self) -> int:
        """How many entries are kept, cancelled ones that are not yet cleared away included."""
        return len(self._heap)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back in so many seconds, from the task of `run`."""
        timer = Timer(self, trio.current_time() + seconds, callback)
        self.count += 1
        self._set += 1
        if len(self._heap) > 2 * self.count + 64:  # most of it was cancelled
            self._heap = [entry for entry in self._heap if entry[2].is_set]
            heapq.heapify(self._heap)
        heapq.heappush(self._heap, (timer.at, self._set, timer))
        self._scope.deadline = min(self._scope.deadline, timer.at)
        return timer

    async def run(self) -> None:
        """Fire what is due, until cancelled."""
        while True:
            self._scope = trio.CancelScope(deadline=self._heap[0][0] if self._heap else inf)
            with self._scope:
                await trio.sleep_forever()
            self._fire_due(trio.current_time())

    def _fire_due(self, now: float) -> None:
        while self._heap and self._heap[0][0] <= now:
            heapq.heappop(self._heap)[2].fire()
