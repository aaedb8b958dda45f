"""The facts of a machine without which a figure says nothing."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from .process import Cores


def machine_facts(cores: Cores) -> dict[str, str]:
    """What a reader needs to compare figures: processor, kernel, versions, and how busy the machine was."""
    return {
        "cpu": _cpu_model(),
        "cores": f"{os.cpu_count()} (engine on {cores.engine}, worker, apps and load on {cores.load})",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "callflow": version("callflow"),
        "busy before": f"{_busy_cores():.2f} cores",
    }


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _busy_cores() -> float:
    """How many processes ran or wanted to, over the last minute."""
    return os.getloadavg()[0]
