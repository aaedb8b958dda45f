"""What stays of calls: a record of each leg, written apart from the event log, and found over the event socket."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from callflow import Answered, App, Call
from callflow.protocol.commands import Records
from callflow.protocol.events import ChannelBridged, ChannelCreated, ChannelEnded, RecordWritten
from callflow.protocol.frames import Hello
from callflow.protocol.records import CallRecord
from engine.eventsocket.memory import open_memory_session
from engine.eventsocket.tokens import Tokens
from tests.eventsocket.engine import OWNER, READER
from tests.eventsocket.engine import App as Reader

app = App("recorded")
pytestmark = pytest.mark.callflow(app)


@app.route("200")
async def connect(call: Call) -> None:
    await call.set(account="77")
    result = await call.dial("bob", timeout=5)
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@asynccontextmanager
async def joined(simulation, token=READER):
    """An app beside the one that has the calls."""
    async with trio.open_nursery() as nursery:
        stream = open_memory_session(simulation.switch.sockets, nursery, tokens=Tokens([READER, OWNER]))
        reader = Reader(stream, "reader")
        await reader.send(Hello(app="reader", token=token.secret))
        await reader.next()
        yield reader
        await reader.close()
        nursery.cancel_scope.cancel()


async def find(reader, **query) -> list[CallRecord]:
    reply = await reader.do(Records(**query))
    assert reply.ok, reply.error
    return reader.connection.data(reply, list[CallRecord])


async def make_call(simulation) -> None:
    alice, bob = simulation.phones.get("alice") or simulation.phone("alice"), simulation.phones.get("bob")
    bob = bob or simulation.phone("bob", answers_after=1)
    alice.call("200")
    await alice.connected_to(bob)
    await simulation.wait(3)
    alice.hang_up()
    await bob.ended()
    await simulation.wait(1)


async def test_each_leg_has_a_record_that_leads_to_the_other(simulation):
    await make_call(simulation)
    async with joined(simulation) as reader:
        caller, callee = sorted(await find(reader), key=lambda record: record.direction)
        for leg in (caller, callee):
            assert {found.channel for found in await find(reader, call=leg.channel)} == {caller.channel, callee.channel}
    assert (caller.direction, caller.caller, caller.to, caller.user) == ("inbound", "alice", "200", "alice")
    assert (callee.direction, callee.parent, callee.app) == ("outbound", caller.channel, "recorded")
    assert (caller.bridged_with, callee.bridged_with) == ((callee.channel,), (caller.channel,))
    assert caller.variables == {"account": "77"}
    assert caller.billable == pytest.approx(3, abs=0.5)
    assert caller.received.packets == pytest.approx(150, abs=30)
    assert (caller.ended_by, caller.cause_name, caller.codec) == ("caller", "normal_clearing", "PCMU")


async def test_records_and_the_event_log_say_the_same_each_in_its_own_way(simulation):
    for _ in range(3):
        await make_call(simulation)
    created = {seen.channel: seen.event for seen in simulation.history if isinstance(seen.event, ChannelCreated)}
    ended = {seen.channel: seen.event for seen in simulation.history if isinstance(seen.event, ChannelEnded)}
    bridged = {seen.channel: seen.event.other for seen in simulation.history if isinstance(seen.event, ChannelBridged)}
    async with joined(simulation) as reader:
        records = {record.channel: record for record in await find(reader)}
    assert records.keys() == ended.keys() == created.keys()
    for channel, record in records.items():
        assert record.parent == created[channel].parent
        assert record.bridged_with == (bridged[channel],)
        assert (record.billable, record.ended_at) == (ended[channel].billable, ended[channel].ended_at)
    assert {told.record.id for told in simulation.happened(RecordWritten)} == {record.id for record in records.values()}


async def test_a_refused_leg_has_one_too(simulation):
    alice = simulation.phone("alice")
    simulation.phone("bob", rejects=486)
    alice.call("200")
    await alice.ended()
    await simulation.wait(1)
    async with joined(simulation) as reader:
        (refused,) = [record for record in await find(reader) if record.direction == "outbound"]
    assert (refused.sip_status, refused.phase, refused.billable, refused.ended_by) == (486, "ringing", 0.0, "callee")


async def test_records_are_paged_and_only_for_those_who_may_read(simulation):
    await make_call(simulation)
    async with joined(simulation) as reader:
        (first,) = await find(reader, limit=1)
        assert len(await find(reader, after=first.id)) == 1
        assert await find(reader, number="nobody") == []
        for limit in (0, 101):
            assert (await reader.do(Records(limit=limit))).error.code == "bad_argument"
    async with joined(simulation, OWNER) as owner:
        assert (await owner.do(Records())).error.code == "unauthorized"


async def test_many_queries_at_once_are_all_answered(simulation):
    async with joined(simulation) as reader:
        await reader.send(*(reader.connection.command(f"q{number}", Records()) for number in range(150)))
        replies = [await reader.next() for _ in range(150)]
    assert {reply.id for reply in replies} == {f"q{number}" for number in range(150)}
    assert all(reply.ok for reply in replies)
