"""Users in their file."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog.testing
import trio

from engine.store.records import StoreError
from engine.store.users import SqliteUsers, StoredUser, UsersFile
from tests.trio_tests import run_trio

ALICE = StoredUser("alice", "callflow", "a" * 32, "b" * 64, '{"context":"sales"}')
BOB = StoredUser("bob", "callflow", "c" * 32, "d" * 64)


def users(folder: Path) -> SqliteUsers:
    return SqliteUsers(folder, epoch=lambda: 1e9)


async def change(store: SqliteUsers, *, put: tuple[StoredUser, ...] = (), drop: tuple[str, ...] = ()) -> None:
    """What is asked for before the end is written at the end."""
    async with trio.open_nursery() as nursery:
        for user in put:
            store.put(user)
        for name in drop:
            store.drop(name)
        nursery.start_soon(store.run)
        nursery.cancel_scope.cancel()


@run_trio
async def test_they_are_there_again_after_a_restart(tmp_path: Path):
    await change(users(tmp_path), put=(BOB, ALICE))
    assert await users(tmp_path).load() == [ALICE, BOB]
    other = StoredUser("bob", "callflow", "e" * 32, "f" * 64)
    await change(users(tmp_path), put=(other,), drop=("alice",))
    assert await users(tmp_path).load() == [other]
    assert (tmp_path / "users.db").stat().st_mode & 0o77 == 0


@run_trio
async def test_a_command_and_an_engine_find_the_same(tmp_path: Path):
    file = UsersFile(tmp_path)
    assert file.load() == ()
    file.write(put=[ALICE, BOB])
    assert await users(tmp_path).load() == [ALICE, BOB]
    await change(users(tmp_path), drop=("alice",))
    assert file.load() == [BOB]
    file.write(drop=["bob"])
    assert file.load() == []


@run_trio
async def test_a_damaged_file_stops_no_start_and_is_told(tmp_path: Path):
    (tmp_path / "users.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreError):
        UsersFile(tmp_path).load()
    with structlog.testing.capture_logs() as log:
        assert await users(tmp_path).load() == ()
    assert [entry["log_level"] for entry in log] == ["error", "error"]
