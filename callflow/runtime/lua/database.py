"""The database of an app: one SQLite file. Everything here blocks; world.py runs it in a thread of its own.

A statement can do nothing but to that file: other files, settings, extensions and transactions that last are denied.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from .outside import Answer, Changed, Failed, Refused, Rows, Statement, Value

MAX_ROWS = 1000
MAX_CELLS = 10_000
MAX_SIZE = 1 << 20  # octets of a statement, a value, or of all rows together
MAX_PAGES = 1 << 18  # of 4 KiB: a gigabyte
WITHIN = 2.0  # seconds of a statement
LOCKED_AFTER = 1.0  # seconds that another process's lock is waited for
_STRIDE = 1000  # instructions of SQLite's between two looks at the clock

_DENIED = frozenset({
    sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA, sqlite3.SQLITE_TRANSACTION,
    sqlite3.SQLITE_SAVEPOINT, sqlite3.SQLITE_CREATE_VTABLE, sqlite3.SQLITE_DROP_VTABLE,
})  # fmt: skip
_FAILED = {
    sqlite3.SQLITE_BUSY: "busy", sqlite3.SQLITE_LOCKED: "busy", sqlite3.SQLITE_INTERRUPT: "timeout",
    sqlite3.SQLITE_CONSTRAINT: "constraint", sqlite3.SQLITE_FULL: "full", sqlite3.SQLITE_TOOBIG: "too_large",
}  # fmt: skip


class Database:
    """One connection, used by one thread at a time; opened at the first statement, and again after the disk failed."""

    def __init__(self, path: Path | None) -> None:
        """Without a path it is in memory."""
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def run(self, statement: Statement) -> Answer:
        """Carry a statement out, whole or not at all."""
        try:
            if self._connection is None:
                self._connection = self._open()
            return _run(self._connection, statement)
        except (sqlite3.Error, sqlite3.Warning, OSError) as error:
            return self._explain(error)
        except (OverflowError, ValueError) as error:  # more statements than one, an integer of more than 64 bits
            return Refused("bad_argument", str(error))

    def _open(self) -> sqlite3.Connection:
        if self._path is not None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_RDONLY | os.O_CREAT, 0o600))  # SQLite gives its other files the same mode
        connection = sqlite3.connect(
            self._path or ":memory:",
            timeout=LOCKED_AFTER,
            isolation_level=None,
            check_same_thread=False,  # threads take turns in here, one at a time
            cached_statements=256,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA max_page_count = {MAX_PAGES}")
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_SIZE)
            connection.setlimit(sqlite3.SQLITE_LIMIT_SQL_LENGTH, MAX_SIZE)
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
            connection.text_factory = bytes  # Lua's texts are octets
            connection.set_authorizer(_authorize)
        except BaseException:
            connection.close()
            raise
        return connection

    def _explain(self, error: Exception) -> Answer:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & 0xFF
        if isinstance(error, OSError):
            return Failed("broken", f"the database {self._path}: {error.strerror or error}")
        if code in _FAILED:
            message = f"not done within {WITHIN:g} s" if code == sqlite3.SQLITE_INTERRUPT else str(error)
            return Failed(_FAILED[code], message)  # type: ignore[arg-type]  # one of the reasons
        if code == sqlite3.SQLITE_AUTH:
            return Refused(
                "unauthorized", "expected a statement about this app's tables: ATTACH, PRAGMA, transactions are denied"
            )
        if code in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISUSE, sqlite3.SQLITE_RANGE, sqlite3.SQLITE_MISMATCH):
            return Refused("bad_argument", f"SQL: {error}")
        self.close()  # the disk, or what is on it: the next statement looks again
        return Failed("broken", f"the database {self._path}: {error}")


def _authorize(action: int, *_: object) -> int:
    return sqlite3.SQLITE_DENY if action in _DENIED else sqlite3.SQLITE_OK


def _run(connection: sqlite3.Connection, statement: Statement) -> Answer:
    ends_at = time.monotonic() + WITHIN
    connection.set_progress_handler(lambda: time.monotonic() > ends_at, _STRIDE)
    cursor = connection.cursor()
    try:
        values = statement.values if not isinstance(statement.values, Sequence) else tuple(statement.values)
        cursor.execute(statement.text, values)
        if statement.wants_rows:
            return _rows(cursor)
        for _ in cursor:  # of RETURNING: what is not read to its end is not done
            pass
        return Changed(max(cursor.rowcount, 0), cursor.lastrowid)
    finally:
        cursor.close()
        connection.set_progress_handler(None, 0)


def _rows(cursor: sqlite3.Cursor) -> Answer:
    names = [column[0] for column in cursor.description or ()]
    rows: list[dict[str, Value]] = []
    size = cells = 0
    for values in cursor:
        size += sum(len(value) for value in values if isinstance(value, bytes))
        cells += len(values)
        if len(rows) >= MAX_ROWS or size > MAX_SIZE or cells > MAX_CELLS:
            return Failed(
                "too_large", f"expected at most {MAX_ROWS} rows, {MAX_CELLS} values and {MAX_SIZE} octets: say LIMIT"
            )
        rows.append(dict(zip(names, values, strict=True)))
    return Rows(rows)
