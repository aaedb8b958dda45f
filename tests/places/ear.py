"""What a phone has heard so far: its recording, while it is being written."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

RATE = 8000
_HEADER = 44  # octets
_PIECE = RATE // 2  # samples of a prompt's beginning, and of its end, that must be there
_SLIP = RATE // 2  # samples that the end may be off: jitter buffers stretch and shrink, a busy machine stalls
_ALIKE = 0.7  # how far two sounds must agree: G.711 alone makes it about 0.99, a packet lost of each five 0.8
_LATEST = 3 * RATE // 10  # samples that tell what is heard now
_LOUD = 0.02


class Ear:
    """Listens to the recording at `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.attention = 0  # samples: what was asked for lies before

    @property
    def sound(self) -> np.ndarray:
        """All so far, as floats of -1 to 1."""
        for path in (self._path, self._path.with_name(self._path.name + ".part")):
            if path.exists():
                octets = path.read_bytes()[_HEADER:]
                return np.frombuffer(octets[: len(octets) // 2 * 2], dtype="<i2").astype(float) / 32768
        return np.zeros(0)

    def begins(self, prompt: np.ndarray) -> int | None:
        """Where, after what was asked for before, a prompt begins."""
        loud = np.flatnonzero(np.abs(prompt) > _LOUD)
        first = int(loud[0])
        at = find(prompt[first : first + _PIECE], self.sound, after=self.attention)
        return None if at is None else max(at - first, 0)

    def ends(self, prompt: np.ndarray) -> int | None:
        """Where, after what was asked for before, a prompt that was heard from its beginning is over."""
        begins = self.begins(prompt)
        if begins is None:
            return None
        last = int(np.flatnonzero(np.abs(prompt) > _LOUD)[-1]) + 1
        piece = prompt[max(last - _PIECE, 0) : last]
        expected = begins + last - len(piece)
        at = find(piece, self.sound, after=max(expected - _SLIP, 0))
        return at + len(piece) if at is not None and at <= expected + _SLIP else None

    def hears_tone(self, frequency: float) -> bool:
        """A tone, however soft, and nothing else, is heard now."""
        latest = self.sound[-_LATEST:]
        if len(latest) < _LATEST or np.abs(latest).max() > _LOUD:
            return False
        spectrum = np.abs(np.fft.rfft(latest * np.hanning(len(latest)))) ** 2
        nearest = round(frequency * len(latest) / RATE)
        return bool(spectrum[nearest - 2 : nearest + 3].sum() > 0.5 * spectrum[10:].sum() > 0)


def find(part: np.ndarray, whole: np.ndarray, *, after: int) -> int | None:
    """The first place behind `after` where a part of a sound is, whatever its loudness."""
    whole = whole[after:]
    count = len(whole) - len(part) + 1
    if count <= 0:
        return None
    size = 1 << (len(part) + len(whole)).bit_length()
    products = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)[:count]
    squares = np.concatenate([[0.0], np.cumsum(whole**2)])
    energies = squares[len(part) :] - squares[: len(squares) - len(part)]
    agreement = products / (np.sqrt(np.maximum(energies, 1e-6)) * np.linalg.norm(part))
    places = np.flatnonzero(agreement > _ALIKE)
    if not len(places):
        return None
    first = int(places[0])
    return after + first + int(agreement[first : first + RATE // 100].argmax())


def read_prompt(path: Path) -> np.ndarray:
    """A prompt's sound."""
    with wave.open(str(path), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), path
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float) / 32768
