"""What could not be written is written by the next engine."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from pathlib import Path

import structlog.testing
import trio

from engine.store.place import Place
from engine.store.users import DatabaseUsers, StoredUser
from tests.interop.process import until
from tests.trio_tests import run_trio

ALICE = StoredUser("alice", "callflow", "a" * 32, "b" * 64)
BOB = StoredUser("bob", "callflow", "c" * 32, "d" * 64)


@asynccontextmanager
async def users(place: Place):
    kept = DatabaseUsers(place.users, epoch=time.time, aside=place.aside("users"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        yield kept
        nursery.cancel_scope.cancel()


@run_trio
async def test_what_waits_when_the_engine_ends_is_there_at_the_next_start(store, impatient):
    async with users(store.place) as kept:
        kept.put(ALICE)
        await kept.load()
    with structlog.testing.capture_logs() as log, store.locked("users"):
        async with users(store.place) as kept:
            kept.put(BOB)
            kept.drop("alice")
    assert [entry["event"] for entry in log] == [
        "users wait: the store fails",
        "changes of users wait for the next start: the store fails",
    ]
    assert store.place.aside("users").stat().st_mode & 0o77 == 0
    async with users(store.place) as kept:
        assert await kept.load() == [BOB]
    assert not store.place.aside("users").exists()


@run_trio
async def test_what_waits_when_the_engine_is_killed_is_not_lost(store, impatient):
    async with users(store.place) as kept:
        await kept.load()
        with store.locked("users"):
            kept.put(BOB)
            await until(store.place.aside("users").exists)
            before = store.place.aside("users").read_bytes()
    store.change("users", "DELETE FROM users")  # as if it had not been written at the end
    store.place.aside("users").write_bytes(before)
    async with users(store.place) as kept:
        assert await kept.load() == [BOB]


@run_trio
async def test_a_file_that_cannot_be_read_stops_no_start(tmp_path: Path):
    place = Place(tmp_path)
    place.aside("users").parent.mkdir()
    place.aside("users").write_text("{")
    with structlog.testing.capture_logs() as log:
        async with users(place) as kept:
            assert await kept.load() == []
    assert [entry["event"] for entry in log] == ["what waited for the store cannot be read"]
