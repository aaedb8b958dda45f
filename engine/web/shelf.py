"""The sounds that were fetched: a folder for each URL, the longest unused thrown away."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
from collections import OrderedDict
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

MAX_OCTETS = 256 << 20  # of all that are kept
MAX_AGE = 30 * 86_400.0  # seconds that one is kept which nobody plays
_NOTE = "about.json"
_PART = "part"
_KEY = re.compile(r"[0-9a-f]{32}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 64


class Kept(msgspec.Struct, omit_defaults=True):
    """What is known of one."""

    url: str
    octets: int = 0
    fresh_until: float = 0.0  # seconds since the epoch
    etag: str = ""
    last_modified: str = ""


class Shelf:
    """The cache below `folder`. What an earlier run has left is there still; what it has not finished is removed."""

    def __init__(self, folder: Path, *, now: float, max_octets: int = MAX_OCTETS) -> None:
        self._folder = folder
        self._max_octets = max_octets
        self._kept = _read(folder, now)  # by key, the longest unused first

    @property
    def octets(self) -> int:
        """Of all that are kept."""
        return sum(kept.octets for kept in self._kept.values())

    def path(self, url: str) -> Path:
        """Where the sound of that URL is, or would be. Its name is the last of the URL's path."""
        name = _UNSAFE.sub("_", unquote(urlsplit(url).path.rpartition("/")[2]))[-_LONGEST_NAME:].lstrip(".")
        return self._folder / key_of(url) / (name if name not in ("", _NOTE, _PART) else "sound")

    def part(self, url: str) -> Path:
        """Where it is written while it comes; the folder is made."""
        path = self.path(url).with_name(_PART)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return path

    def find(self, url: str) -> Kept | None:
        """What is there of that URL. It was used just now, then."""
        key = key_of(url)
        if key in self._kept and not self.path(url).is_file():
            self._drop(key)  # somebody has tidied up
        if key not in self._kept:
            return None
        self._kept.move_to_end(key)
        with contextlib.suppress(OSError):
            os.utime(self._folder / key / _NOTE)
        return self._kept[key]

    def keep(self, kept: Kept) -> None:
        """What came of its URL is complete: the part, or, if there is none, what was there before. Raises OSError."""
        part, path = self.part(kept.url), self.path(kept.url)
        if part.exists():
            kept.octets = part.stat().st_size
            part.replace(path)
        path.with_name(_NOTE).write_bytes(msgspec.json.encode(kept))
        self._kept[key_of(kept.url)] = kept
        self._kept.move_to_end(key_of(kept.url))
        while self.octets > self._max_octets and len(self._kept) > 1:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: str) -> None:
        del self._kept[key]
        shutil.rmtree(self._folder / key, ignore_errors=True)


def key_of(url: str) -> str:
    """The name of its folder."""
    return hashlib.sha256(url.encode()).hexdigest()[:32]


def _read(folder: Path, now: float) -> OrderedDict[str, Kept]:
    found: list[tuple[float, str, Kept]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if _KEY.fullmatch(entry.name) is None:
                continue
            note = Path(entry.path) / _NOTE
            (note.with_name(_PART)).unlink(missing_ok=True)
            try:
                used_at, kept = note.stat().st_mtime, msgspec.json.decode(note.read_bytes(), type=Kept)
            except (OSError, msgspec.DecodeError):
                used_at, kept = 0.0, Kept(url="")
            if key_of(kept.url) != entry.name or now - used_at > MAX_AGE:
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                found.append((used_at, entry.name, kept))
    return OrderedDict((key, kept) for _, key, kept in sorted(found, key=lambda one: one[:2]))
