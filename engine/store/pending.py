"""Records on their way to the database: a file that is appended to, line by line, before anybody hears of the end.

A `write` that returned is the kernel's, so what was appended outlives `kill -9`. It goes to segments of about a
megabyte; the worker thread reads them from the oldest, and removes one when all of it is in the database. A database
that is locked, full or broken only makes them more, up to a bound. After a crash what is read again is told by its id.

Several engines may share the folder: each has a slot of its own in it, which a lock that dies with the process holds
for it, and the one that starts takes over what the dead have left.

The loop calls `append` and `close`; the worker thread `read` and `advance`. They share only the files, the number of
the newest one, and how many octets wait.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from itertools import count
from pathlib import Path

MAX_SEGMENT = 1 << 20  # octets
MAX_PENDING = 256 << 20  # octets, some 400,000 records
_SUFFIX = ".jsonl"


class Pending:
    """The segments of one engine, in a slot below the folder."""

    def __init__(self, folder: Path, *, max_octets: int = MAX_PENDING) -> None:
        """Raises OSError."""
        self._folder, self._lock = _take_slot(folder)
        self._max_octets = max_octets
        _adopt(folder, self._folder)
        left = _segments(self._folder)
        self._newest = max(left, default=0)  # a torn last line of a crash is never appended to
        self._file: int | None = None
        self._size = 0  # of the newest
        self._appended = sum(self._path(number).stat().st_size for number in left)
        self._advanced = 0
        self._reading = min(left, default=self._newest)  # the worker's: in which segment, and from where on
        self._offset = 0
        self._next = (self._reading, 0)
        self._is_last = False  # what was read: it went to the end of the newest segment

    @property
    def is_last(self) -> bool:
        """Whether what was read last is all that was there at that time."""
        return self._is_last

    @property
    def octets(self) -> int:
        """How much waits."""
        return self._appended - self._advanced

    def append(self, line: bytes) -> None:
        """Keep a line, which ends with a newline. Raises OSError, and then nothing of it is kept."""
        if self.octets + len(line) > self._max_octets:
            raise OSError(f"expected at most {self._max_octets} octets of records to wait for the database")
        if self._file is None or self._size >= MAX_SEGMENT:
            self._open_next()
        assert self._file is not None
        written = os.write(self._file, line)
        if written < len(line):  # the disk is full: half a line must not stay
            os.ftruncate(self._file, self._size)
            raise OSError("the disk is full")
        self._size += written
        self._appended += written

    def read(self) -> list[bytes]:
        """The next whole lines, of one segment. They stay until `advance`. Raises OSError."""
        newest = self._newest  # before reading: what ends below it has ended for good
        number, offset = self._reading, self._offset
        while True:
            data = self._read_segment(number, offset)
            whole = data[: data.rfind(b"\n") + 1]
            if whole or number >= newest:
                break
            number, offset = number + 1, 0
        self._next = number, offset + len(whole)
        self._is_last = number >= newest
        return whole.splitlines()

    def advance(self) -> None:
        """What was read is safe elsewhere. Raises OSError."""
        number, offset = self._next
        for done in range(self._reading, number):
            size = self._path(done).stat().st_size if self._path(done).exists() else 0
            self._advanced += size - self._offset
            self._offset = 0
            self._path(done).unlink(missing_ok=True)
        self._advanced += offset - self._offset
        self._reading, self._offset = number, offset

    def close(self) -> None:
        """End; with nothing left to read, no file is left either."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
            if self._reading == self._newest and self._offset == self._size:
                with suppress(OSError):
                    self._path(self._newest).unlink(missing_ok=True)
        os.close(self._lock)

    def _open_next(self) -> None:
        opened = os.open(self._path(self._newest + 1), os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        if self._file is not None:
            os.close(self._file)
        self._file, self._size = opened, 0
        self._newest += 1

    def _read_segment(self, number: int, offset: int) -> bytes:
        try:
            with self._path(number).open("rb") as file:
                file.seek(offset)
                return file.read()
        except FileNotFoundError:
            return b""

    def _path(self, number: int) -> Path:
        return _segment(self._folder, number)


def _take_slot(folder: Path) -> tuple[Path, int]:
    """The first slot that no living engine has, and the lock that holds it."""
    for number in count():
        slot = folder / str(number)
        slot.mkdir(parents=True, exist_ok=True, mode=0o700)
        if (lock := _lock(slot)) is not None:
            return slot, lock
    raise AssertionError("there is always another number")


def _adopt(folder: Path, own: Path) -> None:
    """Take over what dead engines have left in other slots."""
    newest = max(_segments(own), default=0)
    for slot in sorted(folder.iterdir()):
        if slot == own or not slot.is_dir() or (lock := _lock(slot)) is None:
            continue
        for number in sorted(_segments(slot)):
            newest += 1
            _segment(slot, number).rename(_segment(own, newest))
        os.close(lock)


def _lock(slot: Path) -> int | None:
    """The lock of a slot, None if a living engine has it."""
    lock = os.open(slot / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    except OSError:
        os.close(lock)
        raise
    return lock


def _segment(slot: Path, number: int) -> Path:
    return slot / f"{number:08}{_SUFFIX}"


def _segments(folder: Path) -> list[int]:
    return [int(path.stem) for path in folder.glob(f"*{_SUFFIX}") if path.stem.isdecimal()]
