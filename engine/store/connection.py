"""A connection to SQLite: the file made for us alone, WAL, migrations, errors that tell a damaged file from trouble.

Everything here blocks; it runs in a worker thread.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .records import StoreError

LOCKED_AFTER = 2.0  # seconds that another process's lock is waited for


class Broken(StoreError):
    """The file is no database, or a damaged one."""


def connect(
    path: Path, migrations: Sequence[str], *, synchronous: Literal["NORMAL", "FULL"] = "NORMAL"
) -> sqlite3.Connection:
    """Open a database, and bring its schema up to date. Raises StoreError.

    `migrations`: one script for each version of the schema. NORMAL outlives the process, FULL the machine as well.
    """
    with translated():
        _create(path)
        connection = sqlite3.connect(
            path,
            timeout=LOCKED_AFTER,
            isolation_level=None,
            check_same_thread=False,  # trio's threads take turns in here, one at a time
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {synchronous}")
            _migrate(connection, migrations)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of what the block does, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated() -> Iterator[None]:
    """SQLite's errors as ours."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        kind = Broken if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB) else StoreError
        raise kind(str(error)) from error


def put_aside(path: Path, error: Broken, *, now: int) -> str:
    """Keep a damaged database for somebody who can read it; under which name. It must be closed. Raises StoreError."""
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


def _create(path: Path) -> None:
    """Who called whom is nobody else's business. SQLite gives its other files the same mode."""
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    except OSError as error:
        raise StoreError(str(error)) from error


def _migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY, at REAL NOT NULL)")
    if _version(connection, migrations) == len(migrations):
        return
    with transaction(connection):
        done = _version(connection, migrations)  # two processes may open it at once
        for version, script in enumerate(migrations[done:], start=done + 1):
            for statement in script.split(";"):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?, ?)", (version, time.time()))


def _version(connection: sqlite3.Connection, migrations: Sequence[str]) -> int:
    (done,) = connection.execute("SELECT coalesce(max(version), 0) FROM migrations").fetchone()
    if done > len(migrations):
        raise StoreError(f"expected a schema of version {len(migrations)}, got {done}: a newer callflow made it")
    return int(done)
