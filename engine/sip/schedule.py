"""One heap of deadlines for everything in a stack that waits.

An item has at most one deadline that counts, `scheduled_at`; moving it leaves the old
entry in the heap, where it is recognised as stale and skipped when its time comes.
"""

from __future__ import annotations

import heapq
from typing import Generic, Protocol, TypeVar

from .timers import NEVER

_FEW = 1000  # stale entries that are not worth a sweep


class Timed(Protocol):
    """What can wait in a schedule."""

    scheduled_at: float  # set by the schedule alone; NEVER: waits for nothing


class Alarm:
    """What has a deadline but is no transaction. A base, not a part, which would have to hold who it calls back."""

    __slots__ = ("scheduled_at",)

    def __init__(self) -> None:
        self.scheduled_at = NEVER

    def ring(self, now: float) -> None:
        """Its time has come."""
        raise NotImplementedError


Item = TypeVar("Item", bound=Timed)


class Schedule(Generic[Item]):
    """Deadlines, nearest first; equal ones in the order they were set."""

    __slots__ = ("_heap", "_order", "_stale")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Item]] = []
        self._order = 0
        self._stale = 0  # entries that count no more, at least

    def set(self, item: Item, at: float) -> None:
        """Let `item` wait until `at`, and no longer for what it waited for before. NEVER: for nothing."""
        if at == item.scheduled_at:
            return
        self._stale += item.scheduled_at != NEVER
        item.scheduled_at = at
        if at != NEVER:
            self._order += 1
            heapq.heappush(self._heap, (at, self._order, item))
        if self._stale > _FEW and 2 * self._stale > len(self._heap):
            self._sweep()

    def next_deadline(self) -> float | None:
        heap = self._heap
        while heap:
            at, _, item = heap[0]
            if item.scheduled_at == at:
                return at
            heapq.heappop(heap)
            self._stale -= self._stale > 0
        return None

    def _sweep(self) -> None:
        """Drop what is stale: deadlines far ahead, as of session timers, would keep the calls of hours."""
        self._heap = [entry for entry in self._heap if entry[2].scheduled_at == entry[0]]
        heapq.heapify(self._heap)
        self._stale = 0

    def pop_due(self, now: float) -> Item | None:
        """Take out the item whose deadline is the nearest, if that is not after `now`."""
        at = self.next_deadline()
        if at is None or at > now:
            return None
        item = heapq.heappop(self._heap)[2]
        item.scheduled_at = NEVER
        return item
