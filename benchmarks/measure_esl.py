"""What the door for FreeSWITCH's clients costs: a round trip, an event to a subscriber, a connection that only stands.

What a call costs that an application behind `esl://` answers is beside the other doors, in `measure_calls`.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from functools import partial

import trio

from .bench import Bench
from .engine import RunningEngine, running_esl_engine
from .esl_client import EslClient, esl_client
from .figure import Figure, at_share, percent
from .load_signalling import place_calls
from .process import memory_kb
from .script import ANSWER

CALL_RATE = 300.0  # calls per second: all that happens to them is told
_EVENT = b"sendevent CUSTOM\nEvent-Subclass: benchmark::event\nNumber: 1\n\n"
_AT_ONCE = 1000  # events that are asked for before the answers to them are read
_MARK = b"\nContent-Type: text/event-plain\n"
_REPLY = b"Reply-Text: +OK "
_END = b"end-of-the-calls"


async def measure(bench: Bench) -> list[Figure]:
    """Round trips; events of clients and of calls; connections."""
    async with running_esl_engine(bench) as engine:
        bench.say("round trips of api commands")
        trips = await _measure_round_trips(bench, engine)
        bench.say("events of clients to a plain subscriber")
        sent = await _measure_sent_events(bench, engine)
        bench.say("events of calls to plain subscribers")
        told = await _measure_told_events(bench, engine)
        bench.say(f"{bench.sizes.connections} idle connections")
        return [*trips, sent, told, *await _measure_connections(bench, engine)]


async def _measure_round_trips(bench: Bench, engine: RunningEngine) -> list[Figure]:
    sizes = bench.sizes
    with esl_client(engine.esl) as client:
        before = engine.cpu()
        ask = partial(_round_trips, client, sizes.round_trips)
        runs = [await trio.to_thread.run_sync(ask) for _ in range(sizes.repetitions)]
        cost = (engine.cpu() - before) / (sizes.round_trips * sizes.repetitions)
    how = (
        f"{sizes.round_trips} `api create_uuid` on one connection, one after another, on an engine that does nothing "
        "else; a plain socket asks, from sending to the whole answer."
    )
    return [
        Figure(
            name=f"ESL api round trip, p{share}", unit="us",
            values=tuple(at_share(run, share) * 1e6 for run in runs), how=how,
            beside={"engine": f"{cost * 1e6:.0f} CPU-us"},
        )
        for share in (50, 99)
    ]  # fmt: skip


def _round_trips(client: EslClient, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        started_at = time.perf_counter()
        client.ask("api create_uuid")
        taken.append(time.perf_counter() - started_at)
    return sorted(taken)


async def _measure_sent_events(bench: Bench, engine: RunningEngine) -> Figure:
    sizes = bench.sizes
    rates, costs = [], []
    with esl_client(engine.esl) as sender, esl_client(engine.esl) as reader:
        reader.ask("event plain CUSTOM benchmark::event")
        for _ in range(sizes.repetitions):
            before, started_at = engine.cpu(), time.perf_counter()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, _send_events, sender, sizes.esl_events)
                await trio.to_thread.run_sync(reader.count, _MARK, sizes.esl_events)
            rates.append(sizes.esl_events / (time.perf_counter() - started_at))
            costs.append((engine.cpu() - before) / sizes.esl_events)
    return Figure(
        name="ESL event, sent and delivered",
        unit="events/s",
        values=tuple(rates),
        how=f"one client sends {sizes.esl_events} events by `sendevent`, {_AT_ONCE} before it reads their answers; "
        "another, subscribed plain, has them all.",
        beside={"engine, with the command": f"{min(costs) * 1e6:.0f} CPU-us/event"},
    )


def _send_events(client: EslClient, count: int) -> None:
    for _ in range(count // _AT_ONCE):
        client.send(_EVENT * _AT_ONCE)
        client.count(_REPLY, _AT_ONCE)


async def _measure_told_events(bench: Bench, engine: RunningEngine) -> Figure:
    """The first subscriber has the events made, the others only read them."""
    await _cost(bench, engine)  # everything is touched once
    none = await _cost(bench, engine)
    with ExitStack() as stack:
        readers = [await _subscriber(engine, stack)]
        events, first = await _counted(bench, engine, readers)
        readers += [await _subscriber(engine, stack) for _ in range(bench.sizes.subscribers - 1)]
        many_events, many = await _counted(bench, engine, readers)
    making = (first - none) / events
    more = (many - first) / (many_events - events)
    return Figure(
        name="ESL event of a call, to a plain subscriber",
        unit="events/s of a core",
        values=(1 / making,),
        how=f"{CALL_RATE:.0f} calls/s answered by the application, without a subscriber and with one of every event: "
        "how many events a core makes and delivers, from what the engine's CPU rises by.",
        beside={
            "cost": f"{making * 1e6:.0f} CPU-us/event",
            f"each of {bench.sizes.subscribers - 1} more subscribers": f"{more * 1e6:.1f} CPU-us/event",
        },
    )


async def _subscriber(engine: RunningEngine, stack: ExitStack) -> EslClient:
    client = stack.enter_context(esl_client(engine.esl))
    client.ask("event plain ALL")
    return client


async def _cost(bench: Bench, engine: RunningEngine) -> float:
    """CPU seconds of the engine, for calls."""
    await engine.wait_quiet()
    before = engine.cpu()
    await place_calls(bench, engine.server, ANSWER, rate=CALL_RATE, seconds=bench.sizes.call_time)
    await engine.wait_quiet()
    return engine.cpu() - before


async def _counted(bench: Bench, engine: RunningEngine, readers: list[EslClient]) -> tuple[int, float]:
    """The same with subscribers: how many events they had, and the CPU."""
    counts: list[int] = []

    def read(reader: EslClient) -> None:
        counts.append(reader.count_until(_MARK, _END))

    async with trio.open_nursery() as nursery:
        for reader in readers:
            nursery.start_soon(trio.to_thread.run_sync, read, reader)
        cost = await _cost(bench, engine)
        with esl_client(engine.esl) as client:
            client.ask(f"sendevent CUSTOM\nMark: {_END.decode()}")
    return sum(counts), cost


async def _measure_connections(bench: Bench, engine: RunningEngine) -> list[Figure]:
    """Connections that have logged in, subscribed to nothing and say nothing."""
    count = bench.sizes.connections
    await engine.wait_quiet()
    weight = memory_kb(engine.pid)
    idle = await engine.idle_cpu(bench.sizes.idle_time)
    with ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(esl_client(engine.esl))
        await engine.wait_quiet()
        more = memory_kb(engine.pid) - weight
        busy = await engine.idle_cpu(bench.sizes.idle_time) - idle
        asking = stack.enter_context(esl_client(engine.esl))
        trips = await trio.to_thread.run_sync(_round_trips, asking, bench.sizes.round_trips)
    return [
        Figure(
            name=f"memory of {count} idle ESL connections",
            unit="kB/connection",
            values=(more / count,),
            how="what Pss rises by when so many clients have logged in and say nothing.",
            beside={
                "engine": f"{percent(max(busy, 0.0))} of its core",
                "api round trip beside them, p99": f"{trips[len(trips) * 99 // 100] * 1e6:.0f} us",
            },
        )
    ]
