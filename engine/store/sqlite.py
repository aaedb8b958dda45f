"""A database in a SQLite file: made for us alone, in WAL mode, with errors that tell a damaged file from trouble."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from . import connection as contract
from .connection import Broken, Row, Schema, Statement, Unfit, check_version, migrate
from .records import StoreError


class SqliteFile:
    """One file, for one subject."""

    owner = ""  # the file is in the engine's own folder

    def __init__(self, path: Path, *, synchronous: Literal["NORMAL", "FULL"] = "NORMAL") -> None:
        """NORMAL outlives the process, FULL the machine as well."""
        self._path, self._synchronous = path, synchronous

    def __str__(self) -> str:
        return str(self._path)

    @property
    def is_there(self) -> bool:
        return self._path.exists()

    def connect(self, schema: Schema) -> SqliteConnection:
        with _translated():
            _create(self._path)
            connection = sqlite3.connect(
                self._path,
                timeout=contract.LOCKED_AFTER,
                isolation_level=None,
                check_same_thread=False,  # trio's threads take turns in here, one at a time
            )
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                return SqliteConnection(connection, is_new=_bring_up_to_date(connection, schema))
            except BaseException:
                connection.close()
                raise

    def listen(self, schema: Schema) -> None:
        return None

    def put_aside(self, error: Broken, *, now: int) -> str:
        path = self._path
        kept = f"{path.name}.damaged-{now}"
        for suffix in ("", "-wal", "-shm"):
            file = path.with_name(path.name + suffix)
            try:
                file.rename(file.with_name(kept + suffix))
            except FileNotFoundError:
                continue
            except OSError as failure:
                raise StoreError(f"{error}, and it cannot be put aside: {failure}") from failure
        return kept


class SqliteConnection:
    """An open file."""

    is_lost = False

    def __init__(self, connection: sqlite3.Connection, *, is_new: bool) -> None:
        self._connection, self.is_new = connection, is_new

    def select(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        with _translated():
            return self._connection.execute(statement, values).fetchall()

    def run(self, statements: Iterable[Statement]) -> None:
        with _translated():
            for statement, values in statements:
                self._connection.execute(statement, values)

    def tell(self, keys: Iterable[str]) -> None:
        pass

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with _translated(), _transaction(self._connection):
            yield

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        ends_at = time.monotonic() + seconds
        self._connection.set_progress_handler(lambda: time.monotonic() > ends_at, 1000)
        try:
            yield
        finally:
            self._connection.set_progress_handler(None, 0)

    def close(self) -> None:
        with _translated():
            self._connection.close()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def _translated() -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise Broken(str(error)) from error
        raise (Unfit if code == sqlite3.SQLITE_TOOBIG else StoreError)(str(error)) from error


def _create(path: Path) -> None:
    """Who called whom is nobody else's business. SQLite gives its other files the same mode."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(str(error)) from error


def _bring_up_to_date(connection: sqlite3.Connection, schema: Schema) -> bool:
    """Whether there were no tables before."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, at REAL NOT NULL)")
    done = _version(connection, schema)
    if done == len(schema.migrations):
        return False
    with _transaction(connection):
        done = _version(connection, schema)  # two processes may open it at once
        migrate(
            schema,
            done,
            run=connection.execute,
            note=lambda version: connection.execute("INSERT INTO migrations VALUES (?, ?)", (version, time.time())),
        )
    return done == 0


def _version(connection: sqlite3.Connection, schema: Schema) -> int:
    (done,) = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    return check_version(int(done), schema)
