"""What the scenarios' apps play: a prompt of two seconds, and music of one."""

from __future__ import annotations

import math
import struct
import wave
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def prompts(tmp_path: Path) -> None:
    """Files for apps that a test defines: their folder is the simulation's."""
    for name, seconds, frequency in (("prompt.wav", 2.0, 500), ("music.wav", 1.0, 700)):
        samples = [round(8000 * math.sin(2 * math.pi * frequency * n / 8000)) for n in range(round(8000 * seconds))]
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
