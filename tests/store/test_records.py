"""Records are found again, whatever keeps them: one suite for SQLite, PostgreSQL and memory."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from callflow.protocol.commands import Records
from callflow.protocol.events import MediaStatistics
from engine.store.memory import MemoryRecords
from engine.store.place import Place
from engine.store.recorder import Recorder
from engine.store.records import MAX_WAITING, Overloaded, RecordIds
from tests.trio_tests import run_trio

from .records import ask, channels, record


@pytest.fixture(params=["sqlite", "postgresql", "memory"])
def store(request, tmp_path):
    """Opens a store; the records that it says are written go to the list."""
    url = request.getfixturevalue("postgresql").url() if request.param == "postgresql" else None
    place = None if request.param == "memory" else Place(tmp_path, url)

    @asynccontextmanager
    async def opened(told=None):
        hear = [].append if told is None else told.append
        records = (
            MemoryRecords(lambda: 1000.0, on_written=hear)
            if place is None
            else Recorder(place.records, place.pending, epoch=lambda: 1000.0, on_written=hear)
        )
        async with trio.open_nursery() as nursery:
            await nursery.start(records.run)
            yield records
            nursery.cancel_scope.cancel()

    return opened


@run_trio
async def test_a_record_comes_back_as_it_was_written(store):
    full = record(
        app="ivr", route="1...", user="alice", parent="p", bridged_with=("b", "c"), answered_at=105.0, billable=5.0,
        codec="PCMU", received=MediaStatistics(250, 1, 0.5), variables={"account": "7"}, caller_name="Ali ce",
    )  # fmt: skip
    async with store() as records:
        records.write(full)
        (found,) = await ask(records)
    assert found.id
    assert found == type(full)(**{name: getattr(full, name) for name in full.__struct_fields__} | {"id": found.id})


@run_trio
async def test_records_are_paged_in_the_order_in_which_they_were_written(store):
    async with store() as records:
        for number in range(5):
            records.write(record(f"c{number}"))
        first = await ask(records, limit=2)
        assert [found.channel for found in first] == ["c0", "c1"]
        assert await channels(records, limit=2, after=first[-1].id) == ["c2", "c3"]
        assert await channels(records, after=first[-1].id) == ["c2", "c3", "c4"]


@run_trio
async def test_they_are_filtered_by_time_user_and_number(store):
    async with store() as records:
        records.write(record("early", ended_at=10.0))
        records.write(record("dialled", ended_at=20.0, to="2000"))
        records.write(record("caller", ended_at=30.0, caller="2000", user="bob"))
        records.write(record("callee", ended_at=40.0, callee="2000"))
        assert await channels(records, since=20.0) == ["dialled", "caller", "callee"]
        assert await channels(records, until=20.0) == ["early"]
        assert await channels(records, number="2000") == ["dialled", "caller", "callee"]
        assert await channels(records, number="2000", since=25.0, until=35.0) == ["caller"]
        assert await channels(records, user="bob") == ["caller"]
        assert await channels(records, user="carol") == []


@run_trio
async def test_the_legs_of_a_call_are_found_from_any_of_them(store):
    async with store() as records:
        records.write(record("inbound", bridged_with=("second",)))
        records.write(record("first", parent="inbound"))
        records.write(record("second", parent="inbound", bridged_with=("inbound", "third")))
        records.write(record("third"))
        records.write(record("another"))
        for leg in ("inbound", "first", "second", "third"):
            assert await channels(records, call=leg) == ["inbound", "first", "second", "third"]
        assert await channels(records, call="another") == ["another"]
        assert await channels(records, call="nobody") == []


@run_trio
async def test_a_channel_id_that_was_used_again_has_two_records(store):
    async with store() as records:
        records.write(record("same", ended_at=1.0))
        records.write(record("same", ended_at=2.0))
        assert [found.ended_at for found in await ask(records, call="same")] == [1.0, 2.0]


@run_trio
async def test_each_record_is_told_once_when_it_is_written(store):
    told = []
    async with store(told) as records:
        records.write(record("c1"))
        await ask(records)
        records.write(record("c2"))
        await ask(records)
    assert [found.channel for found in told] == ["c1", "c2"]
    assert told[0].id < told[1].id


@run_trio
async def test_too_many_queries_are_refused(store):
    async with store() as records:
        for _ in range(MAX_WAITING):
            records.find(Records(), lambda found: None)
        answers = []
        records.find(Records(), answers.append)
        assert isinstance(answers[0], Overloaded)


def test_ids_sort_by_time_also_when_the_clock_goes_back():
    times = iter([2000.0, 1000.0, 1000.0, 3000.0])
    new_id = RecordIds(lambda: next(times))
    ids = [new_id() for _ in range(4)]
    assert ids == sorted(set(ids))
    late = RecordIds(lambda: 1.0)
    late.go_past(ids[-1])
    assert late() > ids[-1]
