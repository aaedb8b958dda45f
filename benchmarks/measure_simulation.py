"""How much faster than life simulated calls are: half an hour with a menu, in a process of its own."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
import trio

from callflow import App, Call, Digits, Tone
from callflow.testing import Simulation

from .bench import Bench
from .figure import Figure

CALLERS, SECONDS = 2, 1800
PROMPT = Tone("440", seconds=3)

app = App("patient")


@app.route("1000")
async def ask(call: Call) -> None:
    await call.answer()
    while not isinstance(await call.gather(PROMPT, timeout=5), Digits):
        await call.play(PROMPT)


async def measure(bench: Bench) -> list[Figure]:
    """Simulate it several times."""
    bench.say(f"{bench.sizes.repetitions} simulations")
    command = [sys.executable, "-m", "benchmarks.measure_simulation"]
    taken = [await trio.run_process(command, capture_stdout=True) for _ in range(bench.sizes.repetitions)]
    return [
        Figure(
            name="half an hour simulated", unit="s", values=tuple(float(done.stdout) for done in taken),
            how=f"{CALLERS} simulated phones that are asked again and again for {SECONDS} s of virtual time, by "
            "callflow.testing: the real engine and a script, with fake media and network. Wall time, without imports.",
        )
    ]  # fmt: skip


def simulate() -> float:
    """Seconds of the wall clock that it takes."""
    with TemporaryDirectory() as folder:
        simulation = Simulation(app, folder=Path(folder))

        async def play() -> None:
            callers = [simulation.phone(f"caller{number}") for number in range(CALLERS)]
            for caller in callers:
                caller.call("1000")
            await simulation.wait(SECONDS)
            for caller in callers:
                caller.press("1")
                await caller.ended()

        started_at = time.perf_counter()
        simulation.run(play)
        return time.perf_counter() - started_at


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    sys.stdout.write(f"{simulate()}\n")
