"""A connection to a database, whatever it is: a SQLite file (`sqlite`), or one on a PostgreSQL server (`postgresql`).

Statements are SQLite's SQL, with `?` for values; PostgreSQL's connection spells them its own way. So they keep to what
both know: `ON CONFLICT` instead of `INSERT OR`, `"user"` in quotes, TEXT, INTEGER and REAL as types.

Everything here blocks, and runs in a worker thread, one at a time. All of it raises StoreError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from .records import StoreError

LOCKED_AFTER = 2.0  # seconds that another's lock is waited for

Statement: TypeAlias = tuple[str, Sequence[object]]
Row: TypeAlias = tuple[Any, ...]


class Broken(StoreError):
    """The file is no database, or a damaged one."""


class Unfit(StoreError):
    """A value that this database cannot hold: to try again is of no use."""


@dataclass(frozen=True, slots=True)
class Schema:
    """The tables of one subject. `migrations`: a script for each version; what has been released is never changed.

    `is_shared`: several engines have the same rows, and tell each other of changes.
    """

    name: str
    migrations: tuple[str, ...]
    is_shared: bool = False


class Connection(Protocol):
    """One, open."""

    @property
    def is_new(self) -> bool:
        """Whether there were no tables before."""
        ...

    @property
    def is_lost(self) -> bool:
        """Whether it is of no more use: the server is gone, or has ended it."""
        ...

    def select(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """The rows."""
        ...

    def run(self, statements: Iterable[Statement]) -> None:
        """Do these, in their order."""
        ...

    def tell(self, keys: Iterable[str]) -> None:
        """Have others who share these rows told that they change, when the transaction is committed."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """All of what the block does, or nothing; nobody else writes to this subject meanwhile."""
        ...

    def within(self, seconds: float) -> AbstractContextManager[None]:
        """Give up on a statement of the block that takes longer."""
        ...

    def close(self) -> None: ...


class Notices(Protocol):
    """Tell which rows were changed."""

    def fileno(self) -> int:
        """Readable when there is something to take."""
        ...

    def take(self) -> list[str]:
        """The keys that have been changed since."""
        ...

    def close(self) -> None: ...


class Database(Protocol):
    """Where the rows of a subject are kept. Its text is for the log, and tells no password."""

    @property
    def owner(self) -> str:
        """Which engine's rows are meant, where several keep theirs in one database."""
        ...

    @property
    def is_there(self) -> bool:
        """Whether it may hold rows: connecting makes a file."""
        ...

    def connect(self, schema: Schema) -> Connection:
        """Open a connection, and bring the tables up to date."""
        ...

    def listen(self, schema: Schema) -> Notices | None:
        """Be told of what is changed from here on; None: nobody else does."""
        ...

    def put_aside(self, error: Broken, *, now: int) -> str:
        """Keep a damaged one for somebody who can read it; under which name. It must be closed."""
        ...


def check_version(done: int, schema: Schema) -> int:
    """How many of the migrations are done."""
    newest = len(schema.migrations)
    if done > newest:
        raise StoreError(f"expected a schema of version {newest}, got {done}: a newer callflow made it")
    return done


def migrate(schema: Schema, done: int, *, run: Callable[[str], object], note: Callable[[int], object]) -> None:
    """Run what remains, statement by statement, and `note` each version."""
    for version, script in enumerate(schema.migrations[done:], start=done + 1):
        for statement in script.split(";"):
            if statement.strip():
                run(statement)
        note(version)
