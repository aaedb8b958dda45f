"""WAV files as the fake engine needs them: their length at once, their samples at 8 kHz only when somebody asks.

Understands 8 and 16 bit PCM, A-law and mu-law (ITU-T G.711), any rate, any number of channels. Files are kept by path,
size and time of change, so that a prompt played a thousand times is read once.
"""

from __future__ import annotations

import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RATE = 8000  # samples per second, as G.711
FRAME = 160  # samples of 20 ms
LOUD_RMS = 100.0  # about -50 dBFS: below it a frame counts as silence

_PCM, _ALAW, _MULAW, _EXTENSIBLE = 1, 6, 7, 0xFFFE
_WIDTHS = {_PCM: (8, 16), _ALAW: (8,), _MULAW: (8,)}


class NotWav(ValueError):
    """The file cannot be played; the text names it and says what is wrong."""


@dataclass(slots=True)
class Wav:
    """A WAV file whose header was read."""

    path: Path
    encoding: int
    bits: int
    rate: int
    channels: int
    data_at: int  # octets from the beginning of the file
    data_size: int
    _samples: array[int] | None = field(default=None, repr=False)
    _runs: tuple[tuple[bool, float], ...] | None = field(default=None, repr=False)

    @property
    def seconds(self) -> float:
        """How long it plays."""
        return self.data_size / (self.bits // 8 * self.channels * self.rate)

    def samples(self) -> array[int]:
        """All of it as 16-bit samples, mono, 8 kHz."""
        if self._samples is None:
            with self.path.open("rb") as file:
                file.seek(self.data_at)
                data = file.read(self.data_size)
            self._samples = _resample(_mix_down(_decode(data, self), self.channels), self.rate)
        return self._samples

    def runs(self) -> tuple[tuple[bool, float], ...]:
        """Where it is loud: `(is_loud, until)` one after another, `until` in seconds from its beginning."""
        if self._runs is None:
            self._runs = tuple(_runs(self.samples()))
        return self._runs


class Library:
    """The files read so far."""

    def __init__(self) -> None:
        self._wavs: dict[tuple[Path, int, int], Wav] = {}

    def open(self, path: Path) -> Wav:
        """The file of that path. Raises NotWav."""
        try:
            status = os.stat(path)
            key = (path, status.st_size, status.st_mtime_ns)
            if key not in self._wavs:
                self._wavs[key] = _read_header(path)
        except OSError as error:
            raise NotWav(f"{path}: {error.strerror or error}") from error
        return self._wavs[key]


def _read_header(path: Path) -> Wav:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(4) != b"RIFF" or file.read(8)[4:] != b"WAVE":
            raise NotWav(f"{path}: expected a RIFF WAVE file")
        form: tuple[int, int, int, int] | None = None
        while len(head := file.read(8)) == 8:
            name, length = head[:4], int.from_bytes(head[4:], "little")
            if name == b"data" and form is not None:
                encoding, channels, rate, bits = form
                return Wav(path, encoding, bits, rate, channels, file.tell(), min(length, size - file.tell()))
            after = file.tell() + length + length % 2  # chunks are padded to an even length
            if name == b"fmt ":
                form = _read_format(path, file.read(min(length, 40)))
            file.seek(after)
    raise NotWav(f"{path}: no audio data in it")


def _read_format(path: Path, chunk: bytes) -> tuple[int, int, int, int]:
    if len(chunk) < 16:
        raise NotWav(f"{path}: its format chunk is too short")
    encoding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", chunk)
    if encoding == _EXTENSIBLE and len(chunk) >= 26:
        encoding = int.from_bytes(chunk[24:26], "little")
    if bits not in _WIDTHS.get(encoding, ()):
        raise NotWav(f"{path}: expected 8 or 16 bit PCM, A-law or mu-law, got format {encoding} with {bits} bits")
    if not 1 <= channels <= 8 or not 1000 <= rate <= 192_000:
        raise NotWav(f"{path}: expected 1-8 channels at 1-192 kHz, got {channels} at {rate} Hz")
    return encoding, channels, rate, bits


def _decode(data: bytes, wav: Wav) -> array[int]:
    if wav.encoding == _ALAW:
        return array("h", map(_ALAW_TABLE.__getitem__, data))
    if wav.encoding == _MULAW:
        return array("h", map(_MULAW_TABLE.__getitem__, data))
    if wav.bits == 8:
        return array("h", [(octet - 128) << 8 for octet in data])
    return array("h", struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2]))


def _mix_down(samples: array[int], channels: int) -> array[int]:
    if channels == 1:
        return samples
    whole = len(samples) // channels * channels
    sides = [samples[side:whole:channels] for side in range(channels)]
    return array("h", [sum(frame) // channels for frame in zip(*sides, strict=True)])


def _resample(samples: array[int], rate: int) -> array[int]:
    """Linear interpolation: enough to tell tones apart."""
    if rate == RATE or not samples:
        return samples
    step, last, out = rate / RATE, len(samples) - 1, array("h")
    for index in range(round(len(samples) / step)):
        at = min(index * step, last)
        low = int(at)
        high = min(low + 1, last)
        out.append(int(samples[low] + (samples[high] - samples[low]) * (at - low)))
    return out


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


def _expand_mulaw(code: int) -> int:
    code = ~code & 0xFF
    magnitude = (((code & 0x0F) << 3) + 0x84 << (code >> 4 & 7)) - 0x84
    return -magnitude if code & 0x80 else magnitude


def _expand_alaw(code: int) -> int:
    code ^= 0x55
    segment, magnitude = code >> 4 & 7, (code & 0x0F) << 4
    magnitude = magnitude + 8 if segment == 0 else magnitude + 0x108 << segment - 1
    return magnitude if code & 0x80 else -magnitude


_MULAW_TABLE = tuple(map(_expand_mulaw, range(256)))
_ALAW_TABLE = tuple(map(_expand_alaw, range(256)))
