"""One interpreter with the SDK imported, kept waiting: a version that loads need not wait for one to start.

It costs some 15 MB and no processor. One that was taken, or that was found dead, is replaced a moment later.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import structlog
import trio

from callflow.runtime.heartbeat import LIMITS_VARIABLE
from callflow.runtime.spare import Assignment
from callflow.runtime.worker import TOKEN_VARIABLE, WORLD_VARIABLE

REPLACE_AFTER = 0.3  # seconds: the worker that has just begun needs the processor more

logger = structlog.get_logger("engine.scripting")


class Spare:
    """`run` it; `take` what waits."""

    def __init__(self, start: Callable[[], Awaitable[trio.Process]] | None = None) -> None:
        """`start` begins a process that waits; by default a worker."""
        self._start_one = start or partial(open_process, ["--spare"], environment={}, stdin=subprocess.PIPE)
        self._process: trio.Process | None = None
        self._wanted = trio.Event()

    @property
    def pid(self) -> int | None:
        """The process that waits, if one does."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Keep one waiting, until cancelled."""
        try:
            while True:
                self._wanted = trio.Event()
                await self.begin()
                await self._wanted.wait()
                await trio.sleep(REPLACE_AFTER)
        finally:
            await self.end()

    async def begin(self) -> None:
        """Start one, unless one waits. Whoever does so without running it must `end` it."""
        if self._process is not None:
            return
        try:
            self._process = await self._start_one()
        except OSError as error:
            logger.warning("no worker can be started ahead of need", error=str(error))

    async def end(self) -> None:
        """Let nothing wait any more."""
        process, self._process = self._process, None
        if process is not None:
            await _end(process)

    async def take(self, assignment: Assignment) -> trio.Process | None:
        """The process, which becomes the worker of this script. None: there is none, or it has died meanwhile."""
        process, self._process = self._process, None
        self._wanted.set()
        if process is None:
            return None
        assert process.stdin is not None
        is_told = False
        try:
            if process.poll() is None:
                await process.stdin.send_all(assignment.line())
                is_told = True
        except trio.BrokenResourceError:
            pass
        finally:
            if not is_told:
                await _end(process)
        await process.stdin.aclose()
        return process if is_told else None


async def open_worker(assignment: Assignment) -> trio.Process:
    """Start a worker. Raises OSError."""
    secrets = {TOKEN_VARIABLE: assignment.token, LIMITS_VARIABLE: assignment.limits, WORLD_VARIABLE: assignment.world}
    return await open_process([assignment.app, assignment.script, assignment.socket], environment=secrets)


async def open_process(
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    module: str = "callflow.runtime.worker",
    stdin: int = subprocess.DEVNULL,
    cwd: Path | None = None,
) -> trio.Process:
    """Start a process for a script, which leads a group of its own. Raises OSError."""
    return await trio.lowlevel.open_process(
        [sys.executable, "-m", module, *arguments],
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
        cwd=cwd,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,  # Ctrl-C in a terminal is for the engine, which ends calls properly
    )


async def _end(process: trio.Process) -> None:
    """Kill what has had nothing to do, and reap it."""
    with trio.CancelScope(shield=True):
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                await pipe.aclose()
