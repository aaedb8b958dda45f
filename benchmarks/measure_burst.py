"""Whether memory comes back after a burst of calls, and whether a second burst leaves any more."""

from __future__ import annotations

import trio

from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure
from .load_signalling import CallLoad, place_calls
from .process import memory_kb
from .script import ANSWER

RATE = 500.0  # calls/s
LITTLE_HISTORY = """\
[trace]
messages = 1000
events = 1000
command_memory = "1MB"
"""
_GROWTH = 5 * 1024  # kB that a second burst may leave beyond the first: pieces of the heap


async def measure(bench: Bench) -> list[Figure]:
    """Weigh an engine before, at the end of each of two bursts, and when all that they left has run out."""
    bench.say(f"memory after {bench.sizes.burst_calls} calls, twice")
    async with running_engine(bench, more=LITTLE_HISTORY) as engine:
        await engine.wait_quiet()
        before = memory_kb(engine.pid)
        first, top, after = await _burst(bench, engine)
        second, top_again, after_again = await _burst(bench, engine)
    lost = sum(load.calls - load.answered for load in (first, second))
    warnings = [
        f"the second burst left {(after_again - after) / 1024:.1f} MB more" if after_again > after + _GROWTH else "",
        f"{lost} calls were not answered" if lost else "",
    ]
    return [
        Figure(
            name=f"memory that a burst of {bench.sizes.burst_calls} calls leaves",
            unit="MB",
            values=((after - before) / 1024,),
            how=f"Pss of the engine {bench.sizes.linger_time:g} s after the last of so many calls at {RATE:.0f}/s, "
            "less that before: what is kept of events, messages and records up to their bounds, and what the heap does "
            "not give back. Beside it Pss before, with the last call of each burst, and after each.",
            beside={
                "before": _megabytes(before),
                "top": _megabytes(top),
                "after": _megabytes(after),
                "second top": _megabytes(top_again),
                "after the second": _megabytes(after_again),
            },
            warning="; ".join(filter(None, warnings)),
        )
    ]


async def _burst(bench: Bench, engine: RunningEngine) -> tuple[CallLoad, float, float]:
    """What came of it; kB with its last call, and after it."""
    calls = bench.sizes.burst_calls
    load = await place_calls(bench, engine.server, ANSWER, rate=RATE, seconds=calls / RATE)
    top = memory_kb(engine.pid)
    await trio.sleep(bench.sizes.linger_time)  # transactions stay for 64*T1 (RFC 3261 17.2.1)
    await engine.wait_quiet()
    return load, top, memory_kb(engine.pid)


def _megabytes(kilobytes: float) -> str:
    return f"{kilobytes / 1024:.1f} MB"
