"""Texts that wait for their user: kept in a file while the engine is down, in SQLite, written in a thread.

What cannot be written stays in memory, and that is logged: texts are worth less than calls.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import structlog
import trio

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS texts (
        id TEXT PRIMARY KEY, recipient TEXT NOT NULL, sender TEXT NOT NULL, body TEXT NOT NULL,
        content_type TEXT NOT NULL, at REAL NOT NULL
    )
"""
_MAX_WAITING = 20_000  # changes that are not written yet; beyond it one is lost
_LOCKED_AFTER = 2.0  # seconds that another process's lock is waited for

logger = structlog.get_logger("engine.store")


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """One text, to a user. `sender`: a user's name, or a number; `at`: seconds since the epoch."""

    id: str
    to: str
    sender: str
    body: str
    content_type: str = "text/plain"
    at: float = 0.0


class TextStore(Protocol):
    """Where texts are kept."""

    async def load(self) -> Sequence[Text]:
        """Those of before, oldest first."""
        ...

    def put(self, text: Text) -> None:
        """Write one, soon."""
        ...

    def drop(self, text: Text) -> None:
        """Take one out, soon."""
        ...

    async def run(self) -> None:
        """Write, until cancelled; then what is left."""
        ...


class MemoryTexts:
    """Keeps nothing: for simulations, whose engine ends once."""

    async def load(self) -> Sequence[Text]:
        return ()

    def put(self, text: Text) -> None:
        pass

    def drop(self, text: Text) -> None:
        pass

    async def run(self) -> None:
        await trio.sleep_forever()


_Change: TypeAlias = Callable[[sqlite3.Connection], object]


class SqliteTexts:
    """One file, `texts.db` in the engine's folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "texts.db"
        self._changes: list[_Change] = []
        self._has_changes = trio.Event()

    async def load(self) -> Sequence[Text]:
        try:
            return await trio.to_thread.run_sync(self._load)
        except (sqlite3.Error, OSError) as error:
            logger.error("kept texts cannot be read", path=str(self._path), error=str(error))
            return ()

    def put(self, text: Text) -> None:
        self._change(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?, ?, ?)", astuple(text)
            )
        )

    def drop(self, text: Text) -> None:
        self._change(lambda connection: connection.execute("DELETE FROM texts WHERE id = ?", (text.id,)))

    async def run(self) -> None:
        try:
            while True:
                await self._has_changes.wait()
                await self._flush()
        finally:
            with trio.CancelScope(shield=True):
                await self._flush()

    def _change(self, change: _Change) -> None:
        if len(self._changes) < _MAX_WAITING:
            self._changes.append(change)
            self._has_changes.set()

    async def _flush(self) -> None:
        changes, self._changes, self._has_changes = self._changes, [], trio.Event()
        if not changes:
            return
        try:
            await trio.to_thread.run_sync(self._write, changes)
        except (sqlite3.Error, OSError) as error:
            logger.error("texts are not kept in their file", path=str(self._path), count=len(changes), error=str(error))

    def _load(self) -> list[Text]:
        if not self._path.exists():
            return []
        with closing(self._open()) as connection:
            rows = connection.execute("SELECT id, recipient, sender, body, content_type, at FROM texts ORDER BY at, id")
            return [
                Text(id=id, to=to, sender=sender, body=body, content_type=content_type, at=at)
                for id, to, sender, body, content_type, at in rows
            ]

    def _write(self, changes: Sequence[_Change]) -> None:
        with closing(self._open()) as connection, connection:
            for change in changes:
                change(connection)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=_LOCKED_AFTER)
        connection.execute(_SCHEMA)
        return connection
