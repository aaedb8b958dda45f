"""Watches one worker: does its event loop come round, how much memory does it take? Ends it, and says why and where.

The worker's loop writes a byte to a FIFO again and again (callflow/runtime/heartbeat.py). How long it has not is
counted so that only a script's own doing counts: computing by CPU time, for on a loaded machine it waits for its turn;
sleeping or waiting by the clock; being stopped, or reading from a disk, not at all. Nor does the time count in which
this engine did not look: then the machine as a whole stood still, or had no time for us either.
"""

from __future__ import annotations

import os
import re
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import trio

from callflow.runtime.heartbeat import TELL

from .limits import WorkerLimits, spell_memory

EVERY = (0.02, 0.2)  # seconds between two looks, least and most
LOOKS = 10  # in the time that a step may take
TELL_WITHIN = 1.0  # seconds for the traceback, which is written by the kernel's signal; then it is killed
_MOST_TOLD = 256 * 1024  # octets of a traceback
_TICKS = os.sysconf("SC_CLK_TCK")  # of CPU time, a second
_PAGE = os.sysconf("SC_PAGE_SIZE")
_FRAME = re.compile(r'File "(?P<file>[^"]+)", line (?P<line>\d+) in (?P<function>.+)')


@dataclass(frozen=True, slots=True)
class Look:
    """A process, as its main thread stands: a letter of proc(5), CPU seconds so far, resident octets."""

    state: str
    cpu: float
    resident: int


def look_at(pid: int) -> Look | None:
    """None: it is gone."""
    try:
        with open(f"/proc/{pid}/task/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
        with open(f"/proc/{pid}/statm", "rb") as file:
            resident = int(file.read().split()[1])
    except (OSError, IndexError):
        return None
    return Look(fields[0].decode(), (int(fields[11]) + int(fields[12])) / _TICKS, resident * _PAGE)


class Stuck:
    """How long a loop has not come round, by looks at its process. Decisions only."""

    def __init__(self, look: Look) -> None:
        self.computed = self.waited = 0.0  # seconds since it came round last
        self._cpu = look.cpu

    @property
    def seconds(self) -> float:
        return self.computed + self.waited

    def count(self, look: Look, elapsed: float, *, has_beaten: bool, is_unread: bool = False) -> None:
        """Another look, `elapsed` seconds after the one before. `is_unread`: it may wait for us, to read its output."""
        cpu, self._cpu = look.cpu - self._cpu, look.cpu
        if has_beaten:
            self.computed = self.waited = 0.0
        elif look.state == "R":
            self.computed += min(cpu, elapsed)
        elif look.state == "S" and not is_unread:
            self.waited += elapsed

    def __str__(self) -> str:
        return "computing" if self.computed > self.waited else "sleeping or waiting"


class Watchdog:
    """Watches a worker from its start. Let it know what is `wanted`, then `watch` it, then `finish`."""

    def __init__(self, limits: WorkerLimits, folder: Path) -> None:
        """`folder`: this user's alone. Raises OSError."""
        self._limits = limits
        self._every = min(max((limits.step or EVERY[1] * LOOKS) / LOOKS, EVERY[0]), EVERY[1])
        self._fifo = folder / f"{secrets.token_hex(8)}.beat"
        os.mkfifo(self._fifo, 0o600)
        self._beats = os.open(self._fifo, os.O_RDONLY | os.O_NONBLOCK)
        self._verdict = ""
        self._is_place_telling = True  # of what grows, the place is mostly another
        self._told = b""

    @property
    def wanted(self) -> str:
        """What the worker is to know of it, see `LIMITS_VARIABLE`."""
        return f"{self._every:.3f}:{self._limits.memory}:{self._fifo}"

    async def watch(self, pid: int, is_unread: Callable[[], bool]) -> None:
        """Until cancelled, which the end of the process does. Afterwards there may be a verdict.

        `is_unread`: there is output that we have not read.
        """
        look = look_at(pid)
        if look is None:
            return
        stuck: Stuck | None = None  # before the first beat it loads, which has a limit of its own
        looked_at = trio.current_time()
        while not self._verdict:
            await trio.sleep(self._every)
            now = trio.current_time()
            elapsed, looked_at = min(now - looked_at, 2 * self._every), now
            look = look_at(pid)
            if look is None or self._verdict:  # given up meanwhile: what is told now is for `finish`
                return
            if has_beaten := bool(self._read()):
                stuck = stuck or Stuck(look)
            if stuck is not None:
                stuck.count(look, elapsed, has_beaten=has_beaten, is_unread=is_unread())
            self._judge(look, stuck)
        await self._end(pid)

    async def give_up(self, pid: int, why: str) -> None:
        """End the worker, for a reason of the caller's, and have it told where it was."""
        self._verdict = self._verdict or why
        await self._end(pid)

    def finish(self, replace: Callable[[bytes], bytes], folder: str) -> tuple[str, str]:
        """Why it was ended, with the place in the script if it is known, and the traceback. Empty: it was not.

        `replace` puts the folder's own name in, for that of the copy.
        """
        self._told += self._read()
        os.close(self._beats)
        self._fifo.unlink(missing_ok=True)
        if not self._verdict:
            return "", ""
        report = replace(self._told.lstrip(b".")).decode("utf-8", "replace").strip()
        place = place_in(report, folder, is_elsewhere_told=self._is_place_telling)
        return f"{self._verdict} It was {place}." if place else self._verdict, report

    def _judge(self, look: Look, stuck: Stuck | None) -> None:
        memory, step = self._limits.memory, self._limits.step
        if memory and look.resident > memory:
            self._is_place_telling = False
            self._verdict = (
                f"the worker took {spell_memory(look.resident)} of memory, expected at most {spell_memory(memory)}: "
                "find what grows, or raise memory in its [[app]]."
            )
        elif step and stuck is not None and stuck.seconds >= step:
            self._verdict = (
                f"the worker did not come back to its event loop for {step:g} s, {stuck}: have the script await, or "
                "move the work to a thread, or raise step in its [[app]]."
            )

    async def _end(self, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, TELL)
        await trio.sleep(TELL_WITHIN)  # cancelled when it is dead
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)  # it has a handler of its own for that signal

    def _read(self) -> bytes:
        found = b""
        with suppress(BlockingIOError):
            while len(found) < _MOST_TOLD and (part := os.read(self._beats, 65536)):
                found += part
        return found


def place_in(report: str, folder: str, *, is_elsewhere_told: bool) -> str:
    """Where faulthandler found a script of this folder: `at FILE:LINE in FUNCTION`; or else the innermost frame."""
    *others, current = re.split(r"(?m)^(?=Current thread )", report) if report else [""]
    for thread in (current, *others):
        frames = [frame for frame in _FRAME.finditer(thread) if frame["file"].startswith(folder + os.sep)]
        if frames:
            return _spell(frames[0])
    innermost = _FRAME.search(current) if is_elsewhere_told else None
    return _spell(innermost) if innermost else ""


def _spell(frame: re.Match[str]) -> str:
    return f"at {frame['file']}:{frame['line']} in {frame['function']}"
