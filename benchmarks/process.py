"""What the kernel knows of a process: the CPU time it used, its memory, its children; and which core it may use."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple


class Cores(NamedTuple):
    """Which core is whose."""

    engine: int
    load: int  # and of workers and apps


def choose_cores() -> Cores:
    """The first two that we may use; the same one twice when there is no second."""
    usable = sorted(os.sched_getaffinity(0))
    return Cores(usable[0], usable[min(1, len(usable) - 1)])


def cpu_seconds(pid: int) -> float:
    """The CPU time, user and system, of all threads of a process since its start, to the nanosecond.

    It is the sum of utime and stime of /proc/PID/stat, which is cut to 10 ms. Children are not in it.
    """
    return time.clock_gettime((~pid << 3) | 2)  # clock_getcpuclockid(3), CPUCLOCK_SCHED


def cpu_seconds_of_waited() -> float:
    """The CPU time of our own children that have ended and were waited for."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory_kb(pid: int) -> int:
    """What a process has in memory, in kB: its proportional share (Pss), else all it maps (RSS)."""
    for path, field in ((f"/proc/{pid}/smaps_rollup", "Pss:"), (f"/proc/{pid}/status", "VmRSS:")):
        try:
            lines = Path(path).read_text().splitlines()
        except OSError:  # an old kernel, or a container that hides it
            continue
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1])
    raise OSError(f"/proc/{pid} does not tell its memory")


def children(pid: int) -> list[int]:
    """The processes that a process has started, and that live."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


def pin(pid: int, core: int) -> None:
    """Let a process run on one core only, each of its threads."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(task.name), {core})


def pin_threads(pid: int, name: str, core: int) -> None:
    """Let those of its threads whose names begin so run on one core only."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text().startswith(name):
            os.sched_setaffinity(int(task.name), {core})


def on_core(core: int | Sequence[int], command: Sequence[str]) -> list[str]:
    """The command, on one core, or on some, from its first instruction."""
    cores = [core] if isinstance(core, int) else core
    return ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]


def raise_file_limit() -> int:
    """Allow as many descriptors as we may, to us and to what we start: a leg has two sockets. How many that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard
