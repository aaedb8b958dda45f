"""Users of the database: added and removed while the engine runs, or by a command while it does not.

Of a password only what digest authentication needs is kept (RFC 7616 §3.4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field
from typing import Protocol

import structlog
import trio

from .connection import Database, Schema, Statement
from .keeper import Keeper
from .records import StoreError

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
)
_SELECT = "SELECT name, realm, md5, sha256, settings FROM users ORDER BY name"
_DELETE = "DELETE FROM users WHERE name = ?"
_INSERT = "INSERT INTO users (name, realm, md5, sha256, settings) VALUES (?, ?, ?, ?, ?)"

logger = structlog.get_logger("engine.store")


@dataclass(frozen=True, slots=True)
class StoredUser:
    """One row. The hashes are those of a realm; `settings` is JSON."""

    name: str
    realm: str
    md5: str = field(repr=False)
    sha256: str = field(repr=False)
    settings: str = "{}"


class UserStore(Protocol):
    """Where users are kept."""

    on_begun_anew: Callable[[], None]  # what was kept is gone: have it kept again

    async def load(self) -> Sequence[StoredUser]:
        """All, by name."""
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


class MemoryUsers:
    """Keeps nothing: for simulations, whose engine ends once."""

    def __init__(self) -> None:
        self.on_begun_anew: Callable[[], None] = lambda: None

    async def load(self) -> Sequence[StoredUser]:
        return ()

    def put(self, user: StoredUser) -> None:
        pass

    def drop(self, name: str) -> None:
        pass

    async def run(self) -> None:
        await trio.sleep_forever()


class DatabaseUsers:
    """Those of a database, which all its engines share."""

    def __init__(self, database: Database, *, epoch: Callable[[], float]) -> None:
        self._keeper = Keeper(database, USERS, epoch=epoch, what="users")
        self.on_begun_anew: Callable[[], None] = lambda: None
        self._keeper.on_begun_anew = lambda: self.on_begun_anew()

    async def load(self) -> Sequence[StoredUser]:
        try:
            return [StoredUser(*row) for row in await self._keeper.read(_SELECT)]
        except StoreError as error:
            logger.error("users of the database cannot be read", error=str(error))
            return ()

    def put(self, user: StoredUser) -> None:
        self._keeper.change(user.name, _put(user))

    def drop(self, name: str) -> None:
        self._keeper.change(name, [(_DELETE, (name,))])

    async def run(self) -> None:
        await self._keeper.run()


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


def _put(user: StoredUser) -> list[Statement]:
    return [(_DELETE, (user.name,)), (_INSERT, astuple(user))]
