"""Rows that are kept in a SQLite file: written in a thread and in batches, the last change of each key alone.

keeper = Keeper(path, MIGRATIONS, epoch=time.time, what="registrations")
await nursery.start(keeper.run)
keeper.change("alice", [("DELETE FROM bindings WHERE user = ?", ("alice",)), ...])  # costs a dict entry

What cannot be written waits, and is written when the database is well again. A damaged one is put aside, never
removed, and begun anew. The log says so, once for each trouble.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import structlog
import trio

from .connection import Broken, connect, put_aside, transaction, translated
from .records import StoreError

COMMIT_AFTER = 0.05  # seconds in which changes gather to a batch
MAX_BATCH = 2_000  # changes of one transaction
_BACK_OFF = (0.2, 10.0)  # seconds, first and longest
_STOP_WITHIN = 3.0  # seconds

Statement: TypeAlias = tuple[str, Sequence[object]]
Row: TypeAlias = tuple[Any, ...]
_T = TypeVar("_T")

logger = structlog.get_logger("engine.store")


class Keeper:
    """One file. As many changes wait as there are keys: who has the keys bounds them."""

    def __init__(self, path: Path, migrations: Sequence[str], *, epoch: Callable[[], float], what: str) -> None:
        """`what` is kept, in the words of the log."""
        self._path, self._migrations, self._epoch, self._what = path, migrations, epoch, what
        self._waiting: dict[str, Sequence[Statement]] = {}
        self._has_changes = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self._connection: sqlite3.Connection | None = None
        self._trouble = ""
        self.on_begun_anew: Callable[[], None] = lambda: None  # what was written is gone: have it written again

    async def read(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Rows of the file. Raises StoreError."""
        return await self._in_thread(partial(self._read, statement, values))

    def change(self, key: str, statements: Sequence[Statement]) -> None:
        """Have these done soon, in place of what waits for the same key."""
        self._waiting[key] = statements
        self._has_changes.set()

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
                await self._write_waiting()
                await self._in_thread(self._close)

    # On the loop

    async def _write_waiting(self) -> bool:
        """Write all; whether that went well."""
        while self._waiting:
            batch = dict(islice(self._waiting.items(), MAX_BATCH))
            try:
                await self._in_thread(partial(self._write, list(batch.values())))
            except StoreError as error:
                self._complain(str(error))
                if isinstance(error, Broken):
                    self.on_begun_anew()
                return False
            for key, statements in batch.items():
                if self._waiting[key] is statements:  # and has not changed meanwhile
                    del self._waiting[key]
        if self._trouble:
            logger.warning(f"{self._what} are written again", database=str(self._path))
            self._trouble = ""
        return True

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await trio.to_thread.run_sync(work, limiter=self._thread)

    def _complain(self, trouble: str) -> None:
        if trouble != self._trouble:
            self._trouble = trouble
            waiting = len(self._waiting)
            logger.error(
                f"{self._what} wait: the store fails", database=str(self._path), error=trouble, waiting=waiting
            )

    # In the thread

    def _read(self, statement: str, values: Sequence[object]) -> list[Row]:
        try:
            with translated():
                return self._opened().execute(statement, values).fetchall()
        except Broken as error:
            self._put_aside(error)
            raise

    def _write(self, changes: Sequence[Sequence[Statement]]) -> None:
        try:
            with translated(), transaction(self._opened()) as connection:
                for statements in changes:
                    for statement, values in statements:
                        connection.execute(statement, values)
        except Broken as error:
            self._put_aside(error)
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, self._migrations)
        return self._connection

    def _put_aside(self, error: Broken) -> None:
        self._close()
        kept = put_aside(self._path, error, now=int(self._epoch()))
        logger.error("the database is damaged: it is put aside, and a new one begun", kept=kept, error=str(error))

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()
