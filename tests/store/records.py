"""Records to write, and what a store says of them."""

from __future__ import annotations

import trio

from callflow.protocol.commands import Records
from callflow.protocol.records import CallRecord
from engine.store.records import CallRecords, StoreError


def record(channel: str = "c1", **facts) -> CallRecord:
    known = {
        "direction": "inbound",
        "caller": "alice",
        "callee": "1000",
        "to": "1000",
        "created_at": 100.0,
        "ended_at": 110.0,
        "cause": 16,
        "cause_name": "normal_clearing",
        "ended_by": "caller",
        "phase": "answered",
    }
    return CallRecord(channel=channel, **{**known, **facts})


async def ask(records: CallRecords, **query) -> list[CallRecord] | StoreError:
    send, receive = trio.open_memory_channel(1)
    records.find(Records(**query), send.send_nowait)
    return await receive.receive()


async def channels(records: CallRecords, **query) -> list[str]:
    """The channels of the records that fit."""
    return [found.channel for found in await ask(records, **query)]
