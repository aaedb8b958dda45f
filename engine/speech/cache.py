"""The recordings that were made: files by the hash of what they say, the longest unused thrown away."""

from __future__ import annotations

import os
import re
from collections import OrderedDict
from pathlib import Path

_NAME = re.compile(r"[0-9a-f]{64}")


class Cache:
    """A folder; those that an earlier run has left are there still."""

    def __init__(self, folder: Path, *, max_octets: int) -> None:
        self.folder = folder
        self._max_octets = max_octets
        self._kept = _read(folder)  # octets by name, the longest unused first

    def __contains__(self, name: str) -> bool:
        return name in self._kept

    @property
    def octets(self) -> int:
        """Of all that is kept."""
        return sum(self._kept.values())

    def path(self, name: str) -> Path:
        """Where a recording is, or would be."""
        return self.folder / f"{name}.wav"

    def has(self, name: str) -> bool:
        """Is it there? It was used just now, then."""
        if name in self._kept and not self.path(name).is_file():
            del self._kept[name]  # somebody has tidied up
        if name in self._kept:
            self._kept.move_to_end(name)
        return name in self._kept

    def keep(self, name: str) -> None:
        """A recording has been written; the newest always stays."""
        self._kept[name] = self.path(name).stat().st_size
        octets = self.octets
        while octets > self._max_octets and len(self._kept) > 1:
            oldest, size = self._kept.popitem(last=False)
            self.path(oldest).unlink(missing_ok=True)
            octets -= size


def _read(folder: Path) -> OrderedDict[str, int]:
    kept: list[tuple[float, str, int]] = []
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.scandir(folder) as files:
        for file in files:
            name, _, suffix = file.name.partition(".")
            if _NAME.fullmatch(name) and suffix == "part":
                os.unlink(file.path)  # an earlier run has not finished it
            elif _NAME.fullmatch(name) and suffix == "wav":
                state = file.stat(follow_symlinks=False)
                kept.append((state.st_mtime, name, state.st_size))
    return OrderedDict((name, size) for _, name, size in sorted(kept))
