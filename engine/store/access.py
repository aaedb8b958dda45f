"""A database as those use it that keep rows there: opened when it is needed, again when it was lost, anew when damaged.

Everything here blocks; it runs in a worker thread. A damaged file is put aside, never removed. A server that is gone
is asked once more on a new connection: if it was only started again, nobody has to know.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import structlog

from .connection import Broken, Connection, Database, Schema
from .records import StoreError

_T = TypeVar("_T")

logger = structlog.get_logger("engine.store")


class Access:
    """One connection at most."""

    def __init__(
        self,
        database: Database,
        schema: Schema,
        *,
        epoch: Callable[[], float],
        on_open: Callable[[Connection], None] = lambda connection: None,
    ) -> None:
        self.database, self._schema, self._epoch, self._on_open = database, schema, epoch, on_open
        self._connection: Connection | None = None
        self._has_known_it = False  # it was open before, or there was one, which was damaged
        self._is_begun_anew = False

    def use(self, work: Callable[[Connection], _T]) -> _T:
        """What `work` makes of the open connection; it may be called twice. Raises StoreError."""
        was_open = self._connection is not None
        try:
            return self._try(work)
        except StoreError:
            if not was_open or self._connection is not None:
                raise
        return self._try(work)

    def take_begun_anew(self) -> bool:
        """Whether, since this was asked last, what was written is gone: the database is another, without rows."""
        is_so, self._is_begun_anew = self._is_begun_anew, False
        return is_so

    def close(self) -> None:
        """End the connection."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(StoreError):
                connection.close()

    def _try(self, work: Callable[[Connection], _T]) -> _T:
        try:
            return work(self._opened())
        except Broken as error:
            self._put_aside(error)
            raise
        except StoreError:
            if self._connection is not None and self._connection.is_lost:
                self.close()
            raise

    def _opened(self) -> Connection:
        if self._connection is None:
            connection = self._connect()
            self._is_begun_anew |= connection.is_new and self._has_known_it
            self._connection, self._has_known_it = connection, True
            self._on_open(connection)
        return self._connection

    def _connect(self) -> Connection:
        try:
            return self.database.connect(self._schema)
        except Broken as error:
            self._put_aside(error)
        return self.database.connect(self._schema)

    def _put_aside(self, error: Broken) -> None:
        self.close()
        kept = self.database.put_aside(error, now=int(self._epoch()))
        self._has_known_it = True
        logger.error("the database is damaged: it is put aside, and a new one begun", kept=kept, error=str(error))
