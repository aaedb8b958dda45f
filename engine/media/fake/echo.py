"""What comes in, sent back: at once, or so much later as was wanted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from .chorus import Sound
from .network import FakeMediaNetwork, Timer

_FRAME_MS = 20
_MOST_FRAMES = 500  # ten seconds


class Echo:
    """`voice` is what is to be sent now; `settle` is called when that has become another thing by itself."""

    def __init__(self, network: FakeMediaNetwork, settle: Callable[[], None]) -> None:
        self.voice: Sound | None = None
        self._network = network
        self._settle = settle
        self._delay: float | None = None  # seconds; None: there is no echo
        self._coming: deque[tuple[float, Sound | None]] = deque()  # when what follows, the soonest first
        self._timer: Timer | None = None

    def switch(self, voice: Sound | None, *, delay_ms: int | None) -> None:
        """Of what comes in now and from now on; None: no more."""
        if self._timer is not None:
            self._timer.cancel()
        self._coming.clear()
        self.voice, self._timer = None, None
        self._delay = None if delay_ms is None else min(-(-delay_ms // _FRAME_MS), _MOST_FRAMES) * _FRAME_MS / 1000
        self.change(voice)

    def change(self, voice: Sound | None) -> None:
        """Another voice comes in."""
        if self._delay is None:
            return
        if not self._delay:
            self.voice = voice
            return
        at = self._network.now + self._delay
        if self._coming and self._coming[-1][0] == at:
            self._coming.pop()
        self._coming.append((at, voice.delayed(self._delay) if voice is not None else None))
        self._wait()

    def _wait(self) -> None:
        if self._timer is None and self._coming:
            self._timer = self._network.call_at(self._coming[0][0], self._follow)

    def _follow(self) -> None:
        self._timer = None
        _, self.voice = self._coming.popleft()
        self._wait()
        self._settle()
