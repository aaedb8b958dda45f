"""Users of the database: added and removed while the engine runs, or by a command while it does not.

Of a password only what digest authentication needs is kept (RFC 7616 §3.4.2).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Protocol

import structlog
import trio

from .connection import connect, transaction, translated
from .keeper import Keeper, Statement
from .records import StoreError

# One script for each version of the schema; what has been released is never changed.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE users (
        name TEXT PRIMARY KEY, realm TEXT NOT NULL, md5 TEXT NOT NULL, sha256 TEXT NOT NULL,
        settings TEXT NOT NULL  -- JSON
    )
    """,
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


class SqliteUsers:
    """One file, `users.db` in the engine's folder."""

    def __init__(self, folder: Path, *, epoch: Callable[[], float]) -> None:
        self._keeper = Keeper(folder / "users.db", MIGRATIONS, epoch=epoch, what="users")
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


class UsersFile:
    """The same file, for a command while no engine runs. Everything blocks, and raises StoreError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "users.db"

    def load(self) -> Sequence[StoredUser]:
        """All, by name."""
        if not self._path.exists():
            return ()
        with translated(), closing(connect(self._path, MIGRATIONS)) as connection:
            return [StoredUser(*row) for row in connection.execute(_SELECT)]

    def write(self, *, put: Sequence[StoredUser] = (), drop: Sequence[str] = ()) -> None:
        """All of these, or none."""
        statements = [statement for user in put for statement in _put(user)]
        statements += [(_DELETE, (name,)) for name in drop]
        with translated(), closing(connect(self._path, MIGRATIONS)) as opened, transaction(opened) as connection:
            for text, values in statements:
                connection.execute(text, values)


def _put(user: StoredUser) -> list[Statement]:
    return [(_DELETE, (user.name,)), (_INSERT, astuple(user))]
