"""Files of apps on other machines: asked for with `need`, kept by the hash of their content, the oldest thrown away.

A command that names a file by its hash is accepted at once; its play waits (engine/media/awaiting.py) until the file
is there. What an app sends is kept only if it has that hash, so that no app can put words in another's mouth.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import structlog
import trio

from callflow.protocol.frames import MAX_PART, Blob, Need
from engine.channels.errors import CommandError

from .encoding import encoded
from .ownership import Sessions
from .session import Session

MAX_OCTETS = 256 << 20  # of all files that are kept
MAX_FILE = 64 << 20
MAX_WANTED = 100  # files on their way at a time
WAIT = 10.0  # seconds for the next part
_HASH = re.compile(r"[0-9a-f]{64}")
_CHECK_EVERY = 0.5  # seconds, while something is awaited

logger = structlog.get_logger("engine.eventsocket")


@dataclass(slots=True, eq=False)
class _Wanted:
    """A file on its way."""

    app: str
    name: str
    sha256: str
    session: str  # that was asked
    deadline: float
    parts: int = 0
    octets: int = 0
    digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    file: BinaryIO | None = None
    waiting: list[Callable[[str | None], None]] = field(default_factory=list)


class Prompts:
    """The cache, below `folder`. `run` it; without that nothing is given up."""

    def __init__(
        self, folder: Path, sessions: Sessions, *, max_octets: int = MAX_OCTETS, max_file: int = MAX_FILE
    ) -> None:
        self._folder = folder
        self._sessions = sessions
        self._max_octets = max_octets
        self._max_file = max_file
        self._wanted: dict[str, _Wanted] = {}
        self._is_awaited = trio.Event()
        self._kept: OrderedDict[str, int] = _read(folder)  # octets by hash, the longest unused first

    @property
    def octets(self) -> int:
        """Of the files that are kept."""
        return sum(self._kept.values())

    async def run(self) -> None:
        """Give up what does not come in time, until cancelled."""
        while True:
            await self._is_awaited.wait()
            while self._wanted:
                await trio.sleep(_CHECK_EVERY)
                for wanted in list(self._wanted.values()):
                    if trio.current_time() >= wanted.deadline:
                        self._fail(wanted, f"the app has not sent it for {WAIT:.0f} s")
            self._is_awaited = trio.Event()

    def path(self, app: str, session: str, name: str, sha256: str) -> Path:
        """Where a file is, or will be once the app has sent it. Raises CommandError."""
        if not _HASH.fullmatch(sha256):
            raise CommandError("bad_argument", f"expected a SHA-256 in hex for {name[:64]!r}, got {sha256[:64]!r}")
        if sha256 in self._kept:
            self._kept.move_to_end(sha256)
        elif sha256 not in self._wanted:
            if len(self._wanted) >= MAX_WANTED:
                raise CommandError("overloaded", f"expected at most {MAX_WANTED} files on their way")
            self._ask(_Wanted(app, name[:512], sha256, session, trio.current_time() + WAIT))
        return self._path(sha256)

    def wait(self, path: Path, then: Callable[[str | None], None]) -> bool:
        """See `engine.media.awaiting.AwaitedFiles`."""
        wanted = self._wanted.get(path.stem) if path.parent == self._folder else None
        if wanted is not None:
            wanted.waiting.append(then)
        return wanted is not None

    def begin(self, session: Session) -> None:
        """The app is there again: ask it for what its lost session has not sent."""
        for wanted in self._wanted.values():
            if wanted.app == session.app and self._sessions.get(wanted.session) is None:
                wanted.session = session.id
                self._ask(wanted)

    def receive(self, session: Session, blob: Blob) -> None:
        """A part of a file. What nobody waits for, or was asked of another session, is passed over."""
        wanted = self._wanted.get(blob.sha256)
        if wanted is None or wanted.session != session.id:
            return
        try:
            self._take(wanted, blob)
        except (_Unusable, OSError) as error:
            self._fail(wanted, str(error))

    def _ask(self, wanted: _Wanted) -> None:
        self._wanted[wanted.sha256] = wanted
        self._is_awaited.set()
        session = self._sessions.get(wanted.session)
        if session is not None:
            session.tell(encoded(Need(sha256=wanted.sha256, name=wanted.name)))

    def _take(self, wanted: _Wanted, blob: Blob) -> None:
        if blob.part == 0:
            _discard(wanted)
        if blob.part != wanted.parts:
            raise _Unusable(f"expected part {wanted.parts}, got {blob.part}")
        if blob.last and not blob.data and not wanted.parts:
            raise _Unusable("the app does not have it")
        if len(blob.data) > MAX_PART or wanted.octets + len(blob.data) > self._max_file:
            raise _Unusable(f"expected at most {self._max_file} octets, in parts of at most {MAX_PART}")
        if wanted.file is None:
            wanted.file = self._create(wanted.sha256)
        wanted.file.write(blob.data)
        wanted.digest.update(blob.data)
        wanted.parts += 1
        wanted.octets += len(blob.data)
        wanted.deadline = trio.current_time() + WAIT
        if blob.last:
            self._keep(wanted)

    def _keep(self, wanted: _Wanted) -> None:
        if wanted.digest.hexdigest() != wanted.sha256:
            raise _Unusable("what the app sent has another hash")
        assert wanted.file is not None
        wanted.file.close()
        os.replace(wanted.file.name, self._path(wanted.sha256))
        wanted.file = None
        self._kept[wanted.sha256] = wanted.octets
        while self.octets > self._max_octets and len(self._kept) > 1:
            oldest, _ = self._kept.popitem(last=False)
            self._path(oldest).unlink(missing_ok=True)
        self._end(wanted, None)

    def _fail(self, wanted: _Wanted, problem: str) -> None:
        _discard(wanted)
        logger.warning("a file did not come", app=wanted.app, file=wanted.name, reason=problem)
        self._end(wanted, f"no file {wanted.name!r}: {problem}")

    def _end(self, wanted: _Wanted, error: str | None) -> None:
        del self._wanted[wanted.sha256]
        for then in wanted.waiting:
            then(error)

    def _path(self, sha256: str) -> Path:
        return self._folder / f"{sha256}.wav"

    def _create(self, sha256: str) -> BinaryIO:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{sha256}.part"
        path.unlink(missing_ok=True)
        return open(path, "xb", opener=lambda path, flags: os.open(path, flags, 0o600))


class FilesOf:
    """The files that one session's commands name: `engine.channels.ports.Files`."""

    __slots__ = ("_app", "_prompts", "_session")

    def __init__(self, prompts: Prompts, app: str, session: str) -> None:
        self._prompts = prompts
        self._app = app
        self._session = session

    def path(self, name: str, sha256: str) -> Path:
        """Where the file is, or will be. Raises CommandError."""
        return self._prompts.path(self._app, self._session, name, sha256)


class _Unusable(Exception):
    """What came is not the file."""


def _discard(wanted: _Wanted) -> None:
    """Begin with no part."""
    if wanted.file is not None:
        wanted.file.close()
        with contextlib.suppress(OSError):
            os.unlink(wanted.file.name)
    wanted.file, wanted.parts, wanted.octets, wanted.digest = None, 0, 0, hashlib.sha256()


def _read(folder: Path) -> OrderedDict[str, int]:
    """What an earlier run has kept. What it has not finished is removed."""
    kept: list[tuple[float, str, int]] = []
    with contextlib.suppress(FileNotFoundError), os.scandir(folder) as files:
        for file in files:
            stem, _, suffix = file.name.partition(".")
            if _HASH.fullmatch(stem) and suffix == "part":
                os.unlink(file.path)
            elif _HASH.fullmatch(stem) and suffix == "wav":
                state = file.stat(follow_symlinks=False)
                kept.append((state.st_mtime, stem, state.st_size))
    return OrderedDict((stem, size) for _, stem, size in sorted(kept))
