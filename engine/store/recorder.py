"""Records in a database: appended to a file at once, moved there a moment later, in a thread and in batches.

records = Recorder(database, data / "records.pending", epoch=time.time, on_written=...)
await nursery.start(records.run)
records.write(record)          # from the loop; costs one write(2)

Whatever happens to the database, calls go on: what cannot be written waits in `records.pending`, and is written
when the database is well again. A damaged database is put aside, never removed. The log says so, once for each trouble.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog
import trio
from msgspec.structs import replace

from callflow.protocol.commands import Records as Query
from callflow.protocol.records import CallRecord

from .access import Access
from .connection import Connection, Database, Unfit
from .pending import MAX_PENDING, Pending
from .record_table import RECORDS, insert, last_id, select
from .records import MAX_WAITING, Found, Overloaded, RecordIds, StoreError, Then

COMMIT_AFTER = 0.05  # seconds in which records gather to a batch
COMMIT_BUSY_AFTER = 0.25  # the same while many come: to commit costs as much as to insert dozens
MANY = 10  # records that came while the last batch gathered
MAX_UNSAVED = 10_000  # records in memory, while not even the file can be written
MAX_LINE = 8 * 1024  # octets, so that a page of records fits a message of the event socket
_BACK_OFF = (0.2, 10.0)  # seconds, first and longest
_MAX_LINKS = 10  # of a record that is too long
_STOP_WITHIN = 3.0  # seconds

logger = structlog.get_logger("engine.store")
_encode = msgspec.json.Encoder().encode
_T = TypeVar("_T")


def gather_after(came: int) -> float:
    """The seconds in which the next batch gathers, when so many records came for the last one."""
    return COMMIT_BUSY_AFTER if came >= MANY else COMMIT_AFTER


class Recorder:
    """The records of a database, and those on their way to it, which wait in a folder."""

    def __init__(
        self,
        database: Database,
        waiting: Path,
        *,
        epoch: Callable[[], float],
        on_written: Callable[[CallRecord], None] = lambda record: None,
        max_pending: int = MAX_PENDING,
    ) -> None:
        """`on_written` hears of each record that is in the database. Raises OSError for a folder that cannot be had."""
        self._new_id = RecordIds(epoch, run=secrets.token_hex(4))
        self._on_written = on_written
        self._pending = Pending(waiting, max_octets=max_pending)
        self._unsaved: deque[bytes] = deque()
        self._lost = 0
        self._asked: deque[tuple[Query, Then]] = deque()
        self._has_records = trio.Event()
        self._has_queries = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self._access = Access(database, RECORDS, epoch=epoch, on_open=self._go_past)
        self._trouble = ""
        self._gathered = 0  # records that came since the last batch

    def write(self, record: CallRecord) -> None:
        record = replace(record, id=self._new_id())
        line = _encode(record) + b"\n"
        if len(line) > MAX_LINE:
            line = _encode(replace(record, variables={}, bridged_with=record.bridged_with[-_MAX_LINKS:])) + b"\n"
        if self._unsaved or not self._append(line):
            self._hold(line)
        self._gathered += 1
        self._has_records.set()

    def find(self, query: Query, then: Then) -> None:
        if len(self._asked) >= MAX_WAITING:
            then(Overloaded(f"expected at most {MAX_WAITING} queries at once"))
            return
        self._asked.append((query, then))
        self._has_queries.set()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self._has_records.set()  # there may be some from before
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_writing)
                nursery.start_soon(self._keep_answering)
                task_status.started()
        finally:
            with trio.move_on_after(_STOP_WITHIN, shield=True):
                await self._stop()

    # On the loop

    async def _keep_writing(self) -> None:
        delay, gather = _BACK_OFF[0], COMMIT_AFTER
        while True:
            await self._has_records.wait()
            await trio.sleep(gather)
            self._has_records = trio.Event()
            gather, self._gathered = gather_after(self._gathered), 0
            try:
                await self._move()
                delay = _BACK_OFF[0]
            except StoreError:
                self._has_records.set()
                await trio.sleep(delay)
                delay = min(delay * 2, _BACK_OFF[1])

    async def _keep_answering(self) -> None:
        while True:
            await self._has_queries.wait()
            self._has_queries = trio.Event()
            while self._asked:
                query, then = self._asked.popleft()
                with suppress(StoreError):  # it has been said; what is there can be read all the same
                    await self._move()
                then(await self._in_thread(partial(self._select, query)))

    async def _move(self) -> None:
        """Bring to the database all that waits, and tell of it. Raises StoreError."""
        self._save()
        while True:
            try:
                written, is_all = await self._in_thread(self._write_batch)
            except StoreError as error:
                self._complain(str(error))
                raise
            for record in written:
                self._on_written(record)
            if is_all:
                break
        if self._trouble and not self._unsaved:
            logger.warning("call records are written again", database=str(self._access.database), lost=self._lost)
            self._trouble = ""

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await trio.to_thread.run_sync(work, limiter=self._thread)

    async def _stop(self) -> None:
        try:
            await self._move()
        except StoreError as error:
            logger.error("call records wait for the next start", waiting=self._pending.octets, error=str(error))
        self._pending.close()
        await self._in_thread(self._access.close)

    def _append(self, line: bytes) -> bool:
        try:
            self._pending.append(line)
        except OSError as error:
            self._complain(str(error))
            return False
        return True

    def _hold(self, line: bytes) -> None:
        """Not even the file takes it: memory does, up to a bound."""
        if len(self._unsaved) >= MAX_UNSAVED:
            self._unsaved.popleft()
            self._lost += 1
            if self._lost == 1 or self._lost % 1000 == 0:
                logger.error("call records are lost: there is no room for them", lost=self._lost)
        self._unsaved.append(line)

    def _save(self) -> None:
        while self._unsaved and self._append(self._unsaved[0]):
            self._unsaved.popleft()

    def _complain(self, trouble: str) -> None:
        if not self._trouble:
            self._trouble = trouble
            database, waiting = str(self._access.database), self._pending.octets
            logger.error("call records wait: the store fails", database=database, error=trouble, waiting=waiting)

    # In the thread

    def _write_batch(self) -> tuple[list[CallRecord], bool]:
        """Move the next lines; which records were new, and whether those were all."""
        try:
            lines = self._pending.read()
            written = self._insert(lines)
            self._pending.advance()
        except OSError as error:
            raise StoreError(str(error)) from error
        return written, self._pending.is_last

    def _insert(self, lines: Sequence[bytes]) -> list[CallRecord]:
        try:
            return self._access.use(partial(insert, lines=lines))
        except Unfit as error:
            if len(lines) > 1:
                return [record for line in lines for record in self._insert([line])]
            logger.error("a call record is lost: the database cannot hold it", error=str(error), record=lines[0][:200])
            return []

    def _select(self, query: Query) -> Found:
        try:
            return self._access.use(partial(select, query=query))
        except StoreError as error:
            return error

    def _go_past(self, connection: Connection) -> None:
        """Another engine's clock may be ahead."""
        self._new_id.go_past(last_id(connection))
