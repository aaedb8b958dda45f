"""What a call costs that is refused, by one that is answered."""

from __future__ import annotations

from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure, milliseconds
from .load_media import running_phones
from .load_signalling import REFUSABLE, CallLoad, place_calls
from .script import ANSWER

MOST = 100  # legs that the engine takes: more than are up at once of those that are answered and hung up
RATE = 500.0  # calls/s
AT_MOST = 0.2  # of a call that is answered
LIMIT = f"[limits]\ncalls = {MOST}\n"


async def measure(bench: Bench) -> list[Figure]:
    """The same calls to one engine, before and after it has as many as it takes."""
    sizes = bench.sizes
    bench.say("what a refused call costs")
    async with running_engine(bench, more=LIMIT) as engine, running_phones(bench, legs=MOST) as phones:
        await _place(bench, engine)  # all is touched once
        answered = [await _place(bench, engine) for _ in range(sizes.repetitions)]
        standing = await phones.call(engine.server, ANSWER, count=MOST, rate=sizes.setup_rate)
        refused = [await _place(bench, engine) for _ in range(sizes.repetitions)]
        await phones.hang_up(standing)
    dear = sum(cost for _, cost in answered) / len(answered)
    cheap = [cost for _, cost in refused]
    ratio = sum(cheap) / len(cheap) / dear
    warnings = [
        "some calls were refused before" if any(load.refused for load, _ in answered) else "",
        "not all calls were refused" if any(load.refused < load.calls for load, _ in refused) else "",
        f"more than {AT_MOST:g}" if ratio > AT_MOST else "",
    ]
    return [
        Figure(
            name="call that is refused",
            unit="x one answered",
            values=tuple(cost / dear for cost in cheap),
            how=f"{RATE:.0f} calls/s for {sizes.call_time:g} s to an engine that takes {MOST}: CPU of the engine by "
            "calls, less that of the idle engine, when it has as many (503 with Retry-After) by when it has none.",
            beside={"answered": milliseconds(dear), "refused": milliseconds(sum(cheap) / len(cheap))},
            warning="; ".join(filter(None, warnings)),
        )
    ]


async def _place(bench: Bench, engine: RunningEngine) -> tuple[CallLoad, float]:
    """Calls, and CPU seconds of the engine for each."""
    await engine.wait_quiet()
    idle = await engine.idle_cpu(bench.sizes.idle_time)
    before = engine.cpu()
    load = await place_calls(bench, engine.server, ANSWER, rate=RATE, seconds=bench.sizes.call_time, scenario=REFUSABLE)
    return load, max(engine.cpu() - before - idle * load.seconds, 0.0) / load.calls
