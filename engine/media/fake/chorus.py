"""Several voices at one place, as a room makes them sound; and what sounds at a place: one voice, or several."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .voice import Voice


@dataclass(frozen=True, slots=True)
class Chorus:
    """Two voices or more."""

    voices: tuple[Voice, ...]

    @property
    def horizon(self) -> float:
        """After so long everything that is in it has been heard at least once."""
        return max(voice.horizon for voice in self.voices)

    def delayed(self, seconds: float) -> Chorus:
        """The same voices at a place so much further on."""
        return Chorus(tuple(voice.delayed(seconds) for voice in self.voices)) if seconds else self

    def runs(self, start: float) -> Iterator[tuple[bool, float, float]]:
        """Where any of them is loud from `start` on: `(is_loud, from, to)` without holes."""
        sources = [voice.runs(start) for voice in self.voices]
        runs, at = [next(source) for source in sources], start
        while True:
            until = min(run[2] for run in runs)
            yield any(run[0] for run in runs), at, until
            if until == math.inf:
                return
            at = until
            runs = [next(source) if run[2] == until else run for source, run in zip(sources, runs, strict=True)]


Sound: TypeAlias = Voice | Chorus


def sound_of(voices: Iterable[Voice]) -> Sound | None:
    """What these make together. What somebody says is in it once, the earlier: it may have come by several ways."""
    different: list[Voice] = []
    for voice in voices:
        same = next((it for it in different if (it.origin, it.program) == (voice.origin, voice.program)), None)
        if same is None:
            different.append(voice)
        elif voice.started_at < same.started_at:
            different[different.index(same)] = voice
    if len(different) > 1:
        return Chorus(tuple(different))
    return different[0] if different else None
