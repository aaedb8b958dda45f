"""Rows that are kept in a database: written in a thread and in batches, the last change of each key alone.

keeper = Keeper(database, BINDINGS, epoch=time.time, what="registrations")
await nursery.start(keeper.run)
keeper.change("alice", [("DELETE FROM bindings WHERE user = ?", ("alice",)), ...])  # costs a dict entry

What cannot be written waits, up to a bound, and is written when the database is well again. A damaged one is put
aside, never removed, and begun anew. The log says so, once for each trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

import structlog
import trio

from .access import Access
from .connection import Connection, Database, Row, Schema, Statement, Unfit
from .records import StoreError

COMMIT_AFTER = 0.05  # seconds in which changes gather to a batch
MAX_BATCH = 2_000  # changes of one transaction
MAX_WAITING = 250_000  # keys; beyond it the change that waits longest is lost
_BACK_OFF = (0.2, 10.0)  # seconds, first and longest
_STOP_WITHIN = 3.0  # seconds

_T = TypeVar("_T")

logger = structlog.get_logger("engine.store")


class Keeper:
    """The rows of one subject."""

    def __init__(self, database: Database, schema: Schema, *, epoch: Callable[[], float], what: str) -> None:
        """`what` is kept, in the words of the log."""
        self._access = Access(database, schema, epoch=epoch)
        self._what = what
        self._waiting: dict[str, Sequence[Statement]] = {}
        self._has_changes = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self._trouble = ""
        self._lost = 0
        self.on_begun_anew: Callable[[], None] = lambda: None  # what was written is gone: have it written again

    async def read(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Rows of the database. Raises StoreError."""
        return await self._in_thread(lambda connection: connection.select(statement, values))

    def change(self, key: str, statements: Sequence[Statement]) -> None:
        """Have these done soon, in place of what waits for the same key."""
        if key not in self._waiting and len(self._waiting) >= MAX_WAITING:
            self._lose()
        self._waiting[key] = statements
        self._has_changes.set()

    def is_waiting(self, key: str) -> bool:
        """Whether a change of it is not written yet."""
        return key in self._waiting

    def abandon(self) -> None:
        """End without writing."""
        if self._waiting:
            logger.error(f"changes of {self._what} are lost: the store fails at the end", lost=len(self._waiting))
        self._access.close()

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Write, until cancelled; then what is left."""
        delay = _BACK_OFF[0]
        task_status.started()
        try:
            while True:
                await self._has_changes.wait()
                await trio.sleep(COMMIT_AFTER)
                self._has_changes = trio.Event()
                if await self._write_waiting():
                    delay = _BACK_OFF[0]
                    continue
                self._has_changes.set()
                await trio.sleep(delay)
                delay = min(delay * 2, _BACK_OFF[1])
        finally:
            with trio.move_on_after(_STOP_WITHIN, shield=True):
                await self._stop()

    # On the loop

    async def _write_waiting(self) -> bool:
        """Write all; whether that went well."""
        while self._waiting:
            batch = dict(islice(self._waiting.items(), MAX_BATCH))
            try:
                await self._in_thread(partial(_write, changes=batch))
            except Unfit:
                await self._write_each(batch)
            except StoreError as error:
                self._complain(str(error))
                return False
            self._forget(batch)
        if self._trouble:
            logger.warning(f"{self._what} are written again", database=str(self._access.database), lost=self._lost)
            self._trouble = ""
        return True

    async def _write_each(self, batch: dict[str, Sequence[Statement]]) -> None:
        """One of them cannot be held; that is no reason for the others."""
        for key, statements in list(batch.items()):
            try:
                await self._in_thread(partial(_write, changes={key: statements}))
            except Unfit as error:
                logger.error(f"of {self._what} one is lost: the database cannot hold it", key=key, error=str(error))
            except StoreError:
                del batch[key]  # it waits

    def _forget(self, written: Mapping[str, Sequence[Statement]]) -> None:
        for key, statements in written.items():
            if self._waiting.get(key) is statements:  # and has not changed meanwhile
                del self._waiting[key]

    async def _in_thread(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return await trio.to_thread.run_sync(partial(self._access.use, work), limiter=self._thread)
        finally:
            if self._access.take_begun_anew():
                self.on_begun_anew()

    def _complain(self, trouble: str) -> None:
        if not self._trouble:
            self._trouble = trouble
            database, waiting = str(self._access.database), len(self._waiting)
            logger.error(f"{self._what} wait: the store fails", database=database, error=trouble, waiting=waiting)

    def _lose(self) -> None:
        del self._waiting[next(iter(self._waiting))]
        self._lost += 1
        if self._lost == 1 or self._lost % 1000 == 0:
            logger.error(f"changes of {self._what} are lost: too many wait", lost=self._lost)

    async def _stop(self) -> None:
        await self._write_waiting()
        await trio.to_thread.run_sync(self.abandon, limiter=self._thread)


def _write(connection: Connection, changes: Mapping[str, Sequence[Statement]]) -> None:
    with connection.transaction():
        connection.run(statement for statements in changes.values() for statement in statements)
        connection.tell(changes)
