"""What is in a recording: how much of each window is a certain tone, and whether a prompt is in it."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

import numpy as np

WINDOW = 400  # samples: 50 ms at 8 kHz


def samples(path: Path) -> np.ndarray:
    """A 16-bit mono WAV, as floats of -1 to 1. A header whose sizes were never filled in is tolerated."""
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        assert file.getnchannels() == 1
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float) / 32768


def from_g711(octets: bytes, *, is_alaw: bool) -> np.ndarray:
    """Samples of PCMU or PCMA (ITU-T G.711), as floats of -1 to 1."""
    codes = np.frombuffer(octets, dtype=np.uint8).astype(int)
    codes = codes ^ (0x55 if is_alaw else 0xFF)
    exponent, mantissa = codes >> 4 & 7, codes & 15
    if is_alaw:
        size = np.where(exponent == 0, mantissa * 16 + 8, (mantissa * 16 + 264) << np.maximum(exponent - 1, 0))
        return np.where(codes & 0x80, size, -size) / 32768
    size = (((mantissa << 3) + 132) << exponent) - 132
    return np.where(codes & 0x80, -size, size) / 32768


def ulaw_tone(frequency: float, seconds: float, *, rate: int = 8000) -> bytes:
    """A sine as raw PCMU."""
    table = from_g711(bytes(range(256)), is_alaw=False)
    wanted = 0.5 * np.sin(2 * np.pi * frequency * np.arange(round(seconds * rate)) / rate)
    return bytes(np.abs(table[None, :] - wanted[:, None]).argmin(axis=1).astype(np.uint8))


def share_of_tone(sound: np.ndarray, frequency: float, *, rate: int = 8000) -> np.ndarray:
    """For each 50 ms window the part of its energy that lies at the frequency: about 1 for that sine, 0 for others."""
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW) * np.hanning(WINDOW)
    spectrum = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    bin_hz = rate / WINDOW
    nearest = round(frequency / bin_hz)
    energy = spectrum.sum(axis=1)
    return spectrum[:, max(nearest - 2, 0) : nearest + 3].sum(axis=1) / np.maximum(energy, 1e-9) * (energy > 1e-3)


def seconds_of_tone(sound: np.ndarray, frequency: float) -> float:
    """How long the tone, and only it, sounds."""
    return float((share_of_tone(sound, frequency) > 0.9).sum() * WINDOW / 8000)


def tones_in(sound: np.ndarray, tones: Mapping[str, float], *, seconds: float) -> set[str]:
    """The names of those tones that sound for at least so long, alone or with others."""
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW) * np.hanning(WINDOW)
    spectrum = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    energy = np.maximum(spectrum.sum(axis=1), 1e-3)

    def lasts(frequency: float) -> float:
        nearest = round(frequency * WINDOW / 8000)
        share = spectrum[:, nearest - 1 : nearest + 2].sum(axis=1) / energy
        return float((share > 0.1).sum() * WINDOW / 8000)

    return {name for name, frequency in tones.items() if lasts(frequency) >= seconds}


def seconds_of_sound(sound: np.ndarray) -> float:
    """How long anything sounds."""
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return float((np.abs(windows).max(axis=1) > 0.02).sum() * WINDOW / 8000) if len(windows) else 0.0


def is_in(part: np.ndarray, whole: np.ndarray) -> float:
    """How well the best place for `part` in `whole` agrees with it: 1 is the same, but for loudness."""
    size = 1 << (len(part) + len(whole)).bit_length()
    agreement = np.fft.irfft(np.fft.rfft(whole, size) * np.conj(np.fft.rfft(part, size)), size)
    at = int(agreement[: len(whole)].argmax())
    there = whole[at : at + len(part)]
    return float(np.dot(there, part[: len(there)]) / (np.linalg.norm(there) * np.linalg.norm(part) + 1e-9))
