"""Users of the database: added and removed while the engine runs, or by a command while it does not.

Of a password only what digest authentication needs is kept (RFC 7616 §3.4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field
from typing import Protocol, TypeAlias

import trio

from .connection import Database, Schema, Statement
from .keeper import Keeper
from .notices import heed

# The column `settings` is in JSON.
USERS = Schema(
    "users",
    (
        """
        CREATE TABLE users (
            name TEXT PRIMARY KEY, realm TEXT NOT NULL, md5 TEXT NOT NULL, sha256 TEXT NOT NULL, settings TEXT NOT NULL
        )
        """,
    ),
    is_shared=True,
)
_COLUMNS = "name, realm, md5, sha256, settings"
_SELECT = f"SELECT {_COLUMNS} FROM users ORDER BY name"
_DELETE = "DELETE FROM users WHERE name = ?"
_INSERT = f"INSERT INTO users ({_COLUMNS}) VALUES (?, ?, ?, ?, ?)"
_AT_ONCE = 500  # users that are read, or told of, without looking at anything else


@dataclass(frozen=True, slots=True)
class StoredUser:
    """One row. The hashes are those of a realm; `settings` is JSON."""

    name: str
    realm: str
    md5: str = field(repr=False)
    sha256: str = field(repr=False)
    settings: str = "{}"


Told: TypeAlias = Mapping[str, StoredUser | None]  # by name, what is there now


class UserStore(Protocol):
    """Where users are kept."""

    on_begun_anew: Callable[[], None]  # what was kept is gone: have it kept again
    on_told: Callable[[Told], None]  # others have changed these

    async def load(self) -> Sequence[StoredUser]:
        """All, by name. Raises StoreError."""
        ...

    def put(self, user: StoredUser) -> None:
        """Write one, soon."""
        ...

    def drop(self, name: str) -> None:
        """Take one out, soon."""
        ...

    async def run(self) -> None:
        """Write, until cancelled; then what is left."""
        ...

    def abandon(self) -> None:
        """End without writing: they were never read."""
        ...


class MemoryUsers:
    """Keeps nothing: for simulations, whose engine ends once."""

    def __init__(self) -> None:
        self.on_begun_anew: Callable[[], None] = lambda: None
        self.on_told: Callable[[Told], None] = lambda told: None

    async def load(self) -> Sequence[StoredUser]:
        return ()

    def put(self, user: StoredUser) -> None:
        pass

    def drop(self, name: str) -> None:
        pass

    async def run(self) -> None:
        await trio.sleep_forever()

    def abandon(self) -> None:
        pass


class DatabaseUsers:
    """Those of a database, which all its engines share."""

    def __init__(self, database: Database, *, epoch: Callable[[], float]) -> None:
        self._database = database
        self._keeper = Keeper(database, USERS, epoch=epoch, what="users")
        self._names: set[str] = set()  # that are there, as far as is known
        self.on_begun_anew: Callable[[], None] = lambda: None
        self.on_told: Callable[[Told], None] = lambda told: None
        self._keeper.on_begun_anew = lambda: self.on_begun_anew()

    async def load(self) -> Sequence[StoredUser]:
        found = [StoredUser(*row) for row in await self._keeper.read(_SELECT)]
        self._names = {user.name for user in found}
        return found

    def put(self, user: StoredUser) -> None:
        self._names.add(user.name)
        self._keeper.change(user.name, _put(user))

    def drop(self, name: str) -> None:
        self._keeper.change(name, [(_DELETE, (name,))])

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(heed, self._database, USERS, self._read)
            await self._keeper.run()

    def abandon(self) -> None:
        self._keeper.abandon()

    async def _read(self, names: Collection[str] | None) -> None:
        """Tell what is there of these; None: of all that are, or were."""
        before = self._names
        found = await self.load() if names is None else await self._find(names)
        self._names |= {user.name for user in found}
        there = {user.name: user for user in found}
        for some in _chunks(list(before | self._names) if names is None else list(names)):
            # What is not written yet is newer.
            self.on_told({name: there.get(name) for name in some if not self._keeper.is_waiting(name)})
            await trio.lowlevel.checkpoint()

    async def _find(self, names: Collection[str]) -> list[StoredUser]:
        found: list[StoredUser] = []
        for some in _chunks(list(names)):
            statement = f"SELECT {_COLUMNS} FROM users WHERE name IN ({', '.join('?' * len(some))})"
            found += [StoredUser(*row) for row in await self._keeper.read(statement, some)]
        return found


class UserTable:
    """The same rows, for a command while no engine runs. Everything blocks, and raises StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __str__(self) -> str:
        return str(self._database)

    def load(self) -> Sequence[StoredUser]:
        """All, by name."""
        if not self._database.is_there:
            return ()
        with closing(self._database.connect(USERS)) as connection:
            return [StoredUser(*row) for row in connection.select(_SELECT)]

    def write(self, *, put: Sequence[StoredUser] = (), drop: Sequence[str] = ()) -> None:
        """All of these, or none."""
        statements = [statement for user in put for statement in _put(user)]
        statements += [(_DELETE, (name,)) for name in drop]
        with closing(self._database.connect(USERS)) as connection, connection.transaction():
            connection.run(statements)
            connection.tell([*(user.name for user in put), *drop])


def _put(user: StoredUser) -> list[Statement]:
    return [(_DELETE, (user.name,)), (_INSERT, astuple(user))]


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(names), _AT_ONCE):
        yield names[start : start + _AT_ONCE]
