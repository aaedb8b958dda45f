"""The worst of the last seconds: what somebody who looks once in a while must not miss."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

HALF = 5.0  # seconds: what was noted is remembered for one to two of them


class Peak:
    """The greatest of what was noted in the last five to ten seconds; 0 without any."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turn = -inf  # when the newer half began
        self._before = self._newer = 0.0

    def note(self, value: float) -> None:
        self._roll()
        self._newer = max(self._newer, value)

    @property
    def value(self) -> float:
        self._roll()
        return max(self._before, self._newer)

    def _roll(self) -> None:
        now = self._clock()
        if now >= self._turn + HALF:
            self._before = self._newer if now < self._turn + 2 * HALF else 0.0
            self._newer, self._turn = 0.0, now
