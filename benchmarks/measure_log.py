"""How fast a reader catches up: what the log keeps, to one subscriber."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import trio

from callflow.client import connect
from callflow.protocol.frames import Hello, Resume

from .bare_app import bare_app
from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure
from .load_signalling import place_calls
from .script import ANSWER

CALL_RATE = 800.0  # calls per second, of which the events are


@dataclass(frozen=True, slots=True)
class Read:
    """All events, once."""

    seconds: float
    cost: float  # CPU seconds of the engine
    octets: int


async def measure(bench: Bench) -> list[Figure]:
    """Calls first; then their events, to one who resumes from the beginning."""
    bench.say("events to one subscriber who catches up")
    async with running_engine(bench) as engine:
        await place_calls(bench, engine.server, ANSWER, rate=CALL_RATE, seconds=bench.sizes.call_time)
        await engine.wait_quiet()
        async with connect(engine.socket, token=engine.token) as client:
            newest = client.position
        read = partial(_read, engine, newest)
        await trio.to_thread.run_sync(read)  # everything is touched once
        runs = [await trio.to_thread.run_sync(read) for _ in range(bench.sizes.repetitions)]
    return [
        Figure(
            name="events to one subscriber who catches up", unit="events/s",
            values=tuple(newest.seq / run.seconds for run in runs),
            how=f"the {newest.seq} events of {bench.sizes.call_time:g} s of calls, to a plain socket that resumes "
            "from the first: from sending its `hello` to the last octet.",
            beside={
                "engine": f"{min(run.cost for run in runs) / newest.seq * 1e6:.1f} CPU-us/event",
                "octets": f"{runs[0].octets / newest.seq:.0f} an event",
            },
        )
    ]  # fmt: skip


def _read(engine: RunningEngine, newest: Resume) -> Read:
    with bare_app(engine.socket, engine.token) as client:
        before, started_at = engine.cpu(), time.perf_counter()
        client.greet(Hello(app="reader", subscribe=("*",), resume=Resume(epoch=newest.epoch, seq=0)))
        client.count_events(newest.seq)
        return Read(time.perf_counter() - started_at, engine.cpu() - before, client.octets)
