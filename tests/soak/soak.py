"""Simulated calls by the million, doing anything, while people hang up and the app dies: is anything ever left?

    python -m tests.soak.soak --calls 1000000 --seed 1

Calls are made in batches, each a world of its own: the real engine on virtual time, twenty phones that call at random,
scripts that do verbs at random and are cancelled at random, an app that is killed now and then. At the end of a batch
all hang up, and whatever a phone, the engine or its media then still hold ends the run with an error that names the
seed of the batch.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import random
import resource
import tempfile
import time
import wave
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
import structlog

from callflow import Answered, App, Call, CallflowError
from callflow.protocol.commands import Confirmation
from callflow.protocol.events import ChannelCreated
from callflow.testing import SimulatedPhone, Simulation
from engine.channels.channel import Channel

CALLERS = 16
CALLEES = ("bob", "carol", "dave", "erin")
BATCH = 500  # calls

app = App("soak")


async def dial(call: Call, rng: random.Random) -> None:
    confirm = Confirmation(prompt=("prompt.wav",), key="1", timeout=3) if rng.random() < 0.3 else None
    won = await call.dial(
        rng.sample(CALLEES, 2), [*rng.sample(CALLEES, 1), "nobody"], timeout=rng.uniform(1, 6), ringback="us",
        early_media=rng.random() < 0.5, confirm=confirm,
    )  # fmt: skip
    if isinstance(won, Answered) and rng.random() < 0.8:
        with anyio.move_on_after(rng.uniform(0, 20)):
            await call.bridge(won.leg, hangup_after=rng.random() < 0.5)


async def hold(call: Call, rng: random.Random) -> None:
    async with call.holding("prompt.wav"):
        await anyio.sleep(rng.uniform(0, 3))


VERBS: tuple[Callable[[Call, random.Random], Awaitable[object]], ...] = (
    lambda call, rng: call.play("prompt.wav", repeat=rng.randrange(3), stop_on="1"),
    lambda call, rng: call.say(str(rng.randrange(10**6)), kind="number"),
    lambda call, rng: call.tone("busy/eu", seconds=rng.uniform(0.1, 3)),
    lambda call, rng: call.gather("prompt.wav", max=4, timeout=2, retries=1, valid="[1-3]+"),
    lambda call, rng: call.record(f"{call.id}.wav", max=3, beep=rng.random() < 0.5),
    lambda call, rng: call.record_call(f"{call.id}-both.wav", max=4),
    lambda call, rng: call.send_digits("12345"),
    lambda call, rng: call.echo(),
    lambda call, rng: call.hangup_at(after=rng.uniform(1, 30)),
    lambda call, rng: call.bind_digits("*1"),
    lambda call, rng: call.limit("line", 8),
    lambda call, rng: call.mute("both"),
    lambda call, rng: call.policy(wait=rng.uniform(0, 3), music="prompt.wav"),
    lambda call, rng: app.originate(rng.choice(CALLEES), script=play_on, timeout=3),
    hold,
    dial,
    dial,
    dial,
)


async def play_on(call: Call) -> None:
    await call.play("prompt.wav")


@app.route(r"6\d*")
async def anything(call: Call) -> None:
    rng = random.Random(call.to)
    await rng.choice((call.answer, call.ring, call.progress, call.answer, call.answer))()
    for _ in range(rng.randrange(1, 5)):
        with anyio.move_on_after(rng.uniform(0.1, 12)), contextlib.suppress(CallflowError):
            await rng.choice(VERBS)(call, rng)


@app.on_reattach
async def again(call: Call) -> None:
    await call.play("prompt.wav")


async def call_again(simulation: Simulation, phone: SimulatedPhone, calls: int, rng: random.Random) -> None:
    """One phone's day."""
    await phone.registered()
    for _ in range(calls):
        await anyio.sleep(rng.expovariate(1 / 5))
        phone.call(f"6{rng.randrange(10**9)}")
        for _ in range(rng.randrange(6)):
            await anyio.sleep(rng.expovariate(1 / 3))
            if phone.is_in_call and phone.has_line and rng.random() < 0.7:
                phone.press(rng.choice("123*#"))
        phone.hang_up()
        while phone.is_in_call:  # noqa: ASYNC110 - on virtual time
            await anyio.sleep(0.5)


async def kill_now_and_then(simulation: Simulation, rng: random.Random) -> None:
    while True:
        await anyio.sleep(rng.expovariate(1 / 120))
        simulation.kill()


@dataclass
class Batch:
    """What became of some calls."""

    channels: int
    events: int
    virtual_seconds: float


def run_batch(calls: int, seed: int, folder: Path) -> Batch:
    """Raises AssertionError naming what was left."""
    prompt = folder / "prompt.wav"
    with wave.open(str(prompt), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\x10\x20" * 8000)
    simulation = Simulation(app, folder=folder, seed=seed, loss=0.01 if seed % 2 else 0.0)
    batch = Batch(0, 0, 0.0)

    async def live() -> None:
        rng = random.Random(seed)
        for name in CALLEES:
            simulation.phone(name, answers_after=rng.uniform(0.5, 5), rejects=rng.choice((None, None, None, 486)))
        async with anyio.create_task_group() as killing:
            killing.start_soon(kill_now_and_then, simulation, random.Random(f"kill {seed}"))
            async with anyio.create_task_group() as calling:
                for number in range(CALLERS):
                    share = (calls + number) // CALLERS
                    phone = simulation.phone(f"phone{number}")
                    calling.start_soon(call_again, simulation, phone, share, random.Random(f"{seed} {number}"))
            killing.cancel_scope.cancel()
        await simulation.wait(2)  # the app is back
        batch.channels, batch.events = len(simulation.happened(ChannelCreated)), len(simulation.history)
        batch.virtual_seconds = simulation.now

    simulation.run(live)
    parts = sorted(path.name for path in folder.rglob("*.part"))
    if parts:
        raise AssertionError(f"unfinished recordings: {', '.join(parts)}")
    return batch


def count_channels() -> int:
    """How many channels are held by anything in the process."""
    gc.collect()
    return sum(isinstance(each, Channel) for each in gc.get_objects())


def run(calls: int, seed: int, *, say: Callable[[str], None] = print) -> None:
    """Make the calls, telling after every batch how it goes. Raises AssertionError with the seed of a bad batch."""
    done, channels, began = 0, 0, time.monotonic()
    while done < calls:
        size = min(BATCH, calls - done)
        try:
            with tempfile.TemporaryDirectory() as folder:
                batch = run_batch(size, seed, Path(folder))
        except Exception as error:
            raise AssertionError(f"in the batch of seed {seed} ({size} calls): {error}") from error
        left = count_channels()
        if left:
            raise AssertionError(f"in the batch of seed {seed}: {left} channels are held when all is over")
        done, channels, seed = done + size, channels + batch.channels, seed + 1
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        say(
            f"{done:>9} calls, {channels} channels, {batch.events} events in {batch.virtual_seconds:.0f} virtual s; "
            f"{done / (time.monotonic() - began):.0f} calls/s, {memory} MiB; left: 0 channels, ports, timers, tasks"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    run(given.calls, given.seed)
