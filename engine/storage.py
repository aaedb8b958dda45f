"""[store]: where rows are kept, if not in files in the data folder."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from importlib.util import find_spec
from types import MappingProxyType

from .toml_reader import Wrong, read_text, show, table


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """[store]. Without a URL: SQLite."""

    url: str | None = field(default=None, repr=False)  # it may hold a password
    engine: str = ""  # whose registrations and texts are meant, of engines with one database; "": the data folder's


def read_store_url(text: str) -> str:
    """The URL of a database. Raises ValueError."""
    if not text.startswith(("postgresql://", "postgres://")):
        raise ValueError("expected a URL such as postgresql://callflow@db.example/callflow; without one it is SQLite")
    if find_spec("psycopg") is None:
        raise ValueError("expected what speaks to PostgreSQL; install it: pip install 'callflow[postgresql]'")
    from engine.store.postgresql import read_url

    read_url(text)
    return text


def _engine(value: object) -> str:
    name = read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
        raise ValueError(f"expected a name of letters, digits, '_', '.' and '-', got {show(name)}")
    return name


STORE = MappingProxyType({
    "url": ("url", lambda value: read_store_url(read_text(value))),
    "engine": ("engine", _engine),
})


def read_store(value: object) -> Store:
    """The table."""
    store: Store = table(Store, STORE)(value)
    if store.engine and store.url is None:
        raise Wrong("expected a url beside it: SQLite is in the engine's own folder", at=("engine",))
    return store
