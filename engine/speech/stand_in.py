"""What stands for speech in simulations: the same sound for every text, as long as somebody would take to say it."""

from __future__ import annotations

import wave
from pathlib import Path

from .text import spoken

SECONDS_PER_CHARACTER = 0.07
_RATE = 8000
_PERIOD = b"\x00\x18" * 13 + b"\x00\xe8" * 13  # some 308 Hz


class StandIn:
    """Who speaks in simulations: at once, in the folder, and anywhere the same."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, text: str, voice: str) -> Path:
        """Where the recording is. Raises SpeechError."""
        wanted = spoken(text, voice)
        path = self._folder / f"{wanted.name}.wav"
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            samples = round(len(wanted.text) * SECONDS_PER_CHARACTER * _RATE)
            with path.open("wb") as file, wave.open(file, "wb") as wav:
                wav.setparams((1, 2, _RATE, 0, "NONE", ""))
                wav.writeframes((_PERIOD * (samples // 26 + 1))[: samples * 2])
        return path
