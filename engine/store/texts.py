"""Texts that wait for their user: kept in a database while the engine is down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import Protocol

import trio

from .connection import Database, Schema
from .keeper import Keeper

TEXTS = Schema(
    "texts",
    (
        """
        CREATE TABLE IF NOT EXISTS texts (
            id TEXT PRIMARY KEY, recipient TEXT NOT NULL, sender TEXT NOT NULL, body TEXT NOT NULL,
            content_type TEXT NOT NULL, at REAL NOT NULL
        )
        """,
        # Of several engines each delivers what it has taken.
        "ALTER TABLE texts ADD COLUMN engine TEXT NOT NULL DEFAULT ''",
    ),
)
_COLUMNS = "id, recipient, sender, body, content_type, at"
_SELECT = f"SELECT {_COLUMNS} FROM texts WHERE engine = ? ORDER BY at, id"
_INSERT = f"INSERT INTO texts ({_COLUMNS}, engine) VALUES ({', '.join('?' * 7)})"
_DELETE = "DELETE FROM texts WHERE id = ?"


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
        """Those of before, oldest first. Raises StoreError."""
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

    def abandon(self) -> None:
        """End without writing: they were never read."""
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

    def abandon(self) -> None:
        pass


class DatabaseTexts:
    """Those of one engine."""

    def __init__(self, database: Database, *, epoch: Callable[[], float]) -> None:
        self._keeper = Keeper(database, TEXTS, epoch=epoch, what="kept texts")
        self._engine = database.owner

    async def load(self) -> Sequence[Text]:
        return [
            Text(id=id, to=to, sender=sender, body=body, content_type=content_type, at=at)
            for id, to, sender, body, content_type, at in await self._keeper.read(_SELECT, (self._engine,))
        ]

    def put(self, text: Text) -> None:
        self._keeper.change(text.id, [(_DELETE, (text.id,)), (_INSERT, (*astuple(text), self._engine))])

    def drop(self, text: Text) -> None:
        self._keeper.change(text.id, [(_DELETE, (text.id,))])

    async def run(self) -> None:
        await self._keeper.run()

    def abandon(self) -> None:
        self._keeper.abandon()
