"""Records outlive whatever happens to the engine and to the database."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import time
from contextlib import asynccontextmanager, closing

import pytest
import structlog
import trio

from callflow.protocol.records import CallRecord
from engine.store import connection, database, pending, sqlite
from engine.store.records import StoreError
from engine.store.sqlite import SqliteRecords
from tests.trio_tests import run_trio

from .records import ask, channels, record


@asynccontextmanager
async def opened(folder, told=None, **options):
    hear = [].append if told is None else told.append
    records = SqliteRecords(folder, epoch=time.time, on_written=hear, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(records.run)
        yield records
        nursery.cancel_scope.cancel()


def rows(folder, statement="SELECT channel FROM records ORDER BY id") -> list:
    with closing(sqlite3.connect(folder / "callflow.db")) as connection:
        return [row[0] for row in connection.execute(statement)]


def segments(folder) -> list:
    return sorted((folder / "records.pending").glob("*/*.jsonl"))


async def until(is_so) -> None:
    while not is_so():  # noqa: ASYNC110 - another thread's doing
        await trio.sleep(0.01)


@run_trio
async def test_what_was_written_is_there_at_the_next_start_and_no_file_waits(tmp_path):
    async with opened(tmp_path) as records:
        records.write(record("c1"))
    assert rows(tmp_path) == ["c1"]
    assert segments(tmp_path) == []
    async with opened(tmp_path) as records:
        records.write(record("c2"))
        assert await channels(records) == ["c1", "c2"]
    assert (tmp_path / "callflow.db").stat().st_mode & 0o077 == 0


@run_trio
async def test_columns_can_be_asked_for_by_any_program_that_reads_sqlite(tmp_path):
    async with opened(tmp_path) as records:
        records.write(record("c1", to="2000", billable=3.5))
    assert rows(tmp_path, "SELECT dialled FROM records WHERE billable > 3") == ["2000"]


_WRITER = """
import os, signal, sys
from pathlib import Path
from engine.store.sqlite import SqliteRecords
from tests.store.records import record
records = SqliteRecords(Path(sys.argv[1]), epoch=lambda: 1000.0)
for number in range(100):
    records.write(record(f"c{number}"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@run_trio
async def test_what_was_written_survives_a_kill_before_any_commit(tmp_path):
    process = await trio.run_process([sys.executable, "-c", _WRITER, str(tmp_path)], check=False)
    assert process.returncode == -signal.SIGKILL
    told = []
    async with opened(tmp_path, told) as records:
        assert len(await ask(records)) == 100
    assert len(told) == 100


@run_trio
async def test_two_engines_may_share_a_folder_and_one_takes_over_what_the_other_left(tmp_path):
    async with opened(tmp_path) as first:
        killed = await trio.run_process([sys.executable, "-c", _WRITER, str(tmp_path)], check=False)
        assert killed.returncode == -signal.SIGKILL
        first.write(record("mine"))
        assert await channels(first) == ["mine"]
        async with opened(tmp_path) as third:
            assert len(await channels(third, limit=1000)) == 101
            first.write(record("mine again"))
            assert len(await channels(first, limit=1000)) == 102
            third.write(record("its"))
            assert len(await channels(third, limit=1000)) == 103
    assert segments(tmp_path) == []


@run_trio
async def test_a_crash_between_the_commit_and_the_clearing_gives_no_record_twice(tmp_path):
    told = []
    async with opened(tmp_path, told) as records:
        records.write(record("c1"))
        kept = {path: path.read_bytes() for path in segments(tmp_path)}
        await ask(records)
    for path, content in kept.items():
        path.write_bytes(content + b'{"channel": "torn')
    async with opened(tmp_path, told) as records:
        records.write(record("c2"))
        assert await channels(records) == ["c1", "c2"]
    assert [found.channel for found in told] == ["c1", "c2"]


@run_trio
async def test_while_the_database_is_locked_records_wait_and_reading_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "LOCKED_AFTER", 0.05)
    told = []
    with structlog.testing.capture_logs() as log:
        async with opened(tmp_path, told) as records:
            records.write(record("c1"))
            await until(lambda: told)
            with closing(sqlite3.connect(tmp_path / "callflow.db", isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                records.write(record("c2"))
                assert await channels(records) == ["c1"]
                await until(lambda: log)
                other.execute("ROLLBACK")
            await until(lambda: len(told) == 2)
            assert await channels(records) == ["c1", "c2"]
    assert [entry["event"] for entry in log] == [
        "call records wait: the store fails",
        "call records are written again",
    ]
    assert "locked" in log[0]["error"]


@run_trio
async def test_a_damaged_database_is_put_aside_and_nothing_is_lost(tmp_path):
    (tmp_path / "callflow.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with structlog.testing.capture_logs() as log:
        async with opened(tmp_path) as records:
            records.write(record("c1"))
            assert await channels(records) == ["c1"]
    (kept,) = tmp_path.glob("callflow.db.damaged-*")
    assert kept.read_bytes().startswith(b"no database")
    assert "put aside" in log[0]["event"]


@run_trio
async def test_a_database_of_a_newer_version_is_left_alone_and_records_wait(tmp_path):
    async with opened(tmp_path):
        pass
    with closing(sqlite3.connect(tmp_path / "callflow.db")) as connection, connection:
        connection.execute("INSERT INTO migrations VALUES (99, 0)")
    async with opened(tmp_path) as records:
        records.write(record("c1"))
        assert isinstance(await ask(records), StoreError)
    with closing(sqlite3.connect(tmp_path / "callflow.db")) as connection, connection:
        connection.execute("DELETE FROM migrations WHERE version = 99")
    async with opened(tmp_path) as records:
        assert await channels(records) == ["c1"]


@run_trio
async def test_a_bound_of_waiting_records_sends_the_rest_to_memory_until_there_is_room(tmp_path):
    async with opened(tmp_path, max_pending=1000) as records:
        for number in range(20):
            records.write(record(f"c{number}"))
        found = []
        while len(found) < 20:
            found = await channels(records)
        assert found == [f"c{number}" for number in range(20)]


@run_trio
async def test_beyond_all_bounds_the_oldest_are_lost_and_the_log_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sqlite, "MAX_UNSAVED", 3)
    with structlog.testing.capture_logs() as log:
        async with opened(tmp_path, max_pending=0) as records:
            for number in range(5):
                records.write(record(f"c{number}"))
    assert [entry["event"] for entry in log][:2] == [
        "call records wait: the store fails",
        "call records are lost: there is no room for them",
    ]


@run_trio
async def test_many_segments_are_read_in_their_order_and_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(pending, "MAX_SEGMENT", 1000)
    async with opened(tmp_path) as records:
        for number in range(50):
            records.write(record(f"c{number}"))
        assert await channels(records) == [f"c{number}" for number in range(50)]
        assert len(segments(tmp_path)) == 1
    assert segments(tmp_path) == []


def test_what_is_read_says_whether_more_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(pending, "MAX_SEGMENT", 1)
    waiting = pending.Pending(tmp_path)
    waiting.append(b"1\n")
    waiting.append(b"2\n")
    assert (waiting.read(), waiting.is_last) == ([b"1"], False)
    waiting.advance()
    assert (waiting.read(), waiting.is_last) == ([b"2"], True)
    waiting.advance()
    waiting.close()


def test_while_many_records_come_they_gather_longer():
    assert sqlite.gather_after(sqlite.MANY - 1) == sqlite.COMMIT_AFTER
    assert sqlite.gather_after(sqlite.MANY) == sqlite.COMMIT_BUSY_AFTER > sqlite.COMMIT_AFTER


@run_trio
async def test_a_record_with_more_variables_than_fit_goes_without_them(tmp_path):
    async with opened(tmp_path) as records:
        records.write(record("c1", variables={"long": "x" * sqlite.MAX_LINE}))
        (found,) = await ask(records)
    assert found.variables == {}


@run_trio
async def test_a_query_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "QUERY_WITHIN", -1.0)
    async with opened(tmp_path) as records:
        for number in range(2000):
            records.write(record(f"c{number}"))
        assert isinstance(await ask(records, limit=1000), StoreError)


def test_a_folder_that_cannot_be_had_is_said_at_once(tmp_path):
    (tmp_path / "records.pending").write_text("a file in its place")
    with pytest.raises(OSError, match="directory"):
        SqliteRecords(tmp_path, epoch=lambda: 0.0)


def test_writing_costs_the_loop_little(tmp_path):
    """Counted in system calls, not in time: one write(2) for each record, and one file opened in all."""
    calls: list[str] = []
    kept = os.write

    def write(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return kept(descriptor, data)

    records = SqliteRecords(tmp_path, epoch=lambda: 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        for number in range(100):
            records.write(record(f"c{number}"))
    assert len(calls) == 100
    assert isinstance(record(), CallRecord)
