"""A pipe of a session: what its peer says and hears, frame by frame, to a program outside, and what that says, back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

MAX_PIPES = 4  # of one session
MOST_WAITING_MS = 60_000  # of what is to be said


@dataclass(frozen=True, slots=True)
class PipeShape:
    """How sound looks in a pipe, both ways, and which sides of the call go out."""

    encoding: Literal["mulaw", "l16"] = "l16"  # l16: 16 bits, signed, the lower octet first
    rate: int = 8000  # 8000, 16000 or 24000 Hz
    hears_received: bool = True  # what the peer says
    hears_sent: bool = False  # what the peer hears

    @property
    def frame_octets(self) -> int:
        """The octets of 20 ms."""
        return self.rate // 50 * (2 if self.encoding == "l16" else 1)


@dataclass(frozen=True, slots=True)
class PipeFrame:
    """20 ms of one side; silence, too, is sent."""

    is_received: bool  # what the peer says; else what it hears
    at_ms: int  # after the pipe was opened
    octets: bytes


@dataclass(frozen=True, slots=True)
class PipeFigures:
    """How much of what was written was really sent to the peer, and how much is to come."""

    said_ms: int
    waiting_ms: int


@dataclass(frozen=True, slots=True)
class PipeMarked:
    """All that was written before the mark was sent to the peer; or it was cleared, and was not heard to its end."""

    pipe: str
    mark: int
    is_heard: bool


class MediaPipe(Protocol):
    """One pipe, from `open_pipe` to `close`, or to the end of its session. After that every method is a no-op.

    What is written is said at its own pace, in place of what the session's others say (relay, room, echo), while no
    playback and no digits are sent: those go first, and it waits. So it does while the peer cannot hear.
    """

    def write(self, octets: bytes) -> int:
        """Have them said after what waits: how many were taken. What would wait for more than a minute is not."""
        ...

    def mark(self, mark: int) -> bool:
        """Have `PipeMarked` reported when all that was written before has been sent; False: too much waits."""
        ...

    def clear(self) -> None:
        """Say nothing of what waits, from the next frame on: its marks are reported as not heard."""
        ...

    def figures(self) -> PipeFigures:
        """What became of what was written."""
        ...

    def close(self) -> None:
        """No frames come out any more, and nothing more is said."""
        ...
