"""A PostgreSQL server that is killed, stands still, is full, damaged, or another than before."""

from __future__ import annotations

import secrets
import time
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
import structlog.testing
import trio

from engine.store import postgresql as module
from engine.store.keeper import Keeper
from engine.store.place import Place
from engine.store.record_table import RECORDS
from engine.store.recorder import Recorder
from engine.store.records import StoreError
from engine.store.users import USERS, DatabaseUsers, StoredUser
from tests.interop.process import until
from tests.trio_tests import run_trio

from .records import ask, channels, record

ALICE = StoredUser("alice", "callflow", "a" * 32, "b" * 64)


@asynccontextmanager
async def recording(place: Place, told: list | None = None):
    records = Recorder(
        place.records, place.pending, epoch=time.time, on_written=(told if told is not None else []).append
    )
    async with trio.open_nursery() as nursery:
        await nursery.start(records.run)
        yield records
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def users(place: Place):
    kept = DatabaseUsers(place.users, epoch=time.time)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        yield kept
        nursery.cancel_scope.cancel()


def names(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM users ORDER BY name").fetchall()]


LOST_AND_BACK = ["call records wait: the store fails", "call records are written again"]


@run_trio
async def test_what_came_while_it_was_dead_is_written_when_it_lives_and_each_is_said_once(postgresql, tmp_path: Path):
    told: list = []
    with structlog.testing.capture_logs() as log:
        async with recording(Place(tmp_path, postgresql.url()), told) as records:
            records.write(record("before"))
            await until(lambda: told)
            await postgresql.kill()
            records.write(record("meanwhile"))
            await until(lambda: log)
            assert isinstance(await ask(records), StoreError)
            await postgresql.start_again()
            await until(lambda: len(told) == 2)
            assert await channels(records) == ["before", "meanwhile"]
    assert [entry["event"] for entry in log] == LOST_AND_BACK


@run_trio
async def test_users_who_came_while_it_was_dead_are_kept_when_it_lives(postgresql, tmp_path: Path):
    url = postgresql.url()
    with structlog.testing.capture_logs() as log:
        async with users(Place(tmp_path, url)) as kept:
            kept.put(ALICE)
            await kept.load()
            await postgresql.kill()
            kept.put(StoredUser("bob", "callflow", "c" * 32, "d" * 64))
            await until(lambda: len(log) == 2)
            await postgresql.start_again()
            await until(lambda: len(log) == 4)
    assert names(url) == ["alice", "bob"]
    assert sorted(entry["event"] for entry in log) == [
        "users are written again",
        "users wait: the store fails",
        "what others change of users is heard again",
        "what others change of users is not heard: the store fails",
    ]


@run_trio
async def test_what_still_waits_at_the_end_is_said_to_be_lost(postgresql, tmp_path: Path):
    place = Place(tmp_path, "postgresql:///none?host=/nowhere&user=callflow")
    with structlog.testing.capture_logs() as log:
        async with users(place) as kept:
            kept.put(ALICE)
    assert [(entry["event"], entry.get("lost")) for entry in log][-1] == (
        "changes of users are lost: the store fails at the end", 1,
    )  # fmt: skip


@run_trio
async def test_that_it_was_started_again_in_between_nobody_hears(postgresql, tmp_path: Path):
    with structlog.testing.capture_logs() as log:
        async with recording(Place(tmp_path, postgresql.url())) as records:
            records.write(record("before"))
            assert await channels(records) == ["before"]
            await postgresql.kill()
            await postgresql.start_again()
            assert await channels(records) == ["before"]
    assert log == []


@run_trio
async def test_one_that_stands_still_is_not_waited_for(postgresql, tmp_path: Path, monkeypatch):
    told: list = []
    with structlog.testing.capture_logs() as log:
        async with recording(Place(tmp_path, postgresql.url() + "&connect_timeout=2"), told) as records:
            records.write(record("before"))
            await until(lambda: told)
            with postgresql.stopped():
                monkeypatch.setattr(module, "ANSWER_WITHIN", 0.2)
                records.write(record("meanwhile"))
                await until(lambda: log)
            monkeypatch.setattr(module, "ANSWER_WITHIN", 60.0)
            await until(lambda: len(told) == 2)
    assert [entry["event"] for entry in log] == LOST_AND_BACK


@run_trio
async def test_what_is_damaged_there_is_left_to_who_can_mend_it(postgresql, tmp_path: Path):
    url, told = postgresql.url(), []
    async with recording(Place(tmp_path, url), told) as records:
        records.write(record("before"))
        await until(lambda: told)
    file = postgresql.file_of("records", url)
    postgresql.stop("fast")
    file.write_bytes(b"no page of a table" * 1000)
    postgresql.start()
    with structlog.testing.capture_logs() as log:
        async with recording(Place(tmp_path, url), told) as records:
            records.write(record("meanwhile"))
            await until(lambda: log)
            assert "invalid page" in log[0]["error"]
            with psycopg.connect(url) as connection:
                connection.execute("TRUNCATE records")
            await until(lambda: len(told) == 2)
            assert await channels(records) == ["meanwhile"]
    assert [entry["event"] for entry in log] == LOST_AND_BACK


@run_trio
async def test_one_that_was_made_anew_gets_what_the_engine_knows(postgresql, tmp_path: Path):
    url = postgresql.url()
    async with users(Place(tmp_path, url)) as kept:
        kept.on_begun_anew = lambda: kept.put(ALICE)
        kept.put(ALICE)
        kept.put(StoredUser("bob", "callflow", "c" * 32, "d" * 64))
        await until(lambda: _there(url) == ["alice", "bob"])
        with psycopg.connect(url) as connection:
            connection.execute("DROP TABLE users, migrations")
        kept.drop("bob")
        await until(lambda: _there(url) == ["alice"])


def _there(url: str) -> list[str]:
    try:
        return names(url)
    except psycopg.errors.UndefinedTable:
        return []


@run_trio
async def test_a_query_that_takes_too_long_is_given_up(postgresql, tmp_path: Path):
    connection = Place(tmp_path, postgresql.url()).records.connect(RECORDS)
    with pytest.raises(StoreError, match="timeout"):
        with connection.within(0.05):
            connection.select("SELECT pg_sleep(100)")
    assert connection.select("SELECT 1") == [(1,)]
    connection.close()


@run_trio
async def test_a_change_that_cannot_be_held_is_lost_alone_and_that_is_said(postgresql, tmp_path: Path):
    url = postgresql.url()
    keeper = Keeper(Place(tmp_path, url).users, USERS, epoch=time.time, what="users")
    with structlog.testing.capture_logs() as log:
        async with trio.open_nursery() as nursery:
            for name in ("alice", secrets.token_hex(10_000), "bob"):
                keeper.change(name, [("INSERT INTO users VALUES (?, '', '', '', '')", (name,))])
            nursery.start_soon(keeper.run)
            nursery.cancel_scope.cancel()
    assert names(url) == ["alice", "bob"]
    assert [entry["event"] for entry in log] == ["of users one is lost: the database cannot hold it"]


@run_trio
async def test_two_engines_write_the_same_user_at_once_and_one_of_both_stands(postgresql, tmp_path: Path):
    url = postgresql.url()
    with structlog.testing.capture_logs() as log:
        async with users(Place(tmp_path / "a", url)) as first, users(Place(tmp_path / "b", url)) as second:
            for _ in range(20):
                first.put(ALICE)
                second.put(ALICE)
                await first.load()
                await second.load()
    assert log == []
    assert names(url) == ["alice"]


@run_trio
async def test_two_engines_may_begin_at_once_and_each_finds_the_records_of_both(postgresql, tmp_path: Path):
    url = postgresql.url()
    told: list = []
    async with (
        recording(Place(tmp_path / "a", url), told) as first,
        recording(Place(tmp_path / "b", url), told) as second,
    ):
        first.write(record("first"))
        second.write(record("second"))
        await until(lambda: len(told) == 2)
        assert sorted(await channels(first)) == sorted(await channels(second)) == ["first", "second"]


@run_trio
async def test_a_database_that_cannot_hold_every_letter_is_refused(postgresql, tmp_path: Path):
    url = postgresql.database("latin", "LATIN1")
    with pytest.raises(StoreError, match="expected a database in the encoding UTF8, got LATIN1"):
        Place(tmp_path, url).users.connect(USERS)


def test_what_the_log_says_of_it_tells_no_password(tmp_path: Path):
    place = Place(tmp_path, "postgresql://callflow:secret@db.example:5433/phones?sslmode=require")
    assert str(place.users) == "postgresql://db.example:5433/phones"
    assert "secret" not in repr(place)
