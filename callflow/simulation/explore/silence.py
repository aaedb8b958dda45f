"""Dead air: for how long a caller hears nothing, and is asked nothing. Pure: it is told what goes on, and when."""

from __future__ import annotations

from dataclasses import dataclass

AT_ONCE = 0.5  # seconds: what begins so soon after the last sound is where the silence is


@dataclass(slots=True)
class Silence:
    """Silences up to `longest` seconds are none."""

    longest: float
    _since: float | None = None
    _after: int = 0  # steps

    def hear(self, *, is_engaged: bool, now: float, steps: int) -> tuple[float, int] | None:
        """From now on there is something to hear, or to do, or not; so many steps were taken.

        Of a silence that was too long and is over: its seconds, and after how many steps it began.
        """
        if not is_engaged:
            self._since = now if self._since is None else self._since
            if now - self._since < AT_ONCE:
                self._after = steps
            return None
        since, self._since = self._since, None
        return (now - since, self._after) if since is not None and now - since > self.longest else None
