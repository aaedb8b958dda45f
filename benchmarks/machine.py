"""The facts of a machine without which a figure says nothing."""

from __future__ import annotations

import os
import platform
import time
from importlib.metadata import version
from pathlib import Path

from .process import Cores, cpu_seconds_of_waited


def machine_facts(cores: Cores) -> dict[str, str]:
    """What a reader needs to compare figures: processor, kernel, versions."""
    return {
        "cpu": _cpu_model(),
        "cores": f"{os.cpu_count()} (engine on {cores.engine}, worker, apps and load on {cores.load})",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "callflow": version("callflow"),
    }


class Neighbours:
    """How much the machine did for others from now on: they take caches, cores and the host's time away."""

    def __init__(self) -> None:
        self._started_at = time.perf_counter()
        self._others = self._seconds()

    def cores_used(self) -> float:
        """How many cores they used, all in all, until now. Our own children must have ended."""
        return max(self._seconds() - self._others, 0.0) / (time.perf_counter() - self._started_at)

    @staticmethod
    def _seconds() -> float:
        return _busy_seconds() - time.process_time() - cpu_seconds_of_waited()


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _busy_seconds() -> float:
    """What all cores together have worked since the machine started, and what the host kept from them."""
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(int, _first_line("/proc/stat").split()[1:])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _first_line(path: str) -> str:
    with open(path) as file:
        return file.readline()
