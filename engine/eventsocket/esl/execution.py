"""The applications that run on a channel: each begins when the one before is under way, inside it, as in FreeSWITCH.

With `event-lock` an application lets nothing else begin until it has ended.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import trio

MAX_WAITING = 1000


@dataclass(slots=True, eq=False)
class Execution:
    """One application on a channel. `uuid` is what the client named it."""

    application: str
    data: str
    uuid: str
    uuid_name: str = ""
    is_locking: bool = False
    loops: int = 1
    response: str | None = None  # once it has ended
    is_told: bool = False
    under_way: trio.Event = field(default_factory=trio.Event)
    done: trio.Event = field(default_factory=trio.Event)
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    command: str | None = None  # of ours, that it runs
    is_broken: bool = False

    def end(self, response: str) -> bool:
        """It has ended. False: it had before."""
        if self.response is not None:
            return False
        self.response = response
        self.under_way.set()
        self.done.set()
        return True


class Executions:
    """Those of one channel."""

    __slots__ = ("is_working", "running", "waiting")

    def __init__(self) -> None:
        self.running: list[Execution] = []
        self.waiting: deque[Execution] = deque()
        self.is_working = False

    def add(self, execution: Execution) -> bool:
        """False: too many wait or run already."""
        if len(self.waiting) + len(self.running) >= MAX_WAITING:
            return False
        self.waiting.append(execution)
        return True

    async def next(self) -> Execution | None:
        """The next one, when it may begin. None: none waits."""
        locking = next((each for each in self.running if each.is_locking), None)
        if locking is not None:
            await locking.done.wait()
        return self.waiting.popleft() if self.waiting else None

    def drop_waiting(self) -> list[Execution]:
        """Those that will not begin."""
        dropped = list(self.waiting)
        self.waiting.clear()
        for each in dropped:
            each.end("_none_")
        return dropped
