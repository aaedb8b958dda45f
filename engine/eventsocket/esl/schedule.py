"""What is to be done later: the tasks of sched_api, sched_hangup, sched_transfer and sched_broadcast.

Each has a number, and belongs to a group: one that a client names, or the channel, with which its tasks end.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import trio

MAX_TASKS = 5000
_SHORTEST = 1.0  # seconds between two turns of a task that repeats
_LONGEST = 366 * 86_400.0
_WHEN = re.compile(r"(\+?)(@?)([0-9]{1,11})", re.ASCII)

Work = Callable[[], Awaitable[None]]
# The name of an event, its headers, and what it is about.
Tell = Callable[[str, Mapping[str, str]], None]


@dataclass(frozen=True, slots=True)
class When:
    """In how many seconds; `every` so many again, 0: once."""

    after: float
    every: float = 0.0


@dataclass(slots=True, eq=False)
class Task:
    """One that waits."""

    id: int
    group: str
    about: str
    due_at: float  # seconds since the epoch
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Task-ID": str(self.id),
            "Task-Desc": self.about,
            "Task-Group": self.group,
            "Task-Runtime": str(int(self.due_at)),
        }


class Schedule:
    """All that is to be done."""

    def __init__(self, nursery: trio.Nursery, *, epoch: Callable[[], float], tell: Tell) -> None:
        self.tasks: dict[int, Task] = {}
        self._nursery = nursery
        self._epoch = epoch
        self._tell = tell
        self._numbers = itertools.count(1)

    def add(self, when: When, group: str, about: str, work: Work) -> Task | None:
        """Have it done. None: too much is to be done already."""
        if len(self.tasks) >= MAX_TASKS:
            return None
        task = Task(next(self._numbers), group, about, self._epoch() + when.after)
        self.tasks[task.id] = task
        self._tell("ADD_SCHEDULE", task.headers)
        self._nursery.start_soon(self._run, task, when, work)
        return task

    def drop(self, named: str) -> int:
        """Forget the task of that number, or those of that group; how many it were."""
        found = [task for task in self.tasks.values() if named in (str(task.id), task.group)]
        for task in found:
            task.scope.cancel()
            self._forget(task)
        return len(found)

    async def _run(self, task: Task, when: When, work: Work) -> None:
        with task.scope:
            await trio.sleep(when.after)
            while task.id in self.tasks:
                self._tell("EXE_SCHEDULE", task.headers)
                if not when.every:
                    self._forget(task)
                    await work()
                    return
                await work()
                task.due_at = self._epoch() + when.every
                self._tell("RE_SCHEDULE", task.headers)
                await trio.sleep(when.every)

    def _forget(self, task: Task) -> None:
        if self.tasks.pop(task.id, None) is not None:
            self._tell("DEL_SCHEDULE", task.headers)


def read_when(text: str, now: float) -> When | None:
    """`+60`, `@60` (again and again), or seconds since the epoch. None: it is none of these."""
    found = _WHEN.fullmatch(text)
    if found is None:
        return None
    seconds = float(found[3])
    if found[2]:
        seconds = max(seconds, _SHORTEST)
        return When(seconds, seconds) if seconds <= _LONGEST else None
    after = seconds if found[1] else max(seconds - now, 0.0)
    return When(after) if after <= _LONGEST else None
