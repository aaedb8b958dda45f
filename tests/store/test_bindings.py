"""Registrations in their database, whatever it is."""

from __future__ import annotations

import sqlite3
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path

import structlog.testing
import trio

from engine.sip.events import Flow
from engine.sip.messages import Uri
from engine.sip.registration import Contact
from engine.store.bindings import BINDINGS, DatabaseBindings
from engine.store.place import Place
from tests.interop.process import until
from tests.trio_tests import run_trio

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40000))
DESK = Contact(uri=Uri.parse("sip:alice@10.0.0.1:5062"), flow=FLOW, call_id="a", cseq=7, expires_at=60.0, q=0.5)
EDGE = replace(
    DESK, uri=Uri.parse("sip:alice@198.51.100.7"), path=("<sip:p1;lr>", "<sip:p2;lr>"), instance="<urn:x>", reg_id=2
)


def bindings(place: Place, now: float = 0.0) -> DatabaseBindings:
    return DatabaseBindings(place.bindings, epoch=lambda: 1e9 + now, clock=lambda: 0.0)


@asynccontextmanager
async def running(store: DatabaseBindings):
    """What is asked for before the end is written at the end."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(store.run)
        yield
        nursery.cancel_scope.cancel()


async def load(place: Place, now: float = 0.0):
    """What another engine finds."""
    kept = bindings(place, now)
    async with running(kept):
        return await kept.load()


async def put(store: DatabaseBindings, **contacts: list[Contact]) -> None:
    async with running(store):
        for user, each in contacts.items():
            store.put(user, each)


@run_trio
async def test_they_are_there_again_after_a_restart_with_the_time_that_is_left(store):
    await put(bindings(store.place), alice=[DESK, EDGE], bob=[DESK])
    found = await load(store.place, now=20.0)
    assert found == [
        ("alice", [replace(DESK, expires_at=40.0), replace(EDGE, expires_at=40.0)]),
        ("bob", [replace(DESK, expires_at=40.0)]),
    ]


@run_trio
async def test_the_last_change_of_a_user_stands(store):
    await put(bindings(store.place), alice=[DESK, EDGE], bob=[DESK])
    kept = bindings(store.place)
    async with running(kept):
        kept.put("alice", [DESK])
        kept.put("bob", [EDGE])
        kept.put("alice", [EDGE])
        kept.put("bob", [])
    assert await load(store.place) == [("alice", [EDGE])]


@run_trio
async def test_connections_are_opened_anew_to_where_the_phone_listens_and_others_are_gone(store):
    tcp = FLOW._replace(transport="tcp", connection=3)
    own = replace(DESK, uri=Uri.parse("sip:alice@198.51.100.7:5070;transport=tcp"), flow=tcp)
    hidden = replace(DESK, flow=tcp)
    page = replace(DESK, uri=Uri.parse("sip:x@y.invalid;transport=ws"), flow=tcp._replace(transport="ws"))
    await put(bindings(store.place), alice=[own, hidden, page])
    [(_, contacts)] = await load(store.place)
    assert [(contact.flow.remote, contact.flow.connection) for contact in contacts] == [
        (("198.51.100.7", 5070), 0),
        (FLOW.remote, -1),
        (FLOW.remote, -1),
    ]


@run_trio
async def test_while_the_file_is_locked_changes_wait(store, impatient):
    await put(bindings(store.place))
    kept = bindings(store.place)
    with structlog.testing.capture_logs() as log:
        async with running(kept):
            assert await kept.load() == []
            with store.locked("bindings"):
                kept.put("alice", [DESK])
                await until(lambda: log)
            await until(lambda: len(log) == 2)
    assert [entry["event"] for entry in log] == [
        "registrations wait: the store fails",
        "registrations are written again",
    ]
    assert await load(store.place) == [("alice", [DESK])]


@run_trio
async def test_of_several_engines_with_one_server_each_has_its_own(postgresql, tmp_path: Path):
    url = postgresql.url()
    await put(bindings(Place(tmp_path / "a", url)), alice=[DESK])
    await put(bindings(Place(tmp_path / "b", url)), alice=[EDGE], bob=[DESK])
    assert await load(Place(tmp_path / "a", url)) == [("alice", [DESK])]
    assert await load(Place(tmp_path / "b", url)) == [("alice", [EDGE]), ("bob", [DESK])]
    await put(bindings(Place(tmp_path / "a", url, "one")), alice=[EDGE])
    assert await load(Place(tmp_path / "c", url, "one")) == [("alice", [EDGE])]


@run_trio
async def test_those_of_a_file_that_an_older_version_wrote_are_there(tmp_path: Path):
    path = tmp_path / "registrations.db"
    with closing(sqlite3.connect(path)) as older, older:
        older.execute("CREATE TABLE migrations (version INTEGER PRIMARY KEY, at REAL NOT NULL)")
        older.execute("INSERT INTO migrations VALUES (1, 0)")
        older.execute(BINDINGS.migrations[0])
        row = ["alice", 0, str(DESK.uri), "udp", *FLOW.local, *FLOW.remote, "a", 7, 1e9 + 60, 0.5, "[]", "", 0]
        older.execute(f"INSERT INTO bindings VALUES ({', '.join('?' * 15)})", row)
    assert await load(Place(tmp_path)) == [("alice", [DESK])]


@run_trio
async def test_a_damaged_file_is_put_aside_and_all_is_written_anew(tmp_path: Path):
    path = tmp_path / "registrations.db"
    path.write_bytes(b"no database" * 1000)
    store = bindings(Place(tmp_path))
    store.on_begun_anew = lambda: store.put("bob", [DESK])
    with structlog.testing.capture_logs() as log:
        async with running(store):
            store.put("alice", [DESK])
    assert await load(Place(tmp_path)) == [("alice", [DESK]), ("bob", [DESK])]
    assert [entry["log_level"] for entry in log] == ["error"]
    assert (tmp_path / f"registrations.db.damaged-{int(1e9)}").exists()


@run_trio
async def test_a_damaged_file_stops_no_start(tmp_path: Path):
    (tmp_path / "registrations.db").write_bytes(b"no database" * 1000)
    store = bindings(Place(tmp_path))
    with structlog.testing.capture_logs() as log:
        assert await store.load() == []
        await put(store, alice=[DESK])
    assert [entry["log_level"] for entry in log] == ["error"]
    assert await load(Place(tmp_path)) == [("alice", [DESK])]


@run_trio
async def test_who_is_registered_where_is_nobody_elses_business(tmp_path: Path):
    await put(bindings(Place(tmp_path)), alice=[DESK])
    assert (tmp_path / "registrations.db").stat().st_mode & 0o77 == 0
