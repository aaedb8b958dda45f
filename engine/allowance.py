"""So much a second, and so much at once: what is beyond is for the caller to refuse."""

from __future__ import annotations

from collections.abc import Callable

COMMANDS = 3000.0  # a second, of one session; twice as many at once


class Allowance:
    """Fills at `rate` a second, up to `burst`. `clock` never goes back."""

    def __init__(self, rate: float, burst: float, *, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._left = burst
        self._at = clock()

    def take(self, cost: float = 1.0) -> bool:
        """Take that much. False: so much is not left, and nothing was taken."""
        self._fill()
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def take_some(self, wanted: int) -> int:
        """Take what is left of so many, each of cost 1: how many it were."""
        self._fill()
        taken = min(wanted, int(self._left))
        self._left -= taken
        return taken

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
