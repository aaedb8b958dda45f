"""One worker: the process of a script, from its start until it and whatever it started are gone and reaped."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import termios
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import trio

from callflow.runtime.log import Record, read_record
from callflow.runtime.spare import Assignment
from callflow.runtime.worker import EXIT_LOST, EXIT_SCRIPT, WORKER_LOGGER
from engine.allowance import Allowance

from .limits import WorkerLimits
from .spare import Spare, open_process, open_worker
from .watchdog import Watchdog

STOP_WITHIN = 2.0  # seconds from SIGTERM to SIGKILL
_DRAIN_WITHIN = 1.0  # for output after the end: a process of the script's may hold the pipe open
_MAX_LINE = 64 * 1024  # octets; a longer one is cut up
_KEPT_LINES = 100  # of the output, for the report of a script that did not load
_LINES = (500.0, 2000.0)  # a second, and at once; what a script writes beyond is left out, and counted
_INT = struct.Struct("i")
_YIELD = 50  # lines copied without letting others run

output = structlog.get_logger("script")  # what scripts say
logger = structlog.get_logger("engine.versions")  # what workers say themselves: an event tells the same
_LEVELS = frozenset({"debug", "info", "warning", "error", "critical"})


@dataclass(frozen=True, slots=True)
class Exit:
    """How a worker ended: `status` as subprocess tells it, negative for a signal; `report` is what it said last."""

    status: int
    report: str
    message: str = ""  # the last error that it logged
    verdict: str = ""  # why we ended it

    def __str__(self) -> str:
        if self.verdict:
            return self.verdict
        if self.status in (EXIT_SCRIPT, EXIT_LOST) and self.message:
            return self.message
        if self.status < 0:
            return f"the worker was killed by {signal.Signals(-self.status).name}"
        return f"the worker exited with {self.status}"


class Worker:
    """A running worker."""

    def __init__(
        self,
        process: trio.Process,
        app: str,
        on_record: Callable[[Record], None],
        places: tuple[Path, Path],
        watchdog: Watchdog,
        *,
        keeps: int = _KEPT_LINES,
    ) -> None:
        """`places`: where the script runs from, and where its author knows it to be; `keeps`: lines of its output."""
        self._process = process
        self._watchdog = watchdog
        self._lines = Allowance(*_LINES, clock=trio.current_time)
        self._left_out = 0
        self._runs_from, self._known_as = map(os.fsencode, places)
        self._output = output.bind(app=app, pid=process.pid)
        self._log = logger.bind(app=app, pid=process.pid)
        self._on_record = on_record
        self._kept: deque[str] = deque(maxlen=keeps)
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
                async with trio.open_nursery() as watching:
                    watching.start_soon(self._watchdog.watch, self.pid, self._is_unread)
                    await self._process.wait()
                    watching.cancel_scope.cancel()
                nursery.cancel_scope.deadline = trio.current_time() + _DRAIN_WITHIN
        finally:
            with trio.CancelScope(shield=True):
                await self._stop()
            verdict, place = self._watchdog.finish(self._renamed, os.fsdecode(self._known_as))
        report = place or self._report or "\n".join(self._kept)
        return Exit(self._process.returncode or 0, report, self._error, verdict)

    async def give_up(self, why: str) -> None:
        """End it for this reason; `run` then returns, and tells where it was."""
        await self._watchdog.give_up(self.pid, why)

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
            await self._copy_lines(lines)
            if len(rest) > _MAX_LINE:
                await self._copy_lines([rest])
                rest = b""
        if rest:
            self._copy_line(rest)

    def _is_unread(self) -> bool:
        assert isinstance(self._process.stdout, trio.lowlevel.FdStream)
        count = fcntl.ioctl(self._process.stdout.fileno(), termios.FIONREAD, bytes(_INT.size))
        return bool(_INT.unpack(count)[0])

    async def _copy_lines(self, lines: Sequence[bytes]) -> None:
        copied = self._lines.take_some(len(lines))
        if copied and self._left_out:
            self._log.warning("lines left out", count=self._left_out, most=f"{_LINES[0]:.0f} a second")
            self._left_out = 0
        for count, line in enumerate(lines[:copied], 1):
            self._copy_line(line)
            if count % _YIELD == 0:
                await trio.lowlevel.checkpoint()
        self._left_out += len(lines) - copied

    def _renamed(self, text: bytes) -> bytes:
        return text.replace(self._runs_from, self._known_as)

    def _copy_line(self, line: bytes) -> None:
        line = self._renamed(line)
        record = read_record(line)
        if record is None:
            text = line.decode("utf-8", "replace").rstrip()
            self._kept.append(text)
            self._output.info(text)
            return
        self._kept.append(record.message)
        self._report = record.traceback or self._report
        details = {"call": record.call, "exception": record.traceback}
        if record.level == "error":
            self._error = record.message
        level = record.level if record.level in _LEVELS else "info"
        log = self._log if record.logger == WORKER_LOGGER else self._output
        log.log(_NUMBERS[level], record.message, **{name: value for name, value in details.items() if value})
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
    limits: WorkerLimits,
    spare: Spare,
    world: str = "",
) -> Worker:
    """Start a worker, of the spare if it waits; it will connect to the socket with the token. Raises OSError.

    `known_as`: the folder that the script's is a copy of; what the worker says is told of that one.
    """
    watchdog = Watchdog(limits, socket.parent)
    assignment = Assignment(app, str(script), str(socket), token, watchdog.wanted, world)
    try:
        process = await spare.take(assignment) or await open_worker(assignment)
    except BaseException:
        watchdog.finish(bytes, "")
        raise
    return Worker(process, app, on_record, (script.parent, known_as), watchdog)


async def start_tester(
    app: str,
    script: Path,
    folder: Path,
    *,
    known_as: Path,
    limits: WorkerLimits,
    keeps: int,
) -> Worker:
    """Start the flow tests of a script, which end by themselves; `folder` is this user's alone. Raises OSError."""
    watchdog = Watchdog(limits, folder)
    try:
        process = await open_process(
            [app, str(script)],
            environment={"PYTHONDONTWRITEBYTECODE": "1"},
            module="callflow.runtime.tester",
            cwd=script.parent,
        )
    except BaseException:
        watchdog.finish(bytes, "")
        raise
    return Worker(process, app, lambda record: None, (script.parent, known_as), watchdog, keeps=keeps)
