"""A database on a PostgreSQL server, by psycopg, which the extra `callflow[postgresql]` brings.

psycopg's own asynchronous connection does not run under trio; this one blocks in a thread, and never for longer than
ANSWER_WITHIN: a server that stands still, or a network that swallows, is as good as gone.

Statements come in SQLite's spelling. Writers of one subject take turns by an advisory lock, as they do in a file, so
that two engines never meet in a deadlock, nor in half of what the other writes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from . import connection as contract
from .connection import Row, Schema, Statement, Unfit, check_version, migrate
from .records import StoreError

if TYPE_CHECKING:
    from psycopg.abc import PQGen

ANSWER_WITHIN = 5.0  # seconds
_CONNECT_WITHIN = 3  # seconds, of each address
_DEFAULTS: dict[str, str | int] = {
    "application_name": "callflow",
    "connect_timeout": _CONNECT_WITHIN,
    "keepalives_idle": 30,  # seconds; a listener would not hear that the other side is gone
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,  # ms
}
# Other programs order by octets as well, and SQLite's numbers have 64 bits.
_TYPES = {"TEXT": 'TEXT COLLATE "C"', "INTEGER": "BIGINT", "REAL": "DOUBLE PRECISION", "WITHOUT ROWID": ""}
_TYPE = re.compile(rf"\b(?:{'|'.join(_TYPES)})\b")
_LOCKS = 0x63616C6C  # "call": ours among the advisory locks of the database
_UNFIT = (psycopg.DataError, psycopg.errors.ProgramLimitExceeded)
_T = TypeVar("_T")
_NEVER = "0"  # as a time-out


class Postgresql:
    """One database, or one schema of it, as its URL says: postgresql://USER:PASSWORD@HOST:PORT/DATABASE."""

    is_there = True

    def __init__(self, url: str, *, owner: str) -> None:
        """`owner`: whose rows are meant, where each engine has its own. Raises ValueError."""
        self.owner = owner
        self._told, self._conninfo = read_url(url)

    def __str__(self) -> str:
        return self._told

    def connect(self, schema: Schema) -> PostgresqlConnection:
        with _translated():
            connection = _Patient.connect(self._conninfo, autocommit=True)
        try:
            with _translated():
                _set_up(connection)
                return PostgresqlConnection(connection, schema)
        except BaseException:
            connection.close()
            raise

    def listen(self, schema: Schema) -> PostgresqlNotices:
        with _translated():
            return PostgresqlNotices(_Patient.connect(self._conninfo, autocommit=True), schema)

    def put_aside(self, error: contract.Broken, *, now: int) -> str:
        raise AssertionError("what is damaged on a server is the server's to mend")


