"""What phones show because a program said so, once: kept in a database while the engine is down."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import trio

from .connection import Database, Schema
from .keeper import Keeper

SHOWN = Schema(
    "shown",
    (
        """
        CREATE TABLE shown (
            engine TEXT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
            PRIMARY KEY (engine, kind, name)
        )
        """,
    ),
)
_SELECT = "SELECT kind, name, value FROM shown WHERE engine = ? ORDER BY kind, name"
_DELETE = "DELETE FROM shown WHERE engine = ? AND kind = ? AND name = ?"
_INSERT = "INSERT INTO shown (engine, kind, name, value) VALUES (?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class Shown:
    """One thing, of a user or a number. `value`: JSON."""

    kind: str
    name: str
    value: str


class ShownStore(Protocol):
    """Where that is kept."""

    on_begun_anew: Callable[[], None]  # what was kept is gone: have it kept again

    async def load(self) -> Sequence[Shown]:
        """All. Raises StoreError."""
        ...

    def put(self, shown: Shown) -> None:
        """Write it, soon."""
        ...

    def drop(self, kind: str, name: str) -> None:
        """Take it out, soon."""
        ...

    async def run(self) -> None:
        """Write, until cancelled; then what is left."""
        ...

    def abandon(self) -> None:
        """End without writing: it was never read."""
        ...


class MemoryShown:
    """Keeps nothing: for simulations, whose engine ends once."""

    def __init__(self) -> None:
        self.on_begun_anew: Callable[[], None] = lambda: None

    async def load(self) -> Sequence[Shown]:
        return ()

    def put(self, shown: Shown) -> None:
        pass

    def drop(self, kind: str, name: str) -> None:
        pass

    async def run(self) -> None:
        await trio.sleep_forever()

    def abandon(self) -> None:
        pass


class DatabaseShown:
    """That of one engine."""

    def __init__(self, database: Database, *, epoch: Callable[[], float], aside: Path | None = None) -> None:
        """`aside`: the file of what waits while the database cannot be written."""
        self._keeper = Keeper(database, SHOWN, epoch=epoch, aside=aside, what="lamps that programs set")
        self._engine = database.owner
        self.on_begun_anew: Callable[[], None] = lambda: None
        self._keeper.on_begun_anew = lambda: self.on_begun_anew()

    async def load(self) -> Sequence[Shown]:
        return [Shown(*row) for row in await self._keeper.read(_SELECT, (self._engine,))]

    def put(self, shown: Shown) -> None:
        removal = (_DELETE, (self._engine, shown.kind, shown.name))
        insertion = (_INSERT, (self._engine, shown.kind, shown.name, shown.value))
        self._keeper.change(_key(shown.kind, shown.name), [removal, insertion])

    def drop(self, kind: str, name: str) -> None:
        self._keeper.change(_key(kind, name), [(_DELETE, (self._engine, kind, name))])

    async def run(self) -> None:
        await self._keeper.run()

    def abandon(self) -> None:
        self._keeper.abandon()


def _key(kind: str, name: str) -> str:
    return f"{kind} {name}"
