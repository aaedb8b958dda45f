"""Which voices were at a place when, and what was heard of them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from .chorus import Sound
from .voice import Address, Digit, Heard, Voice


@dataclass(slots=True)
class Span:
    """A voice that was there for a while."""

    voice: Voice
    started_at: float
    ended_at: float = math.inf


class Timeline:
    """Grows by one entry per voice that comes. A voice that goes on while others come and go stays one."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self._running: list[Span] = []
        self._digits: list[Heard] = []

    def change(self, sound: Sound | None, *, now: float) -> None:
        """From now on it is this."""
        voices = sound.voices if sound is not None else ()
        kept = [span for span in self._running if span.voice in voices]
        for span in self._running:
            if span not in kept:
                span.ended_at = now
        known = [span.voice for span in kept]
        new = [Span(voice, now) for voice in voices if voice not in known]
        self._spans += new
        self._running = [*kept, *new]

    def add_digit(self, digit: str, *, origin: Address, started_at: float, ended_at: float) -> None:
        """A digit was heard besides."""
        self._digits.append(Heard(Digit(digit), origin, started_at, ended_at, seconds=ended_at - started_at))

    def spans(self, start: float, end: float) -> Iterator[tuple[Voice, float, float]]:
        """The voices heard between two times: `(voice, from, to)`, several at once; `to` may lie beyond `end`."""
        for span in self._spans:
            if span.ended_at > start and span.started_at < end:
                yield span.voice, max(span.started_at, start), span.ended_at

    def heard(self, now: float) -> list[Heard]:
        """All that was heard so far, in order."""
        found: list[Heard] = []
        for voice, start, end in self.spans(-math.inf, now):
            for piece, offset, begin, finish in voice.heard(start, min(end, now)):
                is_over = finish < now or end <= now or offset + finish - begin >= piece.seconds
                offset_ms = round(offset * 1000)
                ended_at = finish if is_over else None
                found.append(Heard(piece.source, voice.origin, begin, ended_at, offset_ms, piece.seconds))
        return sorted([*found, *self._digits], key=lambda heard: heard.started_at)
