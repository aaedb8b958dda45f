"""What an engine holds in memory, idle and per call; and what a call costs that only stands."""

from __future__ import annotations

import itertools

from .bench import Bench
from .engine import running_engine
from .figure import Figure
from .floor import floor_microseconds
from .load_media import running_phones
from .measure_burst import measure as measure_burst
from .process import memory_kb
from .script import ANSWER

STEPS = 3


async def measure(bench: Bench) -> list[Figure]:
    """Bring calls up in steps and weigh the engine after each."""
    sizes = bench.sizes
    bench.say(f"memory of {STEPS * sizes.held_calls} calls")
    async with running_engine(bench) as engine, running_phones(bench, legs=STEPS * sizes.held_calls) as phones:
        await engine.wait_quiet()
        idle_cpu = await engine.idle_cpu(sizes.idle_time)
        weights, app_weights, calls = [memory_kb(engine.pid)], [memory_kb(engine.app)], []
        for _ in range(STEPS):
            calls += await phones.call(engine.server, ANSWER, count=sizes.held_calls, rate=sizes.setup_rate)
            await engine.wait_quiet()
            weights.append(memory_kb(engine.pid))
            app_weights.append(memory_kb(engine.app))
        held_cpu = [await engine.idle_cpu(sizes.idle_time) - idle_cpu for _ in range(sizes.repetitions)]
        await phones.hang_up(calls)
        await engine.wait_quiet()
        after = memory_kb(engine.pid)
    floor = await floor_microseconds(bench, "standing", legs=len(calls))
    steps = [later - earlier for earlier, later in itertools.pairwise(weights)]
    return [
        Figure(
            name="memory, idle", unit="MB", values=(weights[0] / 1024,),
            how="Pss of the engine process, ready and never called (smaps_rollup).",
            beside={"worker": f"{app_weights[0] / 1024:.1f} MB"},
        ),
        Figure(
            name="memory per call", unit="kB/call", values=tuple(step / sizes.held_calls for step in steps),
            how=f"what Pss rises by when {sizes.held_calls} more calls are up, answered and silent; {STEPS} times.",
            beside={
                "worker": f"{(app_weights[-1] - app_weights[0]) / len(calls):.1f} kB/call",
                "after hang-up": f"{after / 1024:.1f} MB",
            },
        ),
        Figure(
            name="call that only stands", unit="CPU-us/call-second",
            values=tuple(cpu / len(calls) * 1e6 for cpu in held_cpu),
            how=f"CPU of the engine with {len(calls)} such calls up, less that without, by call-seconds. Each leg "
            "receives one packet of silence a second, and sends one every 2 s, and RTCP every 5 s.",
            beside={"the kernel alone": f"{floor:.1f} CPU-us"},
        ),
        *await measure_burst(bench),
    ]  # fmt: skip
