"""A pipe of a fake session: what was heard is drawn fifty times a virtual second; what is written is said."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable

from ..pipe import PipeFigures, PipeFrame, PipeShape
from .law import compress_mulaw, expand_mulaw
from .mouth import Mouth
from .network import FakeMediaNetwork, Timer
from .recording import render
from .sound import FRAME, RATE
from .timeline import Timeline
from .voice import FRAME_SECONDS


class FakePipe:
    """Fulfils MediaPipe. Other rates are made by repeating samples, and by leaving them out."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        shape: PipeShape,
        mouth: Mouth,
        timelines: tuple[Timeline, Timeline],
        on_frame: Callable[[PipeFrame], None],
    ) -> None:
        """`timelines`: of what is received, of what is sent."""
        self.mouth = mouth
        self._network = network
        self._shape = shape
        self._on_frame = on_frame
        received, sent = timelines
        self._sides = [
            (is_received, timeline)
            for is_received, timeline, is_wanted in (
                (True, received, shape.hears_received),
                (False, sent, shape.hears_sent),
            )
            if is_wanted
        ]
        self._rest = b""  # of a sample that is not whole
        self._frames = 0
        self._began_at = network.now
        self._timer: Timer | None = None
        self.is_closed = False
        self._silence = self._encode(array("h", bytes(2 * FRAME)))
        self._wait()

    def write(self, octets: bytes) -> int:
        """Have them said after what waits: how many were taken."""
        if not self._is_open():
            return 0
        taken = octets[: self.mouth.room * self._shape.frame_octets // FRAME]
        self.mouth.write(self._decode(taken))
        return len(taken)

    def mark(self, mark: int) -> bool:
        """Have it reported when all that was written before has been sent."""
        return self._is_open() and self.mouth.mark(mark)

    def clear(self) -> None:
        """Say nothing of what waits."""
        if self._is_open():
            self._rest = b""
            self.mouth.clear()

    def figures(self) -> PipeFigures:
        """What became of what was written."""
        self._network.advance()
        return self.mouth.figures()

    def close(self) -> None:
        """No frames come out any more, and nothing more is said."""
        if self._is_open():
            self.is_closed = True
            if self._timer is not None:
                self._timer.cancel()
            self.mouth.close()

    def _is_open(self) -> bool:
        self._network.advance()
        return not self.is_closed

    def _wait(self) -> None:
        if self._sides:
            self._timer = self._network.call_at(self._began_at + (self._frames + 1) * FRAME_SECONDS, self._give)

    def _give(self) -> None:
        start = self._began_at + self._frames * FRAME_SECONDS
        self._frames += 1
        self._wait()
        for is_received, timeline in self._sides:
            self._on_frame(PipeFrame(is_received, self._frames * 20, self._drawn(timeline, start)))

    def _drawn(self, timeline: Timeline, start: float) -> bytes:
        if next(timeline.spans(start, start + FRAME_SECONDS), None) is None:
            return self._silence
        return self._encode(render(timeline, start, FRAME))

    def _encode(self, samples: array[int]) -> bytes:
        times = self._shape.rate // RATE
        raised = [sample for sample in samples for _ in range(times)] if times > 1 else samples
        if self._shape.encoding == "mulaw":
            return compress_mulaw(raised)
        return struct.pack(f"<{len(raised)}h", *raised)

    def _decode(self, octets: bytes) -> array[int]:
        octets = self._rest + octets
        whole = len(octets) // self._unit * self._unit
        octets, self._rest = octets[:whole], octets[whole:]
        if self._shape.encoding == "mulaw":
            raised = expand_mulaw(octets)
        else:
            raised = array("h", struct.unpack(f"<{len(octets) // 2}h", octets))
        return raised[:: self._shape.rate // RATE]

    @property
    def _unit(self) -> int:
        """The octets of one sample at 8 kHz."""
        return self._shape.frame_octets // FRAME
