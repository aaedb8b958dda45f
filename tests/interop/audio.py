"""What is in a recording: how much of each window is a certain tone."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

WINDOW = 400  # samples: 50 ms at 8 kHz


def samples(path: Path) -> np.ndarray:
    """A 16-bit mono WAV, as floats of -1 to 1. A header whose sizes were never filled in is tolerated."""
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2
        assert file.getnchannels() == 1
        return np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(float) / 32768


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


def seconds_of_sound(sound: np.ndarray) -> float:
    """How long anything sounds."""
    windows = sound[: len(sound) // WINDOW * WINDOW].reshape(-1, WINDOW)
    return float((np.abs(windows).max(axis=1) > 0.02).sum() * WINDOW / 8000)
