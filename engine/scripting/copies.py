"""Copies of the apps' folders, each under the hash of what is in it: what a version runs from never changes.

What is copied: files, but none that are hidden, bytecode, recordings, logs or the engine's own data, and none behind
links that lead out of the folder. It blocks; call it in a thread.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog

MAX_BYTES = 512 * 1024 * 1024
MAX_FILES = 20_000
MAX_SCRIPTS = 1000  # that are looked at in a folder with more files than that
SKIPPED = frozenset({"__pycache__", "recordings", "node_modules"})
# What an engine writes into its data folder, where that is the app's folder too.
OWN = frozenset({"cache", "engine-name", "engine.json", "records.pending", "token", "users.toml", "versions"})
OWN_DATABASES = ("callflow.db", "registrations.db", "texts.db", "users.db")  # and what SQLite puts beside them
NOTES = ("callflow", "engines")  # by which commands find engines; below the user's state folder
_VENV = "pyvenv.cfg"  # a folder with this file is a virtual environment, PEP 405
_CHUNK = 1 << 20
# A file system's clock has ticks: what was written so lately may be written again and look the same.
SETTLED_AFTER = 2.0  # seconds

logger = structlog.get_logger("engine.scripting")


class TooLarge(ValueError):
    """A folder that no app has: somebody's home, perhaps."""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of a folder, by the hash of what is in it; or the folder itself, by that of the scripts in it."""

    hash: str
    folder: Path


class Copies:
    """The copies in a folder, usually DATA/versions."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._data = root.parent.resolve()  # may lie in an app's folder
        self._read: dict[Path, tuple[_State, str]] = {}  # files that need not be read again, and their hashes

    def make(self, folder: Path) -> Copy:
        """Copy a folder as it is now, unless there is such a copy. Raises OSError.

        A script in a folder that no app has (somebody's home) runs from where it is.
        """
        try:
            return self._make(folder)
        except TooLarge as error:
            logger.warning(
                "no copy is made: its calls do not keep their version when a file changes", reason=str(error)
            )
            return Copy(_scripts_hash(folder), folder)

    def _make(self, folder: Path) -> Copy:
        known = self._copy(self._digest(folder, None))
        if known.folder.is_dir():
            os.utime(known.folder)
            return known
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self._root / f".{os.getpid()}.part"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            made = self._copy(self._digest(folder, draft))  # it may have changed meanwhile
            if not made.folder.is_dir():
                draft.rename(made.folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        return made

    def prune(self, used: Collection[str], *, count: int) -> None:
        """Remove the oldest copies, but for those that are used, until so many are left."""
        if not self._root.is_dir():
            return
        folders = [path for path in self._root.iterdir() if not path.name.startswith(".") and path.is_dir()]
        folders.sort(key=lambda path: (path.name in used, path.stat().st_mtime), reverse=True)
        for path in folders[count:]:
            if path.name not in used:
                shutil.rmtree(path, ignore_errors=True)

    def is_skipped(self, path: Path) -> bool:
        """A name that no copy has, or the engine's own data."""
        name = path.name
        if name.startswith(".") or name in SKIPPED or path.suffix == ".log" or path == self._data:
            return True
        if path.parent == self._data and (name in OWN or name.startswith(OWN_DATABASES)):
            return True
        return path.parts[-2:] == NOTES

    def _copy(self, hash: str) -> Copy:
        return Copy(hash, self._root / hash)

    def _digest(self, folder: Path, target: Path | None) -> str:
        """The hash of a folder's content; what is read is written to `target`."""
        digest, size = hashlib.sha256(), 0
        for count, path in enumerate(sorted(self._files(folder)), 1):
            try:
                state = path.stat()
                content = self._content(path, target / path.relative_to(folder) if target is not None else None)
            except (FileNotFoundError, PermissionError):  # it has just gone, or is not for us
                continue
            size += state.st_size
            if size > MAX_BYTES or count > MAX_FILES:
                raise TooLarge(
                    f"{folder}: expected a script's folder, with at most {MAX_FILES} files and {MAX_BYTES >> 20} MiB; "
                    "put the script and its prompts in a folder of their own"
                )
            line = f"{path.relative_to(folder)}\0{content}\0{state.st_mode & 0o100}\0"
            digest.update(line.encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:32]

    def _content(self, path: Path, target: Path | None) -> str:
        """The hash of a file, which is copied. A prompt that nobody has touched is not read for its hash again."""
        state = _state(path)
        before, known = self._read.get(path, (None, ""))
        if before == state and (target is None or _copy_as(state, path, target)):
            return known
        content = _content(path, target)
        if len(self._read) >= 2 * MAX_FILES:
            self._read.clear()
        if time.time() - state.changed_at > SETTLED_AFTER:
            self._read[path] = state, content
        return content

    def _files(self, folder: Path) -> Iterator[Path]:
        resolved = folder.resolve()
        for place, folders, files in os.walk(folder):
            here = Path(place)
            folders[:] = [name for name in folders if self._is_ours(here / name) and not (here / name / _VENV).exists()]
            for name in files:
                path = here / name
                is_inside = not path.is_symlink() or path.resolve().is_relative_to(resolved)
                if self._is_ours(path) and is_inside and path.is_file():
                    yield path

    def _is_ours(self, path: Path) -> bool:
        return not self.is_skipped(path)


class _State(NamedTuple):
    """What changes when a file does."""

    changed_at: float
    written_ns: int
    inode: int
    size: int


def _state(path: Path) -> _State:
    state = path.stat()
    return _State(state.st_ctime, state.st_mtime_ns, state.st_ino, state.st_size)


def _copy_as(state: _State, path: Path, target: Path) -> bool:
    """Copy a file, unless it changes meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    if _state(path) != state:
        return False
    target.chmod(path.stat().st_mode & 0o555 | 0o400)
    return True


def _scripts_hash(folder: Path) -> str:
    """Of the scripts right in a folder that is too large to look through."""
    digest = hashlib.sha256()
    for path in sorted([*folder.glob("*.py"), *folder.glob("*.lua")])[:MAX_SCRIPTS]:
        with contextlib.suppress(FileNotFoundError, PermissionError, IsADirectoryError):
            digest.update(f"{path.name}\0{_content(path, None)}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:32]


def _content(path: Path, target: Path | None) -> str:
    """The hash of a file, which is copied on the way."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        copy = None
        if target is not None:
            target.parent.mkdir(parents=True, exist_ok=True)
            copy = target.open("wb")
        try:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                if copy is not None:
                    copy.write(chunk)
        finally:
            if copy is not None:
                copy.close()
    if target is not None:
        target.chmod(path.stat().st_mode & 0o555 | 0o400)
    return digest.hexdigest()
