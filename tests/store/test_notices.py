"""Engines with one PostgreSQL server hear of each other's users."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import trio

from engine.store.place import Place
from engine.store.users import DatabaseUsers, StoredUser, UserTable
from tests.interop.process import until
from tests.trio_tests import run_trio

ALICE = StoredUser("alice", "callflow", "a" * 32, "b" * 64)
BOB = StoredUser("bob", "callflow", "c" * 32, "d" * 64)


_LISTENERS = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND state = 'idle'"


@asynccontextmanager
async def engine(place: Place):
    """The users of one, and what is there of each, as it is told."""
    kept, known = DatabaseUsers(place.users, epoch=time.time), {}
    kept.on_told = known.update
    for user in await kept.load():
        known[user.name] = user
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        yield kept, known
        nursery.cancel_scope.cancel()


@run_trio
async def test_what_one_writes_the_other_knows(postgresql, tmp_path: Path):
    place = Place(tmp_path, postgresql.url())
    async with engine(place) as (first, _), engine(place) as (_, known):
        first.put(ALICE)
        await until(lambda: known.get("alice") == ALICE)
        first.put(StoredUser("alice", "callflow", "e" * 32, "f" * 64))
        await until(lambda: known["alice"].md5 == "e" * 32)
        first.drop("alice")
        await until(lambda: known["alice"] is None)


@run_trio
async def test_a_command_is_heard_too(postgresql, tmp_path: Path):
    place = Place(tmp_path, postgresql.url())
    async with engine(place) as (_, known):
        await trio.to_thread.run_sync(lambda: UserTable(place.users).write(put=[ALICE, BOB]))
        await until(lambda: known.get("alice") == ALICE and known.get("bob") == BOB)
        await trio.to_thread.run_sync(lambda: UserTable(place.users).write(drop=["alice"]))
        await until(lambda: known["alice"] is None)


@run_trio
async def test_what_nobody_was_told_of_is_found_when_it_listens_again(postgresql, tmp_path: Path):
    url = postgresql.url()
    place = Place(tmp_path, url)
    UserTable(place.users).write(put=[ALICE])
    async with engine(place) as (_, known):
        with psycopg.connect(url, autocommit=True) as other:
            await until(lambda: other.execute(_LISTENERS).fetchall())
            other.execute("UPDATE users SET name = 'bob', md5 = %s, sha256 = %s", ["c" * 32, "d" * 64])
            other.execute(f"SELECT pg_terminate_backend(pid) FROM ({_LISTENERS}) AS listeners".encode())
        await until(lambda: known == {"alice": None, "bob": BOB})


@run_trio
async def test_many_at_once_are_all_heard_of(postgresql, tmp_path: Path):
    place = Place(tmp_path, postgresql.url())
    async with engine(place) as (first, _), engine(place) as (_, known):
        for number in range(1200):
            first.put(StoredUser(f"u{number}", "callflow", "a" * 32, "b" * 64))
        await until(lambda: len(known) == 1200)
