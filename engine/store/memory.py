"""Records in memory, for simulations: the same answers as SQLite's, and no thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import trio
from msgspec.structs import replace

from callflow.protocol.commands import Records as Query
from callflow.protocol.records import CallRecord

from .records import MAX_WAITING, Overloaded, RecordIds, Then

MAX_RECORDS = 100_000  # the oldest are forgotten


class MemoryRecords:
    """Records that end with the process."""

    def __init__(
        self, epoch: Callable[[], float], *, on_written: Callable[[CallRecord], None] = lambda record: None
    ) -> None:
        """`on_written` hears of each record."""
        self._new_id = RecordIds(epoch)
        self._on_written = on_written
        self._records: deque[CallRecord] = deque(maxlen=MAX_RECORDS)
        self._told: deque[CallRecord] = deque()
        self._asked: deque[tuple[Query, Then]] = deque()
        self._woken = trio.Event()

    def write(self, record: CallRecord) -> None:
        record = replace(record, id=self._new_id())
        self._records.append(record)
        self._told.append(record)
        self._woken.set()

    def find(self, query: Query, then: Then) -> None:
        if len(self._asked) >= MAX_WAITING:
            then(Overloaded(f"expected at most {MAX_WAITING} queries at once"))
            return
        self._asked.append((query, then))
        self._woken.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        while True:
            await self._woken.wait()
            self._woken = trio.Event()
            while self._told:
                self._on_written(self._told.popleft())
            while self._asked:
                query, then = self._asked.popleft()
                then(select(self._records, query))


def select(records: Iterable[CallRecord], query: Query) -> list[CallRecord]:
    """The records that fit, a page of them in the order of their ids."""
    records = list(records)
    legs = linked(records, query.call) if query.call else None
    found = [record for record in records if _fits(record, query) and (legs is None or record.channel in legs)]
    return [record for record in found if record.id > query.after][: query.limit]


def linked(records: Iterable[Any], channel: str) -> set[str]:
    """The channels that links lead to from this one: its parent, those it dialled, those it was bridged with."""
    neighbours: dict[str, set[str]] = {}
    for record in records:
        for other in (record.parent, *record.bridged_with):
            if other is not None:
                neighbours.setdefault(record.channel, set()).add(other)
                neighbours.setdefault(other, set()).add(record.channel)
    found, ahead = {channel}, [channel]
    while ahead:
        new = neighbours.get(ahead.pop(), set()) - found
        found |= new
        ahead += new
    return found


def _fits(record: CallRecord, query: Query) -> bool:
    return (
        (query.since is None or record.ended_at >= query.since)
        and (query.until is None or record.ended_at < query.until)
        and (not query.user or record.user == query.user)
        and (not query.number or query.number in (record.caller, record.callee, record.to))
    )
