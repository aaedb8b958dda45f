"""Records outlive whatever happens to the engine and to the database."""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from contextlib import asynccontextmanager

import pytest
import structlog
import trio

from callflow.protocol.records import CallRecord
from engine.store import pending, record_table, recorder
from engine.store.place import Place
from engine.store.recorder import Recorder
from engine.store.records import StoreError
from tests.interop.process import until
from tests.trio_tests import run_trio

from .records import ask, channels, record


@asynccontextmanager
async def opened(place, told=None, **options):
    hear = [].append if told is None else told.append
    records = Recorder(place.records, place.pending, epoch=time.time, on_written=hear, **options)
    async with trio.open_nursery() as nursery:
        await nursery.start(records.run)
        yield records
        nursery.cancel_scope.cancel()


CHANNELS = "SELECT channel FROM records ORDER BY id"


def segments(place) -> list:
    return sorted(place.pending.glob("*/*.jsonl"))


@run_trio
async def test_what_was_written_is_there_at_the_next_start_and_no_file_waits(store):
    async with opened(store.place) as records:
        records.write(record("c1"))
    assert store.rows("records", CHANNELS) == ["c1"]
    assert segments(store.place) == []
    async with opened(store.place) as records:
        records.write(record("c2"))
        assert await channels(records) == ["c1", "c2"]
    assert [path for path in store.place.folder.glob("*.db") if path.stat().st_mode & 0o077] == []


@run_trio
async def test_columns_can_be_asked_for_by_any_program_that_reads_the_database(store):
    async with opened(store.place) as records:
        records.write(record("c1", to="2000", billable=3.5))
    assert store.rows("records", "SELECT dialled FROM records WHERE billable > 3") == ["2000"]


