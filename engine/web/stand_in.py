"""What stands for the web in simulations: a second of sound for every URL, unless the test says what there is."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path

from .shelf import Shelf

_RATE = 8000
_PERIOD = b"\x00\x18" * 10 + b"\x00\xe8" * 10  # 400 Hz


class StandIn:
    """Fulfils Web, in the folder. `sounds`: the file of a URL; None: it cannot be had."""

    def __init__(self, folder: Path, sounds: Mapping[str, Path | None]) -> None:
        self._shelf = Shelf(folder, now=0.0)
        self._sounds = sounds

    def path(self, url: str) -> Path:
        """Where the sound is; nothing is there of one that cannot be had."""
        if (given := self._sounds.get(url)) is not None:
            return given
        path = self._shelf.path(url)
        if url in self._sounds:
            path.unlink(missing_ok=True)
        elif not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file, wave.open(file, "wb") as wav:
                wav.setparams((1, 2, _RATE, 0, "NONE", ""))
                wav.writeframes(_PERIOD * (_RATE // 20))
        return path
