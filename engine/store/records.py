"""The store of call records, as the engine sees it. `SqliteRecords` keeps them, `MemoryRecords` is for simulations.

Writing is synchronous and never waits. Finding is answered later, for it takes a disk: `then` is called with the
records, or with why there are none.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

import trio

from callflow.protocol.commands import Records as Query
from callflow.protocol.records import CallRecord

MAX_WAITING = 100  # queries

Found: TypeAlias = "list[CallRecord] | StoreError"
Then: TypeAlias = Callable[[Found], None]


class StoreError(Exception):
    """The store cannot be read or written now; the text says why."""


class Overloaded(StoreError):
    """Too many queries wait."""


class CallRecords(Protocol):
    """Records of ended channels."""

    def write(self, record: CallRecord) -> None:
        """Keep a record; it is given its id. When this returns, the record outlives the process."""
        ...

    def find(self, query: Query, then: Then) -> None:
        """Have the records that fit, those just written among them; not if too many wait to be found."""
        ...

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Do what was asked, until cancelled; what is written by then is kept."""
        ...


class RecordIds:
    """Ids that sort by time, also past a clock that goes back."""

    def __init__(self, epoch: Callable[[], float], *, run: str = "") -> None:
        """`run` keeps them apart from those of other runs of the engine."""
        self._epoch = epoch
        self._run = run
        self._last = 0

    def __call__(self) -> str:
        self._last = max(self._last + 1, int(self._epoch() * 1e6))
        return f"{self._last:014x}{self._run}"

    def go_past(self, id: str) -> None:
        """Ids from here on are later than this one."""
        self._last = max(self._last, int(id[:14], 16))
