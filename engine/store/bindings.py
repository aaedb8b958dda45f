"""Where users are registered: kept while the engine is down, so that phones are called after a restart at once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeAlias

import trio

from engine.sip.events import Flow
from engine.sip.messages import ParseError, Uri
from engine.sip.registration import Contact

from .connection import Database, Row, Schema, Statement
from .keeper import Keeper

BINDINGS = Schema(
    "bindings",
    (
        """
        CREATE TABLE bindings (
            "user" TEXT NOT NULL, position INTEGER NOT NULL, uri TEXT NOT NULL, transport TEXT NOT NULL,
            local_host TEXT NOT NULL, local_port INTEGER NOT NULL, host TEXT NOT NULL, port INTEGER NOT NULL,
            call_id TEXT NOT NULL, cseq INTEGER NOT NULL, expires_at REAL NOT NULL, q REAL NOT NULL,
            path TEXT NOT NULL, instance TEXT NOT NULL, reg_id INTEGER NOT NULL, PRIMARY KEY ("user", position)
        )
        """,
        # Of several engines each has its own: a phone is called by the one at which it has registered.
        """
        ALTER TABLE bindings RENAME TO bindings_before;
        CREATE TABLE bindings (
            engine TEXT NOT NULL, "user" TEXT NOT NULL, position INTEGER NOT NULL, uri TEXT NOT NULL,
            transport TEXT NOT NULL, local_host TEXT NOT NULL, local_port INTEGER NOT NULL, host TEXT NOT NULL,
            port INTEGER NOT NULL, call_id TEXT NOT NULL, cseq INTEGER NOT NULL, expires_at REAL NOT NULL,
            q REAL NOT NULL, path TEXT NOT NULL, instance TEXT NOT NULL, reg_id INTEGER NOT NULL,
            PRIMARY KEY (engine, "user", position)
        );
        INSERT INTO bindings SELECT '', bindings_before.* FROM bindings_before;
        DROP TABLE bindings_before
        """,
    ),
)
_COLUMNS = (
    '"user", uri, transport, local_host, local_port, host, port, call_id, cseq, expires_at, q, path, instance, reg_id'
)
_INSERT = f"INSERT INTO bindings (engine, position, {_COLUMNS}) VALUES ({', '.join('?' * 16)})"
_DELETE = 'DELETE FROM bindings WHERE engine = ? AND "user" = ?'
_SELECT = f'SELECT {_COLUMNS} FROM bindings WHERE engine = ? ORDER BY "user", position'
# A connection does not outlive the engine. One to where the phone listens is opened when it is needed, any other waits
# for the phone; no connection has this number.
_GONE = -1

Found: TypeAlias = tuple[str, Sequence[Contact]]


class Bindings(Protocol):
    """Where contacts are kept. `expires_at` in them is of the engine's clock."""

    on_begun_anew: Callable[[], None]  # what was kept is gone: have it kept again

    async def load(self) -> Sequence[Found]:
        """Those of before, by user, those refreshed longest ago first; expired ones too. Raises StoreError."""
        ...

    def put(self, user: str, contacts: Sequence[Contact]) -> None:
        """These are all of a user's now. Written soon."""
        ...

    async def run(self) -> None:
        """Write, until cancelled; then what is left."""
        ...

    def abandon(self) -> None:
        """End without writing: they were never read."""
        ...


class MemoryBindings:
    """Keeps nothing: for simulations, whose engine ends once."""

    def __init__(self) -> None:
        self.on_begun_anew: Callable[[], None] = lambda: None

    async def load(self) -> Sequence[Found]:
        return ()

    def put(self, user: str, contacts: Sequence[Contact]) -> None:
        pass

    async def run(self) -> None:
        await trio.sleep_forever()

    def abandon(self) -> None:
        pass


class DatabaseBindings:
    """Those of one engine."""

    def __init__(self, database: Database, *, epoch: Callable[[], float], clock: Callable[[], float]) -> None:
        self._keeper = Keeper(database, BINDINGS, epoch=epoch, what="registrations")
        self._engine = database.owner
        self._epoch, self._clock = epoch, clock
        self.on_begun_anew: Callable[[], None] = lambda: None
        self._keeper.on_begun_anew = lambda: self.on_begun_anew()

    async def load(self) -> Sequence[Found]:
        rows = await self._keeper.read(_SELECT, (self._engine,))
        ahead = self._epoch() - self._clock()
        found: dict[str, list[Contact]] = {}
        for user, contact in _read(rows, ahead):
            found.setdefault(user, []).append(contact)
        return list(found.items())

    def put(self, user: str, contacts: Sequence[Contact]) -> None:
        ahead = self._epoch() - self._clock()
        rows = [(_INSERT, (self._engine, place, *_row(user, contact, ahead))) for place, contact in enumerate(contacts)]
        statements: list[Statement] = [(_DELETE, (self._engine, user)), *rows]
        self._keeper.change(user, statements)

    async def run(self) -> None:
        await self._keeper.run()

    def abandon(self) -> None:
        self._keeper.abandon()


def _row(user: str, contact: Contact, ahead: float) -> tuple[object, ...]:
    flow = contact.flow
    return (
        user, str(contact.uri), flow.transport, *flow.local, *flow.remote, contact.call_id, contact.cseq,
        contact.expires_at + ahead, contact.q, json.dumps(contact.path), contact.instance, contact.reg_id,
    )  # fmt: skip


def _read(rows: Sequence[Row], ahead: float) -> Iterator[tuple[str, Contact]]:
    for user, text, transport, our_host, our_port, host, port, call_id, cseq, at, q, path, instance, reg_id in rows:
        try:
            uri = Uri.parse(text)
        except ParseError:  # another hand was at it
            continue
        flow = _reopened(Flow(transport, (our_host, our_port), (host, port)), uri)
        yield user, Contact(
            uri=uri, flow=flow, call_id=call_id, cseq=cseq, expires_at=at - ahead, q=q,
            path=tuple(json.loads(path)), instance=instance, reg_id=reg_id,
        )  # fmt: skip


def _reopened(flow: Flow, uri: Uri) -> Flow:
    """The flow in the life of another engine."""
    if flow.transport == "udp":
        return flow
    if flow.transport == "tcp" and uri.host == flow.remote[0]:
        return flow._replace(remote=(uri.host, uri.port or 5060))
    return flow._replace(connection=_GONE)
