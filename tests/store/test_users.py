"""Users in their database, whatever it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import structlog.testing
import trio

from engine.registrar.directory import row_of, user_of
from engine.registrar.users import User
from engine.store.place import Place
from engine.store.records import StoreError
from engine.store.users import DatabaseUsers, StoredUser, UserTable
from tests.trio_tests import run_trio

ALICE = StoredUser("alice", "callflow", "a" * 32, "b" * 64, '{"context":"sales"}')
BOB = StoredUser("bob", "callflow", "c" * 32, "d" * 64)


def users(place: Place) -> DatabaseUsers:
    return DatabaseUsers(place.users, epoch=lambda: 1e9)


async def load(place: Place) -> list[StoredUser]:
    """What another engine finds."""
    kept = users(place)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        found = list(await kept.load())
        nursery.cancel_scope.cancel()
    return found


async def change(store: DatabaseUsers, *, put: tuple[StoredUser, ...] = (), drop: tuple[str, ...] = ()) -> None:
    """What is asked for before the end is written at the end."""
    async with trio.open_nursery() as nursery:
        for user in put:
            store.put(user)
        for name in drop:
            store.drop(name)
        nursery.start_soon(store.run)
        nursery.cancel_scope.cancel()


@run_trio
async def test_they_are_there_again_after_a_restart(store):
    await change(users(store.place), put=(BOB, ALICE))
    assert await load(store.place) == [ALICE, BOB]
    other = StoredUser("bob", "callflow", "e" * 32, "f" * 64)
    await change(users(store.place), put=(other,), drop=("alice",))
    assert await load(store.place) == [other]


@run_trio
async def test_a_command_and_an_engine_find_the_same(store):
    file = UserTable(store.place.users)
    assert list(file.load()) == []
    file.write(put=[ALICE, BOB])
    assert await load(store.place) == [ALICE, BOB]
    await change(users(store.place), drop=("alice",))
    assert file.load() == [BOB]
    file.write(drop=["bob"])
    assert file.load() == []


@run_trio
async def test_whether_media_of_a_user_is_encrypted_is_there_again(store):
    made = [replace(User.of(name, "x"), srtp=policy) for name, policy in (("a", None), ("b", "off"), ("c", "required"))]
    await change(users(store.place), put=tuple(map(row_of, made)))
    assert [user_of(row) for row in await load(store.place)] == made


def test_users_are_nobody_elses_business(tmp_path: Path):
    UserTable(Place(tmp_path).users).write(put=[ALICE])
    assert (tmp_path / "users.db").stat().st_mode & 0o77 == 0


@run_trio
async def test_a_damaged_file_stops_no_start_and_is_told(tmp_path: Path):
    (tmp_path / "users.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError):
        UserTable(Place(tmp_path).users).load()
    with structlog.testing.capture_logs() as log:
        assert await load(Place(tmp_path)) == []
    assert [entry["log_level"] for entry in log] == ["error"]
