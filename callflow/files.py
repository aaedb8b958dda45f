"""The files of an app that runs apart from the engine: named by their hashes, and sent when the engine asks for them.

The engine keeps what it was sent, by hash: a prompt travels once, not with every call. Only files of the app's folder
are offered, and only what was offered is sent, whatever the engine asks for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import msgspec

from .protocol.commands import Command, ConferenceSounds, Confirmation, File
from .protocol.frames import MAX_PART, Blob, Need

MAX_FILE = 64 * 1024 * 1024  # octets; a longer one is not offered

CommandT = TypeVar("CommandT", bound=Command)
_SOURCES = (
    "sources",
    "prompt",
    "invalid",
    "music",
    "ringback",
    "confirm",
    "sounds",
)  # fields of commands that hold some


class Files:
    """The files below a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._hashes: dict[Path, tuple[int, int, str]] = {}  # by file: when it was changed, its size, its hash
        self._offered: dict[str, Path] = {}  # by hash

    def named(self, command: CommandT) -> CommandT:
        """The command, with the hash of each file that it names. What is no file of ours stays: a recording's name."""
        fields = {name: getattr(command, name) for name in _SOURCES if getattr(command, name, None)}
        changes = {name: self._name(value) for name, value in fields.items()}
        return msgspec.structs.replace(command, **changes) if changes != fields else command

    def parts(self, need: Need) -> Iterator[Blob]:
        """The frames that answer the engine: a file's parts, or the word that it was not offered, or is gone."""
        path = self._offered.get(need.sha256)
        part = 0
        try:
            if path is not None:
                with path.open("rb") as file:
                    data = file.read(MAX_PART)
                    while following := file.read(MAX_PART):
                        yield Blob(sha256=need.sha256, part=part, data=data)
                        data, part = following, part + 1
                    yield Blob(sha256=need.sha256, part=part, data=data, last=True)
                return
        except OSError:
            pass
        yield Blob(sha256=need.sha256, last=True)

    def _name(self, value: object) -> object:
        if isinstance(value, str):
            return self._file(value)
        if isinstance(value, tuple):
            return tuple(self._name(each) for each in value)
        if isinstance(value, Confirmation):
            return msgspec.structs.replace(value, prompt=self._name(value.prompt))
        if isinstance(value, ConferenceSounds):
            named = {field: self._name(getattr(value, field)) for field in value.__struct_fields__}
            return msgspec.structs.replace(value, **named)
        return value

    def _file(self, name: str) -> str | File:
        try:
            path = (self._folder / name).resolve()
            if not path.is_relative_to(self._folder) or not path.is_file():
                return name
            return File(name=name, sha256=self._hash(path))
        except (OSError, ValueError):  # unreadable, too long, not a name: the engine says what is wrong with it
            return name

    def _hash(self, path: Path) -> str:
        facts = path.stat()
        if facts.st_size > MAX_FILE:
            raise OSError(f"expected at most {MAX_FILE} octets, {path} has {facts.st_size}")
        known = self._hashes.get(path)
        if known is not None and known[:2] == (facts.st_mtime_ns, facts.st_size):
            return known[2]
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        self._hashes[path] = (facts.st_mtime_ns, facts.st_size, sha256)
        self._offered[sha256] = path
        return sha256
