"""The tasks of an engine process by name: it writes them down whenever it gets a signal."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import trio

from .process import until

_NOTE = "tasks.txt"  # in the folder of the engine's data


async def tasks(pid: int, data: Path) -> Counter[str]:
    """How many tasks of each name an engine has that was started with `write_on_signal`."""
    note = data / _NOTE
    note.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    await until(note.exists)
    return Counter(note.read_text().splitlines())


def write_on_signal() -> None:
    """In the process of the engine, before it begins."""
    data = Path(os.environ["CALLFLOW_DATA"])

    def write(*_: object) -> None:
        draft = data / f"{_NOTE}.draft"
        draft.write_text("\n".join(_names()))
        draft.rename(data / _NOTE)  # found whole or not at all

    signal.signal(signal.SIGUSR1, write)


def _names() -> list[str]:
    root = trio.lowlevel.current_root_task()
    assert root is not None
    names, left = [], [root]
    while left:
        task = left.pop()
        names.append(task.name)
        left += [child for nursery in task.child_nurseries for child in nursery.child_tasks]
    return names
