"""A worker started ahead of need: it has imported what every script needs, and waits to be told which one it is to run.

A line on stdin says so, once: an Assignment in JSON. No line, and stdin's end is the spare's: it does not outlive its
engine. The token comes that way, too, and is in no environment.
"""

from __future__ import annotations

import importlib
import os
import sys
from contextlib import suppress
from pathlib import Path

import msgspec

MAX_LINE = 64 * 1024  # octets


class Assignment(msgspec.Struct, frozen=True):
    """Which script a worker runs, where it connects with which token, and how it is watched (see heartbeat)."""

    app: str
    script: str
    socket: str
    token: str
    limits: str = ""
    world: str = ""  # what a script in Lua may ask of it, a WorldSpec in JSON

    def line(self) -> bytes:
        """As a spare reads it."""
        return msgspec.json.encode(self) + b"\n"


def wait_for_assignment() -> Assignment | None:
    """Warm up, and wait. None: there is nothing to do any more."""
    name_process("cf spare")
    with suppress(ImportError):  # an anyio that keeps it elsewhere costs time and no more
        importlib.import_module("anyio._backends._asyncio")
    line = sys.stdin.buffer.readline(MAX_LINE)
    if not line.endswith(b"\n"):
        return None
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)  # as for any other worker
    os.close(null)
    return msgspec.json.decode(line, type=Assignment)


def name_process(name: str) -> None:
    """Let `ps` and `top` tell workers apart, whichever way they were started: 15 characters, proc(5)."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)
