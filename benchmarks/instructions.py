"""How much work a thing is, whatever the processor and whoever else uses it: counted, not timed.

Of Python, the instructions of the interpreter in our own files: other versions of what we build on do not change them.
Of Rust, those of the processor, as `valgrind --tool=callgrind` simulates it, in the build that the tests have.
"""

from __future__ import annotations

import gc
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TypeAlias

ROOT = Path(__file__).parents[1]
_OURS = tuple(f"{ROOT / name}/" for name in ("engine", "callflow"))
_COLLECTED = re.compile(r"Collected : (\d+)")
_FEW, _MANY = 2, 12  # times: what comes once is in both, and falls out

Tracer: TypeAlias = "Callable[[FrameType, str, object], Tracer | None]"


class CountFailed(Exception):
    """There is no valgrind, or what it was to run did not."""


def of_python(path: Callable[[int], None]) -> float:
    """Instructions of the interpreter for one time. `path` does it as many times as it is told."""
    path(1)  # all is imported, and what is kept for good is made
    return (_count(path, _MANY) - _count(path, _FEW)) / (_MANY - _FEW)


def of_rust(path: str) -> float:
    """Instructions of the processor for one time of a path of engine/native/examples/paths.rs. Raises CountFailed."""
    build = ["cargo", "build", "--quiet", "--package", "callflow-native", "--example", "paths"]
    if subprocess.run(build, cwd=ROOT, check=False).returncode:
        raise CountFailed(f"{' '.join(build)}: failed")
    few, many = 100 * _FEW, 100 * _MANY
    return (_simulated(path, many) - _simulated(path, few)) / (many - few)


def versions() -> tuple[str, str]:
    """Those of the compilers, by which the figures differ: `python 3.11`, `rustc 1.95`."""
    told = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout
    return f"python {sys.version_info[0]}.{sys.version_info[1]}", f"rustc {'.'.join(told.split()[1].split('.')[:2])}"


@dataclass(slots=True)
class Count:
    """Instructions of the interpreter in our own files."""

    instructions: int = 0


@contextmanager
def counted() -> Iterator[Count]:
    """Count what this thread does inside; also what other tasks of its event loop do, while one awaits there."""
    count = Count()

    def enter(frame: FrameType, _event: str, _value: object) -> Tracer | None:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return step

    def step(_frame: FrameType, event: str, _value: object) -> Tracer:
        count.instructions += event == "opcode"
        return step

    before = sys.gettrace()
    gc.disable()  # whatever is finalized by it would be counted
    sys.settrace(enter)
    try:
        yield count
    finally:
        sys.settrace(before)
        gc.enable()


def _count(path: Callable[[int], None], times: int) -> int:
    with counted() as count:
        path(times)
    return count.instructions


def _simulated(path: str, times: int) -> int:
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise CountFailed("valgrind is not installed: apt-get install valgrind")
    program = ROOT / "target/debug/examples/paths"
    command = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program), path, str(times)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    collected = _COLLECTED.search(done.stderr)
    if done.returncode or collected is None:
        raise CountFailed(f"{' '.join(command)}: {done.stderr[-500:]}")
    return int(collected[1])
