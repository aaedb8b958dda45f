"""What is sent and heard, as values: a program of sources, a voice that began at some time.

Nothing here is sampled: a voice says what would sound at any time. An hour of music is one voice. Times are seconds of
the engine's clock, offsets seconds from a source's beginning.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from ..session import FileSource, PipeSource, Source, ToneSource
from .sound import Library, SoundFile
from .spoken import Spoken

Address: TypeAlias = tuple[str, int]
FRAME_SECONDS = 0.02


def whole_frames(seconds: float, *, frame_ms: int = 20) -> int:
    """How many frames fit into that time; a clock's last digits do not matter."""
    return int(round(seconds * 1000, 3) // frame_ms)


@dataclass(frozen=True, slots=True)
class Digit:
    """A key of RFC 4733."""

    digit: str


@dataclass(frozen=True, slots=True)
class Heard:
    """What a session heard from one time to another: a part of a source, or a digit. `ended_at` None: still."""

    what: Source | PipeSource | Digit
    origin: Address  # the RTP address of the session that made it, however many relays away
    started_at: float
    ended_at: float | None
    offset_ms: int = 0  # how far into the source it was when it began
    seconds: float = math.inf  # how long the source is

    @property
    def is_whole(self) -> bool:
        """It was heard from its beginning to its end, but for a frame."""
        return self.ended_at is not None and self.ended_at - self.started_at > self.seconds - FRAME_SECONDS


@dataclass(frozen=True, slots=True)
class Piece:
    """A source and how long it lasts, in seconds."""

    source: Source | PipeSource
    seconds: float
    file: SoundFile | Spoken | None = None

    def runs(self, offset: float) -> Iterator[tuple[bool, float]]:
        """`(is_loud, until)` one after another, from that offset to the end."""
        if self.file is not None:
            return iter([run for run in self.file.runs() if run[1] > offset] or [(False, self.seconds)])
        if isinstance(self.source, ToneSource):
            return _cadence_runs(self.source.cadence_ms, offset, self.seconds)
        return iter([(False, self.seconds)])


def read_piece(source: Source, library: Library) -> Piece:
    """The source with its length. Raises Unplayable."""
    if isinstance(source, FileSource):
        file = library.open(source.path, source.suffix)
        return Piece(source, file.seconds, file)
    return Piece(source, math.inf if source.duration_ms is None else source.duration_ms / 1000)


@dataclass(frozen=True, slots=True)
class Program:
    """Pieces one after another, so many times (0: for ever)."""

    pieces: tuple[Piece, ...]
    repeat: int = 1
    gain_db: float = 0.0

    @property
    def cycle(self) -> float:
        """How long once through takes."""
        return sum(piece.seconds for piece in self.pieces)

    @property
    def seconds(self) -> float:
        """How long it takes, with all repetitions."""
        if not self.cycle:
            return 0.0
        return self.cycle * self.repeat if self.repeat else math.inf

    @property
    def horizon(self) -> float:
        """After so long everything that is in it has been heard at least once."""
        if self.cycle < math.inf:
            return self.cycle
        return sum(piece.seconds if piece.seconds < math.inf else _period(piece.source) for piece in self.pieces)

    def moved(self, position: float, seconds: float) -> float:
        """That position moved on, or back, within its round."""
        start = position // self.cycle * self.cycle if 0 < self.cycle < math.inf else 0.0
        return start + min(max(position - start + seconds, 0.0), self.cycle)

    def walk(self, position: float) -> Iterator[tuple[Piece, float, float]]:
        """The pieces from that position on: `(piece, its start, its end)`, in seconds from the program's beginning."""
        cycle = self.cycle
        if not cycle:
            return
        turn = int(position // cycle) if cycle < math.inf else 0
        while not self.repeat or turn < self.repeat:
            start = turn * cycle if turn else 0.0
            for piece in self.pieces:
                end = start + piece.seconds
                if end > position:
                    yield piece, start, end
                start = end
            if start == math.inf:
                return
            turn += 1


@dataclass(frozen=True, slots=True)
class Voice:
    """A program as it passes by one place: its first sample was, or would have been, there at `started_at`."""

    program: Program
    started_at: float
    origin: Address

    @property
    def voices(self) -> tuple[Voice, ...]:
        """Itself: more would be a Chorus."""
        return (self,)

    @property
    def horizon(self) -> float:
        """After so long everything that is in it has been heard at least once."""
        return self.program.horizon

    def delayed(self, seconds: float) -> Voice:
        """The same voice at a place so much further on."""
        return replace(self, started_at=self.started_at + seconds) if seconds else self

    def heard(self, start: float, end: float) -> Iterator[tuple[Piece, float, float, float]]:
        """What of it sounds between two times: `(piece, offset into it, from, to)`."""
        for piece, first, last in self.program.walk(start - self.started_at):
            begin, finish = max(start, self.started_at + first), min(end, self.started_at + last)
            if begin >= end:
                return
            if finish > begin:
                yield piece, max(begin - self.started_at - first, 0.0), begin, finish

    def runs(self, start: float) -> Iterator[tuple[bool, float, float]]:
        """Where it is loud from `start` on: `(is_loud, from, to)` without holes; quiet for ever after its end."""
        at = start
        for piece, first, _ in self.program.walk(start - self.started_at):
            begin = self.started_at + first
            for is_loud, until in piece.runs(max(at - begin, 0.0)):
                if begin + until > at:
                    yield is_loud, at, begin + until
                    at = begin + until
        if at < math.inf:
            yield False, at, math.inf


@dataclass(slots=True)
class Meter:
    """For how long something was on, all in all."""

    _total: float = 0.0
    _on_since: float | None = None

    @property
    def is_on(self) -> bool:
        """Is it on now?"""
        return self._on_since is not None

    def switch(self, *, is_on: bool, now: float) -> None:
        """On or off from now on."""
        if is_on and self._on_since is None:
            self._on_since = now
        elif not is_on and self._on_since is not None:
            self._total += now - self._on_since
            self._on_since = None

    def seconds(self, now: float) -> float:
        """The sum so far."""
        return self._total + (now - self._on_since if self._on_since is not None else 0.0)


def _period(source: Source | PipeSource) -> float:
    return sum(source.cadence_ms) / 1000 if isinstance(source, ToneSource) else 0.0


def _cadence_runs(cadence_ms: Sequence[int], offset: float, seconds: float) -> Iterator[tuple[bool, float]]:
    period = sum(cadence_ms) / 1000
    if not period:
        yield True, seconds
        return
    until = offset // period * period
    while until < seconds:
        for index, on_or_off in enumerate(cadence_ms):
            until += on_or_off / 1000
            if until > offset:
                yield index % 2 == 0, min(until, seconds)
