"""Black and white lists of numbers, kept in a file if they are to outlive the script.

blocked = Numbers("+49900*", file=Path("/var/lib/office/blocked.json"))

if call.caller.number in blocked:
    await call.reject("declined")
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from callflow import BadArgument

MOST = 10_000  # numbers of one list
_ENTRY = re.compile(r"[^\s*]{1,64}\*?")
_FORMATTING = re.compile(r"[\s()./-]")


class Numbers:
    """Numbers, and beginnings of numbers (`0900*`). Spaces, brackets, dots and dashes in them do not count."""

    def __init__(self, *entries: str, file: Path | None = None) -> None:
        self._file = file
        self._entries: dict[str, None] = {}
        for entry in (*entries, *(_read(file) if file is not None else ())):
            self._take(entry)

    def __contains__(self, number: str) -> bool:
        plain = _FORMATTING.sub("", number)
        return plain in self._entries or any(f"{plain[:size]}*" in self._entries for size in range(1, len(plain) + 1))

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, entry: str) -> None:
        """Take a number in. Raises BadArgument for none, and for one more than 10,000."""
        self._take(entry)
        self._save()

    def remove(self, entry: str) -> None:
        """Let a number go, if it is there."""
        self._entries.pop(_FORMATTING.sub("", entry), None)
        self._save()

    def _take(self, entry: str) -> None:
        plain = _FORMATTING.sub("", entry)
        if not _ENTRY.fullmatch(plain):
            raise BadArgument(f"expected a number, or the beginning of one and a *, got {entry[:64]!r}", command="add")
        if len(self._entries) >= MOST:
            raise BadArgument(f"expected at most {MOST} numbers in a list", command="add")
        self._entries[plain] = None

    def _save(self) -> None:
        if self._file is not None:
            write_whole(self._file, json.dumps(list(self._entries)))


@dataclass(frozen=True, slots=True)
class Screen:
    """Who may call: those on the white list always; those on the black list never; others as `others` says."""

    white: Numbers
    black: Numbers
    others: Literal["admitted", "refused"] = "admitted"

    def admits(self, number: str) -> bool:
        """May that number call?"""
        if number in self.white:
            return True
        return number not in self.black and self.others == "admitted"


def write_whole(file: Path, text: str) -> None:
    """Replace a file: whoever reads it finds the old or the new one."""
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_name(f".{file.name}.part")
    part.write_text(text)
    part.replace(file)


def _read(file: Path) -> list[str]:
    return [str(entry) for entry in json.loads(file.read_text())] if file.exists() else []
