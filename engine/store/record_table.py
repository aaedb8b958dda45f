"""The tables of call records. Everything here blocks, runs in a worker thread, and raises StoreError."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from callflow.protocol.commands import Records as Query
from callflow.protocol.records import CallRecord

from .connection import Connection, Schema

QUERY_WITHIN = 5.0  # seconds
MAX_LEGS = 1000  # of one call
_LONGEST = 512  # characters of what is found by an index, whose entries are bounded

RECORDS = Schema(
    "records",
    (
        """
        CREATE TABLE records (
            id TEXT PRIMARY KEY, channel TEXT NOT NULL, direction TEXT NOT NULL, caller TEXT NOT NULL,
            caller_name TEXT NOT NULL, callee TEXT NOT NULL, dialled TEXT NOT NULL, app TEXT, route TEXT, "user" TEXT,
            parent TEXT, created_at REAL NOT NULL, answered_at REAL, ended_at REAL NOT NULL, billable REAL NOT NULL,
            cause INTEGER NOT NULL, cause_name TEXT NOT NULL, sip_status INTEGER NOT NULL, ended_by TEXT NOT NULL,
            record TEXT NOT NULL
        ) WITHOUT ROWID;
        CREATE TABLE links (channel TEXT NOT NULL, other TEXT NOT NULL, PRIMARY KEY (channel, other)) WITHOUT ROWID;
        CREATE INDEX records_by_end ON records (ended_at);
        CREATE INDEX records_by_channel ON records (channel);
        CREATE INDEX records_by_user ON records ("user", id);
        CREATE INDEX records_by_caller ON records (caller, id);
        CREATE INDEX records_by_callee ON records (callee, id);
        CREATE INDEX records_by_dialled ON records (dialled, id);
        """,
    ),
)

# The column `record` is all of it, in JSON.
_INSERT = f"INSERT INTO records VALUES ({', '.join('?' * 20)}) ON CONFLICT DO NOTHING"
_LINK = "INSERT INTO links VALUES (?, ?) ON CONFLICT DO NOTHING"
_decode = msgspec.json.Decoder(CallRecord).decode


def insert(connection: Connection, lines: Iterable[bytes]) -> list[CallRecord]:
    """Commit records in JSON; those that were new. What is no record is left out."""
    records = list(_read(lines))
    if not records:
        return []
    with connection.transaction():
        before = {
            id
            for chunk in _chunks([record.id for record, _ in records], 500)
            for (id,) in connection.select(f"SELECT id FROM records WHERE id IN ({_marks(chunk)})", chunk)
        }
        new = [(record, line) for record, line in records if record.id not in before]
        connection.run((_INSERT, _row(record, line)) for record, line in new)
        connection.run((_LINK, link) for record, _ in new for link in _links(record))
    return [record for record, _ in new]


def last_id(connection: Connection) -> str:
    """The latest record's, `0` without any."""
    [(id,)] = connection.select("SELECT max(id) FROM records")
    return id or "0"


def select(connection: Connection, query: Query) -> list[CallRecord]:
    """A page of the records that fit, in the order of their ids."""
    with connection.within(QUERY_WITHIN):
        legs = _legs(connection, query.call) if query.call else None
        where, values = _conditions(query, legs)
        statement = f"SELECT record FROM records WHERE {where} ORDER BY id LIMIT ?"
        return [_decode(record) for (record,) in connection.select(statement, (*values, query.limit))]


def _legs(connection: Connection, channel: str) -> list[str]:
    """The channels that links lead to from this one."""
    found, ahead = {channel}, [channel]
    while ahead and len(found) < MAX_LEGS:
        new = {other for (other,) in connection.select("SELECT other FROM links WHERE channel = ?", (ahead.pop(),))}
        new -= found
        found |= new
        ahead += new
    return sorted(found)[:MAX_LEGS]


def _read(lines: Iterable[bytes]) -> Iterator[tuple[CallRecord, bytes]]:
    for line in lines:
        try:
            yield _decode(line), line
        except msgspec.DecodeError:  # a crash of the machine left it torn
            continue


def _row(record: CallRecord, line: bytes) -> tuple[object, ...]:
    return (
        record.id, record.channel, record.direction, record.caller[:_LONGEST], record.caller_name,
        record.callee[:_LONGEST], record.to[:_LONGEST], record.app, record.route, record.user, record.parent,
        record.created_at, record.answered_at, record.ended_at, record.billable,
        record.cause, record.cause_name, record.sip_status, record.ended_by, line.decode(),
    )  # fmt: skip


def _links(record: CallRecord) -> Iterator[tuple[str, str]]:
    for other in (record.parent, *record.bridged_with):
        if other is not None:
            yield record.channel, other
            yield other, record.channel


def _conditions(query: Query, legs: Sequence[str] | None) -> tuple[str, list[Any]]:
    wanted: list[tuple[str, Sequence[object]]] = [("id > ?", [query.after])]
    if query.since is not None:
        wanted.append(("ended_at >= ?", [query.since]))
    if query.until is not None:
        wanted.append(("ended_at < ?", [query.until]))
    if query.user:
        wanted.append(('"user" = ?', [query.user]))
    if query.number:
        wanted.append(("(caller = ? OR callee = ? OR dialled = ?)", [query.number] * 3))
    if legs is not None:
        wanted.append((f"channel IN ({_marks(legs)})", legs))
    return " AND ".join(text for text, _ in wanted), [value for _, values in wanted for value in values]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _chunks(values: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]
