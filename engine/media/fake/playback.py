"""The playback of a session: which voice it is, when it ends, how much of it was really sent."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from ..session import PlaybackFinished, PlaybackStarted, Source
from .chorus import Sound
from .network import FakeMediaNetwork, Timer
from .sound import Unplayable
from .voice import FRAME_SECONDS, Address, Meter, Piece, Program, Voice, read_piece, whole_frames


@dataclass(frozen=True, slots=True)
class Playing:
    """What is to be played, and how."""

    sources: Sequence[Source]
    repeat: int = 1
    gain_db: float = 0.0
    offset_ms: int = 0
    fade_out_ms: int = 0


@dataclass(slots=True)
class Playback:
    """A playback, from the command until its end."""

    name: str
    voice: Voice
    stands_at: float | None  # how far into the program, in seconds; None: it runs
    fade_out: float = 0.0  # seconds
    fault: str | None = None  # why it goes no further than its program
    is_ending: bool = False  # stopped, and growing softer
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

    def play(self, name: str, playing: Playing) -> None:
        """Play that instead of what plays."""
        self._end("stopped")
        try:
            pieces = [read_piece(source, self._network.library) for source in playing.sources]
        except Unplayable as error:
            self._report(PlaybackFinished(name, 0, "failed", str(error)))
            return
        pieces, fault = _until_broken(pieces)
        program = Program(tuple(pieces), 1 if fault else playing.repeat, playing.gain_db)
        voice = Voice(program, self._network.now, self._origin)
        self._playback = Playback(name, voice, playing.offset_ms / 1000, playing.fade_out_ms / 1000, fault)
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
            playback.is_paused = is_paused and not playback.is_ending
        playback.voice, playback.stands_at = replace(playback.voice, program=program), position
        self._go(playback)

    def stop(self, name: str) -> None:
        """Stop the playback of that name."""
        playback = self._playback
        if playback is None or playback.name != name:
            return
        if playback.fade_out and playback.stands_at is None and not playback.is_ending:
            playback.is_ending = True
            self._go(playback)
        else:
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
        if playback.is_ending:
            lasts = min(lasts, playback.fade_out)
        if lasts < math.inf:
            playback.timer = self._network.call_at(now + lasts, self._complete)
        if not playback.has_begun:
            playback.has_begun = True
            self._report(PlaybackStarted(playback.name))

    def _complete(self) -> None:
        playback = self._playback
        assert playback is not None
        if playback.is_ending:
            self._end("stopped")
        else:
            self._end("failed" if playback.fault else "completed")
        self._settle()

    def _end(self, reason: Literal["completed", "stopped", "failed"] | None) -> None:
        playback, self._playback = self._playback, None
        if playback is None:
            return
        if playback.timer is not None:
            playback.timer.cancel()
        if reason is not None:
            heard_ms = whole_frames(playback.sent.seconds(self._network.now)) * 20
            error = playback.fault if reason == "failed" else None
            self._report(PlaybackFinished(playback.name, heard_ms, reason, error))


def _until_broken(pieces: list[Piece]) -> tuple[list[Piece], str | None]:
    """The pieces up to the first file that breaks off, and why it does."""
    for count, piece in enumerate(pieces, start=1):
        if piece.file is not None and piece.file.fault is not None:
            return pieces[:count], piece.file.fault
    return pieces, None


def _frame_seconds(seconds: float) -> float:
    """The time of the frames that hold so much; the last one may be filled with silence."""
    return seconds if seconds == math.inf else max(math.ceil(round(seconds / FRAME_SECONDS, 6)), 0) * FRAME_SECONDS
