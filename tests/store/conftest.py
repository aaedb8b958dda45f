"""The databases that the store's tests run on: SQLite files, and a schema of a PostgreSQL server."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from engine.store import connection
from engine.store.place import Place
from tests.postgresql import Server


@dataclass(frozen=True)
class SqliteStore:
    """One file for each subject."""

    place: Place
    kind = "sqlite"

    def of(self, engine: str) -> Place:
        """The same, of another engine."""
        return self.place

    def rows(self, subject: str, statement: str) -> list[Any]:
        """The first column of the rows."""
        with self._other(subject) as other:
            return [row[0] for row in other.execute(statement)]

    def change(self, subject: str, statement: str) -> None:
        """Another hand."""
        with self._other(subject) as other:
            other.execute(statement)

    @contextmanager
    def locked(self, subject: str) -> Iterator[None]:
        """Nobody can write meanwhile."""
        with self._other(subject) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.execute("ROLLBACK")

    @contextmanager
    def full(self) -> Iterator[None]:
        """No file of this process can grow beyond that, which it takes for a full disk."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 << 10, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    @contextmanager
    def _other(self, subject: str) -> Iterator[sqlite3.Connection]:
        file = str(getattr(self.place, subject))
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            yield other


@dataclass(frozen=True)
class PostgresqlStore:
    """One schema for all subjects."""

    place: Place
    server: Server
    kind = "postgresql"

    def of(self, engine: str) -> Place:
        return Place(self.place.folder, self.place.url, engine)

    def rows(self, subject: str, statement: str) -> list[Any]:
        with self._other() as other:
            return [row[0] for row in other.execute(statement.encode())]

    def change(self, subject: str, statement: str) -> None:
        with self._other() as other:
            other.execute(statement.encode())

    @contextmanager
    def locked(self, subject: str) -> Iterator[None]:
        table = {"records": "records, links"}.get(subject, subject)
        with self._other() as other, suppress(psycopg.Rollback), other.transaction():
            other.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE".encode())
            yield

    def full(self) -> AbstractContextManager[None]:
        """No file of the server can grow."""
        return self.server.full()

    def _other(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.place.url or "", autocommit=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> SqliteStore | PostgresqlStore:
    """An empty one."""
    if request.param == "sqlite":
        return SqliteStore(Place(tmp_path))
    server: Server = request.getfixturevalue("postgresql")
    return PostgresqlStore(Place(tmp_path, server.url()), server)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Locks are waited for but briefly."""
    monkeypatch.setattr(connection, "LOCKED_AFTER", 0.05)
