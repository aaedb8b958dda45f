"""Both at once, a core each: calls that come and go on one, beside legs that are played to from the other."""

from __future__ import annotations

from dataclasses import replace

from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure
from .load_media import Cadence, Listening, running_phones
from .measure_calls import Calls
from .measure_media import NO_LIMIT
from .process import pin_threads
from .script import ANSWER, PLAY

MEDIA_THREADS = "media"  # how their names begin


async def measure(bench: Bench) -> list[Figure]:
    """The highest rate of calls, with nothing beside, then beside so many playing legs; and what those heard."""
    legs = bench.sizes.playing_legs
    async with running_engine(bench, more=NO_LIMIT) as engine, running_phones(bench, legs=legs) as phones:
        pin_threads(engine.pid, MEDIA_THREADS, bench.cores.load)
        alone = await _rate(bench, engine, "answered")
        calls = await phones.call(engine.server, PLAY, count=legs, rate=bench.sizes.setup_rate)
        listening = Listening(phones, streams=legs)
        beside = await _rate(bench, engine, f"answered beside {legs} playing legs")
        heard = listening.heard()
        await phones.hang_up(calls)
    return [_told(beside, alone, heard)]


async def _rate(bench: Bench, engine: RunningEngine, what: str) -> Figure:
    bench.say(f"the highest rate of calls {what}, media on the other core")
    return await Calls(bench, engine, ANSWER, what).measure_rate()


def _told(beside: Figure, alone: Figure, heard: Cadence) -> Figure:
    warnings = [beside.warning, "" if heard.is_clean else f"not clean: {heard}"]
    return replace(
        beside,
        how=f"{beside.how} The engine's media threads, the legs, the worker and SIPp are on the other core.",
        beside={**beside.beside, "with none": f"{alone.value:.0f} calls/s", "heard": str(heard)},
        warning="; ".join(filter(None, warnings)),
    )
