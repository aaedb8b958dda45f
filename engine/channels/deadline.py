"""A deadline for what has not been heard: who comes late to it looks first at what was reported meanwhile.

When the engine was held up, a report that came in time and the timer are both to be dealt with, in any order.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from .timer import Timers

_LATE = 0.1  # seconds


class Deadline:
    """One deadline, until it is cancelled."""

    __slots__ = ("_due", "_then", "_timer", "_timers")

    def __init__(self, timers: Timers, seconds: float, then: Callable[[], None]) -> None:
        self._timers = timers
        self._then = then
        self._wait(max(seconds, 0.0))

    def cancel(self) -> None:
        self._timer.cancel()

    def _wait(self, seconds: float) -> None:
        self._due = trio.current_time() + seconds
        self._timer = self._timers.after(seconds, self._pass)

    def _pass(self) -> None:
        if trio.current_time() - self._due > _LATE:
            self._wait(_LATE)
        else:
            self._then()
