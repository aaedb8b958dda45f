"""How many calls begin and are up, and how idle the machine is: what HEARTBEAT and `status` tell."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path

_FIVE_MINUTES = 300  # seconds
_STAT = Path("/proc/stat")


@dataclass(slots=True)
class _Second:
    """One second in which calls began."""

    at: int
    began: int = 0
    most: int = 0  # calls up at once


class Pulse:
    """Counts legs as they begin."""

    def __init__(self) -> None:
        self.sessions = 0  # since the start
        self.peak = 0  # of those that were up at once
        self.fastest = 0  # begun within a second
        self._seconds: deque[_Second] = deque()  # of the last five minutes
        self._idle = _read_idle()

    def begin(self, at: float, alive: int) -> None:
        """One more, with which so many are up."""
        self.sessions += 1
        self.peak = max(self.peak, alive)
        second = self._seconds[-1] if self._seconds and self._seconds[-1].at == int(at) else None
        if second is None:
            second = _Second(int(at))
            self._seconds.append(second)
            self._forget(at)
        second.began += 1
        second.most = max(second.most, alive)
        self.fastest = max(self.fastest, second.began)

    def last(self, now: float) -> int:
        """Begun within the last whole second."""
        return next((second.began for second in reversed(self._seconds) if second.at == int(now) - 1), 0)

    def fastest_of_five_minutes(self, now: float) -> int:
        """Begun within a second, at most."""
        self._forget(now)
        return max((second.began for second in self._seconds), default=0)

    def peak_of_five_minutes(self, now: float, alive: int) -> int:
        """Up at once, at most."""
        self._forget(now)
        return max([alive, *(second.most for second in self._seconds)])

    def take_idle(self) -> float:
        """The part of the processors' time that was idle since the last time, in percent."""
        (idle, total), (idle_before, total_before) = now, _ = _read_idle(), self._idle
        self._idle = now
        return 100.0 * (idle - idle_before) / (total - total_before) if total > total_before else 100.0

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0].at < now - _FIVE_MINUTES:
            self._seconds.popleft()


def _read_idle() -> tuple[int, int]:
    """Ticks: idle, and all (proc_stat(5)). Zeros where there is no such file."""
    try:
        words = _STAT.read_text().split("\n", 1)[0].split()
    except OSError:
        return 0, 0
    ticks = [int(word) for word in words[1:9]]
    return (ticks[3] + ticks[4], sum(ticks)) if len(ticks) > 4 else (0, 0)