class PostgresqlConnection:
    """An open one."""

    def __init__(self, connection: psycopg.Connection[Row], schema: Schema) -> None:
        self._connection, self._schema = connection, schema
        self._lacks_tables = False  # somebody has made the database anew: so do we, on the next connection
        self.is_new = self._bring_up_to_date()

    @property
    def is_lost(self) -> bool:
        return self._lacks_tables or bool(self._connection.closed)

    def select(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        with self._translated():
            return self._execute(statement, values).fetchall()

    def run(self, statements: Iterable[Statement]) -> None:
        with self._translated(), self._connection.pipeline():  # one answer is waited for, not each
            for statement, values in statements:
                self._execute(statement, values)

    def tell(self, keys: Iterable[str]) -> None:
        if self._schema.is_shared:
            self.run(("SELECT pg_notify(?, ?)", (_channel(self._schema), key)) for key in keys)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._translated(), self._connection.transaction():
            self._execute("SELECT pg_advisory_xact_lock(?, ?)", (_LOCKS, crc32(self._schema.name.encode()) >> 1))
            yield

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        self._limit(str(max(1, int(seconds * 1000))))
        try:
            yield
        finally:
            with suppress(StoreError):  # whatever came is told already
                self._limit(_NEVER)

    def close(self) -> None:
        with _translated():
            self._connection.close()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with _translated():
                yield
        except StoreError as error:
            self._lacks_tables |= isinstance(error.__cause__, psycopg.errors.UndefinedTable)
            raise

    def _limit(self, milliseconds: str) -> None:
        self.select("SELECT set_config('statement_timeout', ?, false)", (milliseconds,))

    def _execute(self, statement: str, values: Sequence[object] = ()) -> psycopg.Cursor[Row]:
        return self._connection.execute(statement.replace("?", "%s").encode(), [_value(each) for each in values])

    def _bring_up_to_date(self) -> bool:
        """Whether there were no tables before."""
        name = self._schema.name
        with self.transaction():  # two engines may begin at once
            self._execute(
                "CREATE TABLE IF NOT EXISTS migrations (subject TEXT NOT NULL, version BIGINT NOT NULL, "
                "at TIMESTAMPTZ NOT NULL DEFAULT now(), PRIMARY KEY (subject, version))"
            )
            [(done,)] = self.select("SELECT coalesce(max(version), 0) FROM migrations WHERE subject = ?", (name,))
            migrate(
                self._schema,
                check_version(done, self._schema),
                run=lambda script: self._execute(_spelt(script)),
                note=lambda version: self._execute(
                    "INSERT INTO migrations (subject, version) VALUES (?, ?)", (name, version)
                ),
            )
        return bool(done == 0)


class PostgresqlNotices:
    """A connection that listens."""

    def __init__(self, connection: psycopg.Connection[Row], schema: Schema) -> None:
        self._connection = connection
        connection.execute(f"LISTEN {_channel(schema)}".encode())

    def fileno(self) -> int:
        return self._connection.fileno()

    def take(self) -> list[str]:
        with _translated():
            return list(dict.fromkeys(notice.payload for notice in self._connection.notifies(timeout=0)))

    def close(self) -> None:
        with _translated():
            self._connection.close()


class _Patient(psycopg.Connection[Any]):
    """Waits for an answer for so long, and no longer; whatever comes then can be the answer to anything."""

    def wait(self, gen: PQGen[_T], interval: float = 0.1, timeout: float | None = None) -> _T:
        try:
            return super().wait(gen, interval, ANSWER_WITHIN if timeout is None else timeout)
        except psycopg.errors._WaitTimeout:
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"expected an answer within {ANSWER_WITHIN:g} s, got none") from None


def read_url(url: str) -> tuple[str, str]:
    """The URL without what is secret, and libpq's own form. Raises ValueError."""
    if not url.startswith(("postgresql://", "postgres://")):
        raise ValueError("expected a URL such as postgresql://callflow@db.example/callflow")
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise ValueError(f"expected a PostgreSQL URL: {str(error).strip()}") from None
    host = given.get("host") or given.get("hostaddr") or "localhost"
    port = f":{given['port']}" if given.get("port") else ""
    told = f"postgresql://{host}{port}/{given.get('dbname') or ''}"
    defaults: dict[str, Any] = {name: value for name, value in _DEFAULTS.items() if name not in given}
    return told, make_conninfo(url, **defaults)


def _set_up(connection: psycopg.Connection[Row]) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise StoreError(f"expected a database in the encoding UTF8, got {encoding}")
    connection.execute(b"SELECT set_config('lock_timeout', %s, false)", [str(int(contract.LOCKED_AFTER * 1000))])


def _channel(schema: Schema) -> str:
    return f"callflow_{schema.name}"


def _spelt(script: str) -> str:
    return _TYPE.sub(lambda found: _TYPES[found[0]], script)


def _value(value: object) -> object:
    """PostgreSQL's text has no octet zero; who calls may send one."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


@contextmanager
def _translated() -> Iterator[None]:
    """psycopg's errors as ours."""
    try:
        yield
    except psycopg.Error as error:
        kind = Unfit if isinstance(error, _UNFIT) else StoreError
        raise kind(" ".join(str(error).split()) or type(error).__name__) from error
