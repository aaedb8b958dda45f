"""The playback of a session: which voice it is, when it ends, how much of it was really sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..session import PlaybackFinished, PlaybackStarted, Source
from .chorus import Sound
from .network import FakeMediaNetwork, Timer
from .voice import FRAME_SECONDS, Address, Meter, Program, Voice, read_piece, whole_frames
from .wav import NotWav


@dataclass(slots=True)
class Playback:
    """A playback, from the command until its end."""

    name: str
    voice: Voice
    stands_at: float | None  # how far into the program, in seconds; None: it runs
    has_begun: bool = False
    is_paused: bool = False
    timer: Timer | None = None
    sent: Meter = field(default_factory=Meter)

    def position(self, now: float) -> float:
        """How far into the program it is, in seconds."""
        return now - self.voice.started_at if self.stands_at is None else self.stands_at


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
        self._may_begin = False
        self._playback: Playback | None = None

    @property
    def voice(self) -> Voice | None:
        """What sounds, if anything does."""
        return self._playback.voice if self._playback is not None and self._playback.stands_at is None else None

    @property
    def is_busy(self) -> bool:
        """Is there a playback, be it paused?"""
        return self._playback is not None

    def play(self, name: str, sources: Sequence[Source], *, repeat: int, gain_db: float, offset_ms: int) -> None:
        """Play that instead of what plays."""
        self._end("stopped")
        try:
            pieces = tuple(read_piece(source, self._network.library) for source in sources)
        except NotWav as error:
            self._report(PlaybackFinished(name, 0, "failed", str(error)))
            return
        voice = Voice(Program(pieces, repeat, gain_db), self._network.now, self._origin)
        self._playback = Playback(name, voice, stands_at=offset_ms / 1000)
        self._go(self._playback)

    def begin(self) -> None:
        """Something is agreed on: what is to be played begins, now and later at once."""
        if not self._may_begin:
            self._may_begin = True
            if self._playback is not None:
                self._go(self._playback)

    def control(self, name: str, *, is_paused: bool | None, seek_ms: int | None, gain_db: float | None) -> None:
        """Change the playback of that name."""
        playback = self._playback
        if playback is None or playback.name != name:
            return
        position, program = playback.position(self._network.now), playback.voice.program
        if gain_db is not None:
            program = replace(program, gain_db=gain_db)
        if seek_ms is not None:
            position = program.moved(position, seek_ms / 1000)
        if is_paused is not None:
            playback.is_paused = is_paused
        playback.voice, playback.stands_at = replace(playback.voice, program=program), position
        self._go(playback)

    def stop(self, name: str) -> None:
        """Stop the playback of that name."""
        if self._playback is not None and self._playback.name == name:
            self._end("stopped")

    def close(self) -> None:
        """Stop what plays, without a report."""
        self._end(None)

    def settled(self, output: Sound | None) -> None:
        """The session now sends that: it counts as heard if it is the playback."""
        if self._playback is not None:
            is_on = output is not None and output is self.voice
            self._playback.sent.switch(is_on=is_on, now=self._network.now)

    def _go(self, playback: Playback) -> None:
        """Go on from where it stands, if it may."""
        if playback.timer is not None:
            playback.timer.cancel()
        if playback.is_paused or not self._may_begin:
            return
        now, position = self._network.now, playback.position(self._network.now)
        playback.voice, playback.stands_at = replace(playback.voice, started_at=now - position), None
        lasts = _frame_seconds(playback.voice.program.seconds - position)
        if lasts < math.inf:
            playback.timer = self._network.call_at(now + lasts, self._complete)
        if not playback.has_begun:
            playback.has_begun = True
            self._report(PlaybackStarted(playback.name))

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
