"""What an app recorded, part by part, for the app itself: files below DATA/recordings/APP, and nothing else.

Each folder on the way is opened from the one above, and no link is followed: what a name means cannot change between
a check and its use.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path, PurePosixPath

from callflow.protocol.frames import MAX_PART
from callflow.protocol.queries import Downloaded
from engine.channels.errors import CommandError

_LONGEST_NAME = 512
_DEEPEST = 32
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK  # a pipe must not hold the engine up


def read_recording(recordings: Path | None, name: str, offset: int) -> Downloaded:
    """A part of the recording of that name. Raises CommandError."""
    path = PurePosixPath(name)
    is_inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts and "\0" not in name
    if not is_inside or len(name) > _LONGEST_NAME or len(path.parts) > _DEEPEST:
        raise CommandError("bad_argument", f"expected the name of a recording, got {name[:64]!r}")
    if offset < 0:
        raise CommandError("bad_argument", f"expected an offset of 0 or more, got {offset}")
    if recordings is None:
        raise _missing(name)
    try:
        file = _open(recordings, path)
    except (OSError, ValueError) as error:  # no such file, a link; what is no text
        raise _missing(name) from error
    try:
        state = os.fstat(file)
        if not stat.S_ISREG(state.st_mode):
            raise _missing(name)
        data = os.pread(file, MAX_PART, offset) if offset < state.st_size else b""
        return Downloaded(data, state.st_size)
    finally:
        os.close(file)


def _open(folder: Path, path: PurePosixPath) -> int:
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)  # ours: it may lie behind a link
    try:
        for part in path.parts[:-1]:
            below = os.open(part, _FOLDER, dir_fd=at)
            os.close(at)
            at = below
        return os.open(path.parts[-1], _FILE, dir_fd=at)
    finally:
        os.close(at)


def _missing(name: str) -> CommandError:
    return CommandError("not_found", f"there is no recording {name[:64]!r} of this app", {"file": name[:64]})
