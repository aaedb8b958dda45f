"""Three times as many calls as an engine can take: what it takes, what the rest hear, how soon all is well again."""

from __future__ import annotations

import time

from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure, percent
from .load_media import Cadence, Listening, running_phones
from .load_signalling import REFUSABLE, CallLoad, place_calls
from .measure_calls import Calls
from .measure_refusal import measure as measure_refusal
from .script import ANSWER, PLAY

TIMES = 3  # the capacity
GOODPUT = 0.8  # of the capacity, at least
WELL_WITHIN = 5.0  # seconds
LOOK_SECONDS = 0.5  # of calls, to see whether all is well again
WELL_SHARE = 0.5  # of the capacity, which must be kept up then


async def measure(bench: Bench) -> list[Figure]:
    """The capacity beside legs that play, then far beyond it, then whether it is back."""
    sizes = bench.sizes
    legs = sizes.standing_legs
    async with running_engine(bench) as engine, running_phones(bench, legs=legs) as phones:
        calls = await phones.call(engine.server, PLAY, count=legs, rate=sizes.setup_rate)
        phones.play(calls)
        bench.say("the highest rate of calls, to go beyond it")
        capacity = (await Calls(bench, engine, ANSWER, "answered").measure_rate()).value
        bench.say(f"{TIMES} times that")
        listening, cpu = Listening(phones, streams=legs), engine.cpu()
        load = await place_calls(
            bench, engine.server, ANSWER,
            rate=max(capacity, 1.0) * TIMES, seconds=sizes.overload_time, scenario=REFUSABLE,
        )  # fmt: skip
        heard, busy = listening.heard(), (engine.cpu() - cpu) / load.seconds
        well_after = await _wait_well(bench, engine, capacity)
        await phones.hang_up(calls)
    return [
        _goodput(capacity, load, heard, busy=busy, seconds=sizes.overload_time),
        _recovery(well_after),
        *await measure_refusal(bench),
    ]


async def _wait_well(bench: Bench, engine: RunningEngine, capacity: float) -> float:
    """Seconds until calls were placed that were answered as they should be."""
    over_at = time.perf_counter()
    while (began_at := time.perf_counter()) < over_at + 4 * WELL_WITHIN:
        rate = max(capacity * WELL_SHARE, 20.0)
        load = await place_calls(bench, engine.server, ANSWER, rate=rate, seconds=LOOK_SECONDS)
        if load.is_kept_up:
            return began_at - over_at
    return float("inf")


def _goodput(capacity: float, load: CallLoad, heard: Cadence, *, busy: float, seconds: float) -> Figure:
    goodput = load.accepted / load.seconds / max(capacity, 1.0)
    silent = max(load.calls - load.accepted - load.refused, 0)
    warnings = [
        "no rate held" if not capacity else "",
        f"less than {percent(GOODPUT)}" if goodput < GOODPUT else "",
        f"{silent} calls had neither an answer nor a proper 503" if silent > 0.01 * load.calls else "",
        "" if heard.is_clean else "what stood before lost its cadence",
    ]
    return Figure(
        name=f"calls answered at {TIMES} times the capacity",
        unit="x",
        values=(goodput,),
        how=f"{TIMES} times the highest rate is placed for {seconds:g} s: the rate of those answered, by that highest "
        "rate. The rest must have 503 with Retry-After; legs that play stand beside, and must be heard in time.",
        beside={
            "capacity": f"{capacity:.0f} calls/s",
            "placed": f"{load.calls / load.seconds:.0f} calls/s",
            "503": f"{load.refused}",
            "neither": f"{silent}",
            "p95 set-up": f"< {load.setup_ms:g} ms",
            "heard": str(heard),
            "engine core": percent(busy),  # less than all of it: others had the rest
        },
        warning="; ".join(filter(None, warnings)),
    )


def _recovery(seconds: float) -> Figure:
    return Figure(
        name="all well again after that",
        unit="s",
        values=(seconds,),
        how=f"from the end of that until calls at {percent(WELL_SHARE)} of the highest rate are placed of which "
        ">= 99 % are answered, 95 % within 200 ms.",
        warning="" if seconds <= WELL_WITHIN else f"more than {WELL_WITHIN:g} s",
    )
