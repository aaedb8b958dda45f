"""One worker: the process of a script, from its start until it and whatever it started are gone and reaped."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog
import trio

from callflow.runtime.log import Record, read_record
from callflow.runtime.worker import EXIT_LOST, EXIT_SCRIPT

STOP_WITHIN = 2.0  # seconds from SIGTERM to SIGKILL
_DRAIN_WITHIN = 1.0  # for output after the end: a process of the script's may hold the pipe open
_MAX_LINE = 64 * 1024  # octets; a longer one is cut up
_KEPT_LINES = 100  # of the output, for the report of a script that did not load

logger = structlog.get_logger("engine.scripting")
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: `status` as subprocess tells it, negative for a signal; `report` is what it said last."""

    status: int
    report: str
    message: str = ""  # the last error that it logged

    def __str__(self) -> str:
        if self.status in (EXIT_SCRIPT, EXIT_LOST) and self.message:
            return self.message
        if self.status < 0:
            return f"the worker was killed by {signal.Signals(-self.status).name}"
        return f"the worker exited with {self.status}"


class Worker:
    """A running worker."""

    def __init__(
        self, process: trio.Process, app: str, on_record: Callable[[Record], None], places: tuple[Path, Path]
    ) -> None:
        """`places`: where the script runs from, and where its author knows it to be."""
        self._process = process
        self._runs_from, self._known_as = map(os.fsencode, places)
        self._log = logger.bind(app=app, pid=process.pid)
        self._on_record = on_record
        self._kept: deque[str] = deque(maxlen=_KEPT_LINES)
        self._report = ""
        self._error = ""

    @property
    def pid(self) -> int:
        """The process; it leads a group of its own."""
        return self._process.pid

    async def run(self) -> Exit:
        """Copy its output to the log until it ends. Cancelled, it stops the worker first."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._copy_output)
                await self._process.wait()
                nursery.cancel_scope.deadline = trio.current_time() + _DRAIN_WITHIN
        finally:
            with trio.CancelScope(shield=True):
                await self._stop()
        return Exit(self._process.returncode or 0, self._report or "\n".join(self._kept), self._error)

    async def _stop(self) -> None:
        if self._process.returncode is None:
            self._signal(signal.SIGTERM)
            with trio.move_on_after(STOP_WITHIN):
                await self._process.wait()
        self._signal(signal.SIGKILL)  # and whatever the script left in its group
        await self._process.wait()
        if self._process.stdout is not None:
            await self._process.stdout.aclose()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def _copy_output(self) -> None:
        assert self._process.stdout is not None
        rest = b""
        async for chunk in self._process.stdout:
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._copy_line(line)
            if len(rest) > _MAX_LINE:
                self._copy_line(rest)
                rest = b""
        if rest:
            self._copy_line(rest)

    def _copy_line(self, line: bytes) -> None:
        line = line.replace(self._runs_from, self._known_as)
        record = read_record(line)
        if record is None:
            text = line.decode("utf-8", "replace").rstrip()
            self._kept.append(text)
            self._log.info(text)
            return
        self._kept.append(record.message)
        self._report = record.traceback or self._report
        details = {"call": record.call, "exception": record.traceback}
        if record.level == "error":
            self._error = record.message
        level = record.level if record.level in _LEVELS else "info"
        self._log.log(_NUMBERS[level], record.message, **{name: value for name, value in details.items() if value})
        self._on_record(record)


_NUMBERS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


async def start_worker(
    app: str,
    script: Path,
    socket: Path,
    *,
    token: str,
    known_as: Path,
    on_record: Callable[[Record], None],
) -> Worker:
    """Start a worker; it will connect to the socket with the token. Raises OSError.

    `known_as`: the folder that the script's is a copy of; what the worker says is told of that one.
    """
    arguments = [sys.executable, "-m", "callflow.runtime.worker", app, str(script), str(socket)]
    environment = {**os.environ, "CALLFLOW_WORKER_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    process = await trio.lowlevel.open_process(
        arguments,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,  # Ctrl-C in a terminal is for the engine, which ends calls properly
    )
    return Worker(process, app, on_record, (script.parent, known_as))
