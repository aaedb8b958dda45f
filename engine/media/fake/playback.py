"""The playback of a session: which voice it is, when it ends, how much of it was really sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ..session import PlaybackFinished, PlaybackStarted, Source
from .network import FakeMediaNetwork, Timer
from .voice import FRAME_SECONDS, Address, Meter, Program, Voice, read_piece, whole_frames
from .wav import NotWav


@dataclass(slots=True)
class Playback:
    """A playback that runs."""

    name: str
    voice: Voice
    timer: Timer | None = None
    sent: Meter = field(default_factory=Meter)


class Player:
    """At most one playback at a time."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        origin: Address,
        report: Callable[[PlaybackStarted | PlaybackFinished], None],
        settle: Callable[[], None],
    ) -> None:
        self._network = network
        self._origin = origin
        self._report = report
        self._settle = settle
        self._playback: Playback | None = None

    @property
    def voice(self) -> Voice | None:
        """What plays, if anything does."""
        return self._playback.voice if self._playback is not None else None

    def play(self, name: str, sources: Sequence[Source], *, repeat: int, gain_db: float, offset_ms: int) -> None:
        """Play that instead of what plays."""
        self._end("stopped")
        try:
            pieces = tuple(read_piece(source, self._network.library) for source in sources)
        except NotWav as error:
            self._report(PlaybackFinished(name, 0, "failed", str(error)))
            return
        program, offset, now = Program(pieces, repeat, gain_db), offset_ms / 1000, self._network.now
        playback = self._playback = Playback(name, Voice(program, now - offset, self._origin))
        if (lasts := _frame_seconds(program.seconds - offset)) < math.inf:
            playback.timer = self._network.call_at(now + lasts, self._complete)
        self._report(PlaybackStarted(name))

    def stop(self, name: str) -> None:
        """Stop the playback of that name."""
        if self._playback is not None and self._playback.name == name:
            self._end("stopped")

    def close(self) -> None:
        """Stop what plays, without a report."""
        self._end(None)

    def settled(self, output: Voice | None) -> None:
        """The session now sends that: it counts as heard if it is the playback."""
        if self._playback is not None:
            self._playback.sent.switch(is_on=output is self._playback.voice, now=self._network.now)

    def _complete(self) -> None:
        self._end("completed")
        self._settle()

    def _end(self, reason: Literal["completed", "stopped"] | None) -> None:
        playback, self._playback = self._playback, None
        if playback is None:
            return
        if playback.timer is not None:
            playback.timer.cancel()
        if reason is not None:
            heard_ms = whole_frames(playback.sent.seconds(self._network.now)) * 20
            self._report(PlaybackFinished(playback.name, heard_ms, reason))


def _frame_seconds(seconds: float) -> float:
    """The time of the frames that hold so much; the last one may be filled with silence."""
    return seconds if seconds == math.inf else max(math.ceil(round(seconds / FRAME_SECONDS, 6)), 0) * FRAME_SECONDS