_WRITER = """
import os, signal, sys
from pathlib import Path
from engine.store.place import Place
from engine.store.recorder import Recorder
from tests.store.records import record
place = Place(Path(sys.argv[1]))
records = Recorder(place.records, place.pending, epoch=lambda: 1000.0)
for number in range(100):
    records.write(record(f"c{number}"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@run_trio
async def test_what_was_written_survives_a_kill_before_any_commit(store):
    process = await trio.run_process([sys.executable, "-c", _WRITER, str(store.place.folder)], check=False)
    assert process.returncode == -signal.SIGKILL
    told = []
    async with opened(store.place, told) as records:
        assert len(await ask(records)) == 100
    assert len(told) == 100


@run_trio
async def test_two_engines_may_share_a_folder_and_one_takes_over_what_the_other_left(store):
    async with opened(store.place) as first:
        killed = await trio.run_process([sys.executable, "-c", _WRITER, str(store.place.folder)], check=False)
        assert killed.returncode == -signal.SIGKILL
        first.write(record("mine"))
        assert await channels(first) == ["mine"]
        async with opened(store.place) as third:
            assert len(await channels(third, limit=1000)) == 101
            first.write(record("mine again"))
            assert len(await channels(first, limit=1000)) == 102
            third.write(record("its"))
            assert len(await channels(third, limit=1000)) == 103
    assert segments(store.place) == []


@run_trio
async def test_a_crash_between_the_commit_and_the_clearing_gives_no_record_twice(store):
    told = []
    async with opened(store.place, told) as records:
        records.write(record("c1"))
        kept = {path: path.read_bytes() for path in segments(store.place)}
        await ask(records)
    for path, content in kept.items():
        path.write_bytes(content + b'{"channel": "torn')
    async with opened(store.place, told) as records:
        records.write(record("c2"))
        assert await channels(records) == ["c1", "c2"]
    assert [found.channel for found in told] == ["c1", "c2"]


@run_trio
async def test_while_the_database_is_locked_records_wait_and_reading_goes_on(store, impatient):
    told = []
    with structlog.testing.capture_logs() as log:
        async with opened(store.place, told) as records:
            records.write(record("c1"))
            await until(lambda: told)
            with store.locked("records"):
                records.write(record("c2"))
                assert await channels(records) == ["c1"]
                await until(lambda: log)
            await until(lambda: len(told) == 2)
            assert await channels(records) == ["c1", "c2"]
    assert [entry["event"] for entry in log] == [
        "call records wait: the store fails",
        "call records are written again",
    ]
    assert "lock" in log[0]["error"]


@run_trio
async def test_while_the_disk_is_full_records_wait_and_are_written_when_there_is_room(store):
    told = []
    with structlog.testing.capture_logs() as log:
        async with opened(store.place, told) as records:
            with store.full():
                for number in range(250):  # nearly two megabytes, which nobody can compress
                    records.write(record(f"c{number}", variables={"noise": secrets.token_hex(3500)}))
                await until(lambda: log)
            await until(lambda: len(told) == 250)
            assert len(await channels(records, limit=1000)) == 250
    assert [entry["event"] for entry in log] == [
        "call records wait: the store fails",
        "call records are written again",
    ]


@run_trio
async def test_a_damaged_database_is_put_aside_and_nothing_is_lost(tmp_path):
    (tmp_path / "callflow.db").write_bytes(b"no database at all, but long enough to be looked at" * 100)
    with structlog.testing.capture_logs() as log:
        async with opened(Place(tmp_path)) as records:
            records.write(record("c1"))
            assert await channels(records) == ["c1"]
    (kept,) = tmp_path.glob("callflow.db.damaged-*")
    assert kept.read_bytes().startswith(b"no database")
    assert "put aside" in log[0]["event"]


@run_trio
async def test_a_database_of_a_newer_version_is_left_alone_and_records_wait(store):
    async with opened(store.place) as records:
        records.write(record("c0"))
    columns, values = ("version, at", "99, 0") if store.kind == "sqlite" else ("subject, version", "'records', 99")
    store.change("records", f"INSERT INTO migrations ({columns}) VALUES ({values})")
    async with opened(store.place) as records:
        records.write(record("c1"))
        assert isinstance(await ask(records), StoreError)
    store.change("records", "DELETE FROM migrations WHERE version = 99")
    async with opened(store.place) as records:
        assert await channels(records) == ["c0", "c1"]


@run_trio
async def test_a_bound_of_waiting_records_sends_the_rest_to_memory_until_there_is_room(store):
    async with opened(store.place, max_pending=1000) as records:
        for number in range(20):
            records.write(record(f"c{number}"))
        found = []
        while len(found) < 20:
            found = await channels(records)
        assert found == [f"c{number}" for number in range(20)]


@run_trio
async def test_beyond_all_bounds_the_oldest_are_lost_and_the_log_says_so(store, monkeypatch):
    monkeypatch.setattr(recorder, "MAX_UNSAVED", 3)
    with structlog.testing.capture_logs() as log:
        async with opened(store.place, max_pending=0) as records:
            for number in range(5):
                records.write(record(f"c{number}"))
    assert [entry["event"] for entry in log][:2] == [
        "call records wait: the store fails",
        "call records are lost: there is no room for them",
    ]


@run_trio
async def test_many_segments_are_read_in_their_order_and_removed(store, monkeypatch):
    monkeypatch.setattr(pending, "MAX_SEGMENT", 1000)
    async with opened(store.place) as records:
        for number in range(50):
            records.write(record(f"c{number}"))
        assert await channels(records) == [f"c{number}" for number in range(50)]
        assert len(segments(store.place)) == 1
    assert segments(store.place) == []


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
    assert recorder.gather_after(recorder.MANY - 1) == recorder.COMMIT_AFTER
    assert recorder.gather_after(recorder.MANY) == recorder.COMMIT_BUSY_AFTER > recorder.COMMIT_AFTER


@run_trio
async def test_a_record_with_more_variables_than_fit_goes_without_them(store):
    async with opened(store.place) as records:
        records.write(record("c1", variables={"long": "x" * recorder.MAX_LINE}))
        (found,) = await ask(records)
    assert found.variables == {}


@run_trio
async def test_what_no_column_can_hold_is_kept_without_it(store):
    """Octets that are no text of PostgreSQL's, and more than its indexes hold."""
    async with opened(store.place) as records:
        records.write(record("c1", caller="a\0b", callee="é" * 3000))
        records.write(record("c2"))
        assert [(found.channel, found.caller) for found in await ask(records)] == [("c1", "a\0b"), ("c2", "alice")]


@run_trio
async def test_a_query_that_takes_too_long_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(record_table, "QUERY_WITHIN", -1.0)
    async with opened(Place(tmp_path)) as records:
        for number in range(2000):
            records.write(record(f"c{number}"))
        assert isinstance(await ask(records, limit=1000), StoreError)


def test_a_folder_that_cannot_be_had_is_said_at_once(tmp_path):
    (tmp_path / "records.pending").write_text("a file in its place")
    with pytest.raises(OSError, match="directory"):
        Recorder(Place(tmp_path).records, Place(tmp_path).pending, epoch=lambda: 0.0)


def test_writing_costs_the_loop_little(tmp_path):
    """Counted in system calls, not in time: one write(2) for each record, and one file opened in all."""
    calls: list[str] = []
    kept = os.write

    def write(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return kept(descriptor, data)

    records = Recorder(Place(tmp_path).records, Place(tmp_path).pending, epoch=lambda: 0.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        for number in range(100):
            records.write(record(f"c{number}"))
    assert len(calls) == 100
    assert isinstance(record(), CallRecord)
