"""Where an engine keeps its rows: in SQLite files in its folder, or in a PostgreSQL database."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from .connection import Database
from .sqlite import SqliteFile

PENDING = "records.pending"
_NAME = "engine-name"
_OWN = ("bindings", "texts")  # subjects of which each engine has its own
_FILES: Mapping[str, str] = MappingProxyType({
    "records": "callflow.db",
    "bindings": "registrations.db",
    "users": "users.db",
    "texts": "texts.db",
})


@dataclass(frozen=True, slots=True)
class Place:
    """One. Without a `url` it is the folder. `engine` says whose registrations and texts; "": those of this folder."""

    folder: Path
    url: str | None = field(default=None, repr=False)
    engine: str = ""

    @property
    def pending(self) -> Path:
        """Where call records wait."""
        return self.folder / PENDING

    @property
    def records(self) -> Database:
        """That of call records. They are removed from those pending when they are written, so they go to the disk."""
        return self._database("records")

    @property
    def bindings(self) -> Database:
        """That of registrations."""
        return self._database("bindings")

    @property
    def users(self) -> Database:
        """That of users."""
        return self._database("users")

    @property
    def texts(self) -> Database:
        """That of texts which wait."""
        return self._database("texts")

    def _database(self, subject: str) -> Database:
        if self.url is None:
            return SqliteFile(self.folder / _FILES[subject], synchronous="FULL" if subject == "records" else "NORMAL")
        from .postgresql import Postgresql  # psycopg is an extra

        owner = (self.engine or name_of(self.folder)) if subject in _OWN else ""
        return Postgresql(self.url, owner=owner)


def name_of(folder: Path) -> str:
    """What tells the engine of this folder from others: made once. Raises OSError."""
    path = folder / _NAME
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        draft = folder / f"{_NAME}.{os.getpid()}"
        draft.write_text(secrets.token_hex(8) + "\n")
        with suppress(FileExistsError):  # another process has just done it
            path.hardlink_to(draft)
        draft.unlink()
    return path.read_text().strip()
