"""What the event socket costs: an event to one more subscriber, and the round trip of a command."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial

import trio

from callflow import App, Call
from callflow.client import connect, join
from callflow.protocol.commands import Answer, Get
from callflow.protocol.frames import Hello

from .bare_app import BareApp, bare_app
from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure, at_share, percent
from .load_media import running_phones
from .load_signalling import place_calls
from .script import ANSWER
from .sizes import Sizes

PROBE = "4000"
CALL_RATE = 100.0  # calls per second


async def measure(bench: Bench) -> list[Figure]:
    """Round trips, idle; then subscribers beside calls."""
    bench.say("round trips of commands")
    trips = await _measure_round_trip(bench)
    bench.say("the same by a bare client")
    bare = await _measure_bare_round_trip(bench)
    bench.say(f"events to {bench.sizes.subscribers} subscribers")
    return [*trips, *bare, await _measure_subscriber(bench)]


async def _measure_round_trip(bench: Bench) -> list[Figure]:
    sizes = bench.sizes
    async with (
        running_engine(bench, "none") as engine,
        running_phones(bench, legs=1) as phones,
        trio.open_nursery() as nursery,
    ):
        prober = Prober(sizes)
        nursery.start_soon(partial(join, engine.socket, prober.app, token=engine.token))
        await engine.wait_app(prober.app.name)
        before = engine.cpu()
        calls = await phones.call(engine.server, PROBE, count=1, rate=1000)
        await prober.done.wait()
        cost = (engine.cpu() - before) / (sizes.round_trips * sizes.repetitions)
        await phones.hang_up(calls)
        nursery.cancel_scope.cancel()
    how = (
        f"{sizes.round_trips} `get` commands on a call, one after another, by its app over a WebSocket (our client, "
        "msgpack), on an engine that does nothing else; from sending to the parsed reply."
    )
    return [
        Figure(
            name=f"command round trip, p{share}", unit="us",
            values=tuple(at_share(run, share) * 1e6 for run in prober.runs), how=how,
            beside={"engine": f"{cost * 1e6:.0f} CPU-us"},
        )
        for share in (50, 99)
    ]  # fmt: skip


async def _measure_bare_round_trip(bench: Bench) -> list[Figure]:
    sizes = bench.sizes
    runs: list[list[float]] = []
    costs: list[float] = []

    def probe(app: BareApp, engine: RunningEngine) -> None:
        channel = app.wait_call()
        app.ask("answer", Answer(), channel)
        before = engine.cpu()
        for repetition in range(sizes.repetitions):
            runs.append(_bare_round_trips(app, channel, f"{repetition}", sizes.round_trips))
        costs.append((engine.cpu() - before) / (sizes.round_trips * sizes.repetitions))

    async with running_engine(bench, "none") as engine, running_phones(bench, legs=1) as phones:
        with bare_app(engine.socket, engine.token) as app:
            app.greet(Hello(app="bare", routes=(PROBE,)))
            app.wait_welcome()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(trio.to_thread.run_sync, probe, app, engine)
                calls = await phones.call(engine.server, PROBE, count=1, rate=1000)
            await phones.hang_up(calls)
    how = "The same by a plain socket in place of our client: what is left is the engine's, and the kernel's."
    return [
        Figure(
            name=f"command round trip, bare client, p{share}", unit="us",
            values=tuple(at_share(run, share) * 1e6 for run in runs), how=how,
            beside={"engine": f"{costs[0] * 1e6:.0f} CPU-us"},
        )
        for share in (50, 99)
    ]  # fmt: skip


def _bare_round_trips(app: BareApp, channel: str, prefix: str, count: int) -> list[float]:
    taken = []
    for number in range(count):
        started_at = time.perf_counter()
        app.ask(f"{prefix}-{number}", Get(variables=("nothing",)), channel)
        taken.append(time.perf_counter() - started_at)
    return taken


class Prober:
    """An app in this process that asks something of its call, again and again. `runs`: seconds, by repetition."""

    def __init__(self, sizes: Sizes) -> None:
        self.app = App("prober", backend="trio")
        self.app.route(PROBE)(self._probe)
        self.done = trio.Event()
        self.runs: list[list[float]] = []
        self._sizes = sizes

    async def _probe(self, call: Call) -> None:
        await call.answer()
        self.runs = [await self._round_trips(call) for _ in range(self._sizes.repetitions)]
        self.done.set()
        await call.wait_hangup()

    async def _round_trips(self, call: Call) -> list[float]:
        taken = []
        for _ in range(self._sizes.round_trips):
            started_at = time.perf_counter()
            await call.get("nothing")
            taken.append(time.perf_counter() - started_at)
        return taken


async def _measure_subscriber(bench: Bench) -> Figure:
    sizes = bench.sizes
    async with running_engine(bench) as engine:
        await _cost_of_calls(bench, engine)  # everything is touched once
        runs = [await _compare(bench, engine) for _ in range(sizes.repetitions)]
    return Figure(
        name="event to one subscriber",
        unit="CPU-us/event",
        values=tuple(run.cost / run.delivered * 1e6 for run in runs),
        how=f"{CALL_RATE:.0f} calls/s answered by the worker, without and with {sizes.subscribers} WebSocket "
        "subscribers to every event (msgpack): what the engine's CPU rises by, by events delivered.",
        beside={
            "events per call": f"{runs[0].delivered / sizes.subscribers / runs[0].calls:.1f}",
            "subscribers": percent(max(run.load for run in runs)) + " of their core",
        },
    )


@dataclass(frozen=True, slots=True)
class Compared:
    """Calls without subscribers, and the same with them."""

    cost: float  # CPU seconds of the engine: the difference
    delivered: int  # events, to all subscribers
    calls: int
    load: float  # of this process, which reads them


async def _compare(bench: Bench, engine: RunningEngine) -> Compared:
    without, _ = await _cost_of_calls(bench, engine)
    events = Counter[str]()
    own, started_at = time.process_time(), time.perf_counter()
    async with trio.open_nursery() as nursery:
        for _ in range(bench.sizes.subscribers):
            await nursery.start(_subscribe, engine, events)
        cost, calls = await _cost_of_calls(bench, engine)
        load = (time.process_time() - own) / (time.perf_counter() - started_at)
        nursery.cancel_scope.cancel()
    return Compared(cost - without, events.total(), calls, load)


async def _cost_of_calls(bench: Bench, engine: RunningEngine) -> tuple[float, int]:
    await engine.wait_quiet()
    before = engine.cpu()
    load = await place_calls(bench, engine.server, ANSWER, rate=CALL_RATE, seconds=bench.sizes.call_time)
    return engine.cpu() - before, load.calls


async def _subscribe(
    engine: RunningEngine, events: Counter[str], *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    """Count every event by its name, until cancelled."""
    async with connect(engine.socket, token=engine.token, subscribe=["*"]) as client:
        task_status.started()
        async for frame, _ in client.events():
            events[frame.name] += 1
