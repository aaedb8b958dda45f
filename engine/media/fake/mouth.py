"""What a program says through a pipe, by interval: how far it was said, when it is loud, which marks are passed."""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable

from ..pipe import MOST_WAITING_MS, PipeFigures, PipeMarked
from ..session import PipeSource
from .network import FakeMediaNetwork, Timer
from .sound import FRAME, LOUD_RMS, RATE
from .spoken import Spoken
from .voice import FRAME_SECONDS, Address, Piece, Program, Voice

_LEAD = 3 * FRAME  # after a pause so much is to be there before it is said,
_LEAD_SECONDS = 0.06  # unless it has waited so long
_MOST_WAITING = MOST_WAITING_MS * RATE // 1000
_MOST_MARKS = 8192
_SURE = 1e-6  # a clock's last digits do not matter


class Mouth:
    """Of one pipe. It speaks while it is open, and the session lets it."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        pipe: str,
        origin: Address,
        report: Callable[[PipeMarked], None],
        settle: Callable[[], None],
    ) -> None:
        self._network = network
        self._pipe = pipe
        self._origin = origin
        self._report = report
        self._settle = settle
        self._samples: array[int] = array("h")  # since it was opened
        self._loud: list[bool] = []  # each whole frame of them
        self._marks: deque[tuple[int, int]] = deque()  # at which sample, and which
        self._since: float | None = None  # something waits that is not begun
        self._stands_at = 0  # samples that were said when it was last let go on, or held
        self._runs_since: float | None = None
        self._said = 0  # before it was opened last
        self._timer: Timer | None = None
        self._voice: Voice | None = None
        self.is_open = False

    @property
    def voice(self) -> Voice | None:
        """What sounds now, if it is loud."""
        return self._voice

    @property
    def room(self) -> int:
        """Samples for which there is room."""
        return _MOST_WAITING - self._waiting()

    def write(self, samples: array[int]) -> None:
        """Say them after what waits."""
        if not samples:
            return
        self._samples.extend(samples)
        for start in range(len(self._loud) * FRAME, len(self._samples) - FRAME + 1, FRAME):
            self._loud.append(_is_loud(self._samples[start : start + FRAME]))
        if self._since is None:
            self._since = self._network.now
        self._look()

    def mark(self, mark: int) -> bool:
        """Report when all before it was said."""
        if len(self._marks) >= _MOST_MARKS:
            return False
        self._marks.append((len(self._samples), mark))
        self._look()
        return True

    def clear(self) -> None:
        """Say no more of what waits."""
        marks, self._marks = self._marks, deque()
        self._end()
        for _, mark in marks:
            self._report(PipeMarked(self._pipe, mark, is_heard=False))
        self._settle()

    def close(self) -> None:
        """It is over, and nothing is told of it."""
        self._marks.clear()
        self._end()
        self._settle()

    def figures(self) -> PipeFigures:
        """How much was said, and how much is to come."""
        return PipeFigures((self._said + self._position()) * 1000 // RATE, self._waiting() * 1000 // RATE)

    def settled(self, *, is_on: bool) -> None:
        """The session lets it speak, or does not."""
        if is_on is (self._runs_since is not None):
            return
        self._stands_at = self._position()
        self._runs_since = self._network.now if is_on else None
        self._choose_voice()
        self._set_timer()

    def _position(self) -> int:
        """Samples that were said since it was opened: whole frames, but for the end."""
        if self._runs_since is None:
            return self._stands_at
        frames = math.floor((self._network.now - self._runs_since) / FRAME_SECONDS + _SURE)
        return min(self._stands_at + frames * FRAME, len(self._samples))

    def _waiting(self) -> int:
        return len(self._samples) - self._position()

    def _look(self) -> None:
        """Pass marks, begin, end."""
        position = self._position()
        while self._marks and self._marks[0][0] <= position:
            self._report(PipeMarked(self._pipe, self._marks.popleft()[1], is_heard=True))
        if self.is_open and position >= len(self._samples):
            self._end()
            self._settle()
        elif not self.is_open and self._may_begin():
            self.is_open = True
            self._settle()
        else:
            before = self._voice
            self._choose_voice()
            if before is not self._voice:
                self._settle()
        self._set_timer()

    def _may_begin(self) -> bool:
        if self._since is None:
            return False
        return len(self._samples) >= _LEAD or self._network.now - self._since >= _LEAD_SECONDS - _SURE

    def _end(self) -> None:
        self._said += self._position()
        self._samples, self._loud = array("h"), []
        self._since = self._runs_since = self._voice = None
        self._stands_at = 0
        self.is_open = False
        self._set_timer()

    def _choose_voice(self) -> None:
        position = self._position()
        index = position // FRAME
        is_loud = self._runs_since is not None and (
            self._loud[index] if index < len(self._loud) else position < len(self._samples)
        )
        if not is_loud:
            self._voice = None
        elif self._voice is None:
            piece = Piece(PipeSource(self._pipe), math.inf, Spoken(self._samples, position))
            self._voice = Voice(Program((piece,)), self._network.now, self._origin)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._runs_since is not None:
            frames = math.ceil((self._next_change() - self._stands_at) / FRAME)
            self._timer = self._network.call_at(self._runs_since + frames * FRAME_SECONDS, self._look)
        elif not self.is_open and self._since is not None:
            self._timer = self._network.call_at(self._since + _LEAD_SECONDS, self._look)

    def _next_change(self) -> int:
        """The sample at which there is something to do."""
        position = self._position()
        index = position // FRAME
        end = min([len(self._samples), *(at for at, _ in list(self._marks)[:1])])
        while index < len(self._loud) and self._loud[index] is (self._voice is not None):
            index += 1
        return max(min(end, index * FRAME), position + 1) if index < len(self._loud) else end


def _is_loud(frame: array[int]) -> bool:
    return sum(sample * sample for sample in frame) >= LOUD_RMS * LOUD_RMS * len(frame)
