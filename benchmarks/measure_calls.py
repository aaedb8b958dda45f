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
            figures += await measure_calls_to(bench, engine, ANSWER, f"answered by {name}")
    return figures


async def measure_calls_to(bench: Bench, engine: RunningEngine, number: str, what: str) -> list[Figure]:
    """Rate and cost of calls to a number; `what` becomes of them."""
    calls = Calls(bench, engine, number, what)
    first = await calls.place(rate=LOW_RATE, seconds=bench.sizes.call_time)  # all is touched once
    bench.say(f"the highest rate of calls {what}")
    rate = await calls.measure_rate()
    bench.say(f"the cost of calls {what}")
    return [rate, await calls.measure_cost(rate.value, first)]


def _doors(bench: Bench) -> Mapping[str, AbstractAsyncContextManager[RunningEngine]]:
    return {
        "a script worker": running_engine(bench),
        "a Lua script": running_engine(bench, "lua"),
        "a WebSocket app": running_engine(bench, "websocket"),
        "an outbound ESL app": running_esl_engine(bench),
    }


@dataclass(frozen=True, slots=True)
class Calls:
    """Calls to a number of an engine."""

    bench: Bench
    engine: RunningEngine
    number: str
    what: str  # becomes of them

    async def place(self, *, rate: float, seconds: float) -> Cost:
        await self.engine.wait_quiet()
        before, app_before = self.engine.cpu(), self.engine.app_cpu()
        load = await place_calls(self.bench, self.engine.server, self.number, rate=rate, seconds=seconds)
        return Cost(load, self.engine.cpu() - before, self.engine.app_cpu() - app_before)

    async def measure_rate(self) -> Figure:
        sizes = self.bench.sizes
        kept: list[Cost] = []
        failed: list[Cost] = []

        async def holds(rate: float) -> bool:
            cost = await self.place(rate=rate, seconds=sizes.search_time)
            (kept if cost.load.is_kept_up else failed).append(cost)
            return cost.load.is_kept_up

        best = await search_rate(holds, low=LOWEST, high=HIGHEST, steps=sizes.search_steps)
        at = kept[-1] if kept else failed[-1]
        step = (HIGHEST - LOWEST) / 2**sizes.search_steps
        return Figure(
            name=f"calls {self.what}",
            unit="calls/s",
            values=(best,),
            how=f"the highest rate that SIPp can place for {sizes.search_time:g} s so that >= 99 % are answered, "
            f"95 % within 200 ms, and hung up by SIPp at once; to {step:.0f} calls/s.",
            beside={
                "engine core": percent(at.engine_busy),
                "load core": f"{percent(at.load_busy)} (app {percent(at.app / at.load.seconds)})",
                "p95 set-up": f"< {at.load.setup_ms:g} ms",
                "not at": f"{min((cost.load.offered for cost in failed), default=HIGHEST):.0f}/s",
            },
            warning=self._bottleneck(at, failed[-1] if failed else None) if kept else "no rate held",
        )

    async def measure_cost(self, highest: float, first: Cost) -> Figure:
        sizes = self.bench.sizes
        rate = max(highest * SHARE, LOW_RATE)
        costs = [await self.place(rate=rate, seconds=sizes.call_time) for _ in range(sizes.repetitions)]
        others = {
            f"at {percent(share)}": await self.place(rate=max(highest * share, LOW_RATE), seconds=sizes.call_time)
            for share in sizes.shares
        }
        calls = sum(cost.load.calls for cost in costs)
        answered = sum(cost.load.answered for cost in costs)
        return Figure(
            name=f"call {self.what}",
            unit="CPU-ms/call",
            values=tuple(cost.engine / cost.load.calls * 1000 for cost in costs),
            how=f"such calls at {percent(SHARE)} of the highest rate for {sizes.call_time:g} s: CPU of the engine "
            f"process, by calls; beside it that of the app and of SIPp, and the engine's at {LOW_RATE:.0f} calls/s and "
            "at other shares of the highest rate.",
            beside={
                "app": milliseconds(sum(cost.app for cost in costs) / calls),
                "SIPp": milliseconds(sum(cost.load.cpu for cost in costs) / calls),
                f"at {LOW_RATE:.0f}/s": milliseconds(first.engine / first.load.calls),
                **{at: milliseconds(cost.engine / cost.load.calls) for at, cost in others.items()},
                "p95 set-up": f"< {max(cost.load.setup_ms for cost in costs):g} ms",
            },
            warning="" if answered >= 0.99 * calls else f"only {percent(answered / calls)} of the calls were answered",
        )

    def _bottleneck(self, best: Cost, failed: Cost | None) -> str:
        """Who was in the way, if it was not the engine."""
        worst = failed or best
        if not self.engine.pid or worst.engine_busy >= FULL_CORE or worst.engine_busy >= worst.load_busy:
            return ""
        return (
            f"the load core was the bottleneck ({percent(worst.load_busy)}; the engine's {percent(worst.engine_busy)})"
        )
