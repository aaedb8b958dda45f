"""Sound files as the fake engine needs them: their length at once, their samples at 8 kHz only when somebody asks.

They are read by the decoders of the real engine. Files are kept by path, size and time of change, so that a prompt
played a thousand times is read once.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine._native import media as native

RATE = 8000  # samples per second, as G.711
FRAME = 160  # samples of 20 ms
LOUD_RMS = 100.0  # about -50 dBFS: below it a frame counts as silence


class Unplayable(ValueError):
    """The file cannot be played; the text names it and says what is wrong."""


@dataclass(slots=True)
class SoundFile:
    """A file of which the length is known. With a fault, that of what is before it."""

    path: Path
    suffix: str | None
    length: int  # samples at 8 kHz
    fault: str | None = None
    _samples: array[int] | None = field(default=None, repr=False)
    _runs: tuple[tuple[bool, float], ...] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.length / RATE

    def samples(self) -> array[int]:
        """All of it as 16-bit samples, mono, 8 kHz."""
        if self._samples is None:
            self._samples = array("h", native.samples(self.path, self.suffix))
        return self._samples

    def runs(self) -> tuple[tuple[bool, float], ...]:
        """Where it is loud: `(is_loud, until)` one after another, `until` in seconds from its beginning."""
        if self._runs is None:
            self._runs = tuple(_runs(self.samples()))
        return self._runs


class Library:
    """The files read so far."""

    def __init__(self) -> None:
        self._files: dict[tuple[Path, str | None, int, int], SoundFile] = {}

    def open(self, path: Path, suffix: str | None = None) -> SoundFile:
        """The file of that path; `suffix` says what raw samples are in it. Raises Unplayable."""
        try:
            status = os.stat(path)
        except OSError as error:
            raise Unplayable(f"{path}: {error.strerror or error}") from error
        key = (path, suffix, status.st_size, status.st_mtime_ns)
        if key not in self._files:
            try:
                length, fault = native.measure(path, suffix)
            except ValueError as error:
                raise Unplayable(str(error)) from error
            self._files[key] = SoundFile(path, suffix, length, fault)
        return self._files[key]


def _runs(samples: Sequence[int]) -> Iterator[tuple[bool, float]]:
    was_loud: bool | None = None
    for start in range(0, len(samples), FRAME):
        frame = samples[start : start + FRAME]
        is_loud = (sum(sample * sample for sample in frame) / len(frame)) ** 0.5 >= LOUD_RMS
        if was_loud is not None and is_loud is not was_loud:
            yield was_loud, start / RATE
        was_loud = is_loud
    if was_loud is not None:
        yield was_loud, len(samples) / RATE
