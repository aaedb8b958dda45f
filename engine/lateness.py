"""How late something may be before that is overload: again and again, or by several times as much at once."""

from __future__ import annotations

LATE_LOOKS = 3  # late ones in a row that are overload: one alone is a pause, as of a collection of garbage or a reload


class Lateness:
    """Of something that is looked at again and again, and may be `limit` seconds late; 0: any."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._late_looks = 0  # in a row
        self.is_overload = False

    def note(self, seconds: float) -> None:
        """It was so late. Overload is over as soon as it is half as late as it may be."""
        if self.is_overload:
            self.is_overload = seconds > self._limit / 2
            self._late_looks = 0
        elif self._limit > 0:
            self._late_looks = self._late_looks + 1 if seconds > self._limit else 0
            self.is_overload = self._late_looks >= LATE_LOOKS or seconds > self._limit * LATE_LOOKS
