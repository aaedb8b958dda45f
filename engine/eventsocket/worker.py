"""The door for the engine's own children: a Unix socket in a folder that only the engine's user can enter.

msgpack, each message preceded by its length; no WebSocket. Workers show the token they were started with.
"""

from __future__ import annotations

import contextlib
import functools
import os
import socket
import stat
import struct
from pathlib import Path

import structlog
import trio

from .eventsocket import EventSocket
from .link import StreamLink
from .tokens import Tokens

_MAX_PATH = 107  # octets, sockaddr_un
_BACKLOG = 128
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: SO_PEERCRED, unix(7)

logger = structlog.get_logger("engine.eventsocket")


async def serve_worker(
    sockets: EventSocket,
    path: Path,
    *,
    tokens: Tokens,
    task_status: trio.TaskStatus[Path] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Let workers in at `path`, until cancelled. Raises OSError, ValueError for a path too long."""
    listener = _listen(path)
    try:
        await trio.serve_listeners(
            functools.partial(_serve, sockets, tokens),
            [trio.SocketListener(listener)],
            task_status=_Started(task_status, path),
        )
    finally:
        _unlink(path)


class _Started:
    """Tells the path where trio would tell the listeners."""

    def __init__(self, task_status: trio.TaskStatus[Path], path: Path) -> None:
        self._task_status = task_status
        self._path = path

    def started(self, value: object = None) -> None:
        self._task_status.started(self._path)


async def _serve(sockets: EventSocket, tokens: Tokens, stream: trio.SocketStream) -> None:
    pid, uid, _ = _CREDENTIALS.unpack(
        stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    if uid not in (os.geteuid(), 0):
        logger.warning("refused another user's process", pid=pid, uid=uid)
        return await trio.aclose_forcefully(stream)
    await sockets.serve(StreamLink(stream, f"pid {pid}"), tokens=tokens, pid=pid)


def _listen(path: Path) -> trio.socket.SocketType:
    if len(os.fsencode(path)) > _MAX_PATH:
        raise ValueError(f"expected a path of at most {_MAX_PATH} octets for a Unix socket, got {path}")
    _make_private(path.parent)
    if path.exists() and stat.S_ISSOCK(path.lstat().st_mode):
        path.unlink()  # of a run that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(os.fspath(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return trio.socket.from_stdlib_socket(listener)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state = folder.stat()
    if state.st_uid != os.geteuid() or state.st_mode & 0o077:
        raise PermissionError(f"expected {folder} to be this user's alone (mode 0700): the workers' socket is in it")


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
