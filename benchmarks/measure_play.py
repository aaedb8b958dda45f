"""How soon a caller hears what an app plays: from the command to the first packet."""

from __future__ import annotations

import random
import time
from functools import partial

import trio

from callflow import App, Call
from callflow.client import join

from .bench import Bench
from .caller import Caller, caller_in_call
from .engine import RunningEngine, running_engine, write_prompt
from .figure import Figure, at_share
from .script import PROMPT

NUMBER = "4001"
SHARES = (50, 99)
HEARD_WITHIN = 10.0  # seconds
PAUSES = (0.05, 0.07)  # seconds from one to the next, at random: what is sent of the one before is over by then


async def measure(bench: Bench) -> list[Figure]:
    """Playbacks that follow each other, on an engine that does nothing else."""
    bench.say(f"{bench.sizes.plays} playbacks")
    runs: list[list[float]] = []
    async with running_engine(bench, "none") as engine:
        for _ in range(bench.sizes.repetitions):
            runs.append(await _play(bench, engine))
    how = (
        f"{bench.sizes.plays} prompts in turn, each stopped when it is heard, by an app over a WebSocket (our client, "
        "msgpack): from before `play` to the first packet of it at a phone of plain sockets in the same process."
    )
    return [
        Figure(
            name=f"play to the first packet, p{share}", unit="ms",
            values=tuple(at_share(run, share) * 1e3 for run in runs), how=how,
            beside={"longest": f"{max(map(max, runs)) * 1e3:.1f} ms"},
        )
        for share in SHARES
    ]  # fmt: skip


async def _play(bench: Bench, engine: RunningEngine) -> list[float]:
    """Seconds of each."""
    taken: list[float] = []
    app, begun, done, chance = App("player", backend="trio"), trio.Event(), trio.Event(), random.Random(1)

    @app.route(NUMBER)
    async def play(call: Call) -> None:
        await call.answer()
        await begun.wait()
        for _ in range(bench.sizes.plays):
            await trio.sleep(chance.uniform(*PAUSES))
            taken.append(await _hear(call, caller))
        done.set()
        await call.wait_hangup()

    folder = bench.folder / "prompts"
    folder.mkdir(exist_ok=True)
    write_prompt(folder / PROMPT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(join, engine.socket, app, token=engine.token, folder=folder))
        await engine.wait_app(app.name)
        async with caller_in_call(engine.server, NUMBER) as caller:
            begun.set()
            await done.wait()
        nursery.cancel_scope.cancel()
    return taken


async def _hear(call: Call, caller: Caller) -> float:
    """Seconds from the command to the first packet."""
    caller.forget()
    started_at = time.perf_counter()
    async with call.playing(PROMPT):
        with trio.fail_after(HEARD_WITHIN):
            return await caller.hear() - started_at
