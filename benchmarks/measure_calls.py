"""What a call costs that an app answers and the caller hangs up at once, and how many of them an engine takes."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from .bench import Bench
from .engine import RunningEngine, running_engine, running_esl_engine
from .figure import Figure, milliseconds, percent
from .load_signalling import CallLoad, place_calls
from .script import ANSWER
from .search import search_rate

LOWEST, HIGHEST = 100.0, 2500.0  # calls per second, between which the highest rate is looked for
SHARE = 0.8  # of the highest rate: there the cost of a call is taken; and, beside, at LOW_RATE
LOW_RATE = 100.0
FULL_CORE = 0.9  # of a core: beyond this it is the bottleneck


@dataclass(frozen=True, slots=True)
class Cost:
    """What calls came to, and what they took: CPU seconds."""

    load: CallLoad
    engine: float
    app: float

    @property
    def engine_busy(self) -> float:
        return self.engine / self.load.seconds

    @property
    def load_busy(self) -> float:
        """The other core: the app and SIPp."""
        return (self.app + self.load.cpu) / self.load.seconds


async def measure(bench: Bench) -> list[Figure]:
    """Rate and cost, through each door."""
    figures = []
    for name, running in _doors(bench).items():
        async with running as engine:
            first = await _place(bench, engine, rate=LOW_RATE, seconds=bench.sizes.call_time)  # all is touched once
            bench.say(f"the highest rate of calls answered by {name}")
            rate = await _measure_rate(bench, engine, name)
            bench.say(f"the cost of calls answered by {name}")
            figures += [rate, await _measure_cost(bench, engine, name, max(rate.value * SHARE, LOW_RATE), first)]
    return figures


def _doors(bench: Bench) -> Mapping[str, AbstractAsyncContextManager[RunningEngine]]:
    return {
        "a script worker": running_engine(bench),
        "a Lua script": running_engine(bench, "lua"),
        "a WebSocket app": running_engine(bench, "websocket"),
        "an outbound ESL app": running_esl_engine(bench),
    }


async def _measure_rate(bench: Bench, engine: RunningEngine, name: str) -> Figure:
    kept: list[Cost] = []
    failed: list[Cost] = []

    async def holds(rate: float) -> bool:
        cost = await _place(bench, engine, rate=rate, seconds=bench.sizes.search_time)
        (kept if cost.load.is_kept_up else failed).append(cost)
        return cost.load.is_kept_up

    best = await search_rate(holds, low=LOWEST, high=HIGHEST, steps=bench.sizes.search_steps)
    at = kept[-1] if kept else failed[-1]
    step = (HIGHEST - LOWEST) / 2**bench.sizes.search_steps
    return Figure(
        name=f"calls answered by {name}",
        unit="calls/s",
        values=(best,),
        how=f"the highest rate that SIPp can place for {bench.sizes.search_time:g} s so that >= 99 % are answered by "
        f"the app, 95 % within 200 ms, and hung up by SIPp at once; to {step:.0f} calls/s.",
        beside={
            "engine core": percent(at.engine_busy),
            "load core": f"{percent(at.load_busy)} (app {percent(at.app / at.load.seconds)})",
            "p95 set-up": f"< {at.load.setup_ms:g} ms",
            "not at": f"{min((cost.load.offered for cost in failed), default=HIGHEST):.0f}/s",
        },
        warning=_bottleneck(at, failed[-1] if failed else None) if kept else "no rate held",
    )


async def _measure_cost(bench: Bench, engine: RunningEngine, name: str, rate: float, first: Cost) -> Figure:
    costs = [
        await _place(bench, engine, rate=rate, seconds=bench.sizes.call_time) for _ in range(bench.sizes.repetitions)
    ]
    calls = sum(cost.load.calls for cost in costs)
    answered = sum(cost.load.answered for cost in costs)
    return Figure(
        name=f"call answered by {name}",
        unit="CPU-ms/call",
        values=tuple(cost.engine / cost.load.calls * 1000 for cost in costs),
        how=f"such calls at {percent(SHARE)} of the highest rate for {bench.sizes.call_time:g} s: CPU of the engine "
        f"process, by calls; beside it that of the app and of SIPp, and the engine's at {LOW_RATE:.0f} calls/s.",
        beside={
            "app": milliseconds(sum(cost.app for cost in costs) / calls),
            "SIPp": milliseconds(sum(cost.load.cpu for cost in costs) / calls),
            f"at {LOW_RATE:.0f}/s": milliseconds(first.engine / first.load.calls),
            "p95 set-up": f"< {max(cost.load.setup_ms for cost in costs):g} ms",
        },
        warning="" if answered >= 0.99 * calls else f"only {percent(answered / calls)} of the calls were answered",
    )


def _bottleneck(best: Cost, failed: Cost | None) -> str:
    """Who was in the way, if it was not the engine."""
    worst = failed or best
    if worst.engine_busy >= FULL_CORE or worst.engine_busy >= worst.load_busy:
        return ""
    return f"the load core was the bottleneck ({percent(worst.load_busy)}; the engine's {percent(worst.engine_busy)})"


async def _place(bench: Bench, engine: RunningEngine, *, rate: float, seconds: float) -> Cost:
    await engine.wait_quiet()
    before, app_before = engine.cpu(), engine.app_cpu()
    load = await place_calls(bench, engine.server, ANSWER, rate=rate, seconds=seconds)
    return Cost(load, engine.cpu() - before, engine.app_cpu() - app_before)
