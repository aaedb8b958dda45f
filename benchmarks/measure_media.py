"""What a second costs of playing to a leg, of relaying both ways between two legs, of a member in a conference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import trio

from callflow.phone import PhoneCall

from .bench import Bench
from .engine import RunningEngine, running_engine, write_prompt
from .figure import Figure, percent
from .floor import floor_microseconds
from .load_media import PACKETS_PER_SECOND, Cadence, Listening, running_phones
from .script import BRIDGE, CONFERENCE, PLAY

FULL_CORE = 0.9


async def measure(bench: Bench) -> list[Figure]:
    """Playback, relay, conferences: each with so many that one can count, the first two at the limit as well."""
    prompt = bench.folder / "said.wav"
    write_prompt(prompt)
    sizes = bench.sizes
    return [
        await _measure_playback(bench, prompt, legs=sizes.playing_legs, name="playback"),
        await _measure_playback(bench, prompt, legs=sizes.many_legs, name=f"playback to {sizes.many_legs}"),
        await _measure_relay(bench, prompt, count=sizes.bridged_calls, name="two-way relay"),
        await _measure_relay(bench, prompt, count=sizes.many_legs // 2, name=f"relay of {sizes.many_legs // 2}"),
        await _measure_conferences(bench, prompt, conferences=1, members=sizes.members),
        await _measure_conferences(bench, prompt, conferences=sizes.small_conferences, members=3),
    ]


async def _measure_playback(bench: Bench, prompt: Path, *, legs: int, name: str) -> Figure:
    sizes = bench.sizes
    bench.say(f"playback to {legs} legs")
    floor = await floor_microseconds(bench, "playback", legs=legs) * PACKETS_PER_SECOND
    async with running_engine(bench) as engine, running_phones(prompt) as phones:
        idle = await engine.idle_cpu(sizes.idle_time)
        calls = await phones.call(engine.server, PLAY, count=legs, rate=sizes.setup_rate)
        taken = await _listen(bench, engine, calls, idle)
        await phones.hang_up(calls)
    return _figure(
        name, "CPU-us/leg-second", taken, per=legs, floor=floor,
        how=f"{legs} legs hear a prompt (PCMU, 20 ms, endless) for {sizes.media_time:g} s and send "
        "nothing but silence once a second. CPU of the engine process, less that of an idle one, by leg-seconds.",
    )  # fmt: skip


async def _measure_relay(bench: Bench, prompt: Path, *, count: int, name: str) -> Figure:
    sizes = bench.sizes
    bench.say(f"two-way relay of {count} calls")
    floor = await floor_microseconds(bench, "relay", legs=2 * count) * PACKETS_PER_SECOND * 2
    async with running_engine(bench) as engine, running_phones(prompt) as phones:
        idle = await engine.idle_cpu(sizes.idle_time)
        number = BRIDGE.format(port=phones.port)
        calls = await phones.call(engine.server, number, count=count, rate=sizes.setup_rate)
        phones.play(calls)
        phones.play(phones.answered)
        taken = await _listen(bench, engine, [*calls, *phones.answered], idle)
        await phones.hang_up(calls)
    return _figure(
        name, "CPU-us/call-second", taken, per=count, floor=floor,
        how=f"{count} calls that the app dials on and bridges; both sides speak (PCMU, 20 ms) for "
        f"{sizes.media_time:g} s. CPU of the engine process, less that of an idle one, by call-seconds of two legs.",
    )  # fmt: skip


async def _measure_conferences(bench: Bench, prompt: Path, *, conferences: int, members: int) -> Figure:
    sizes, many = bench.sizes, f"{conferences} conference{'s' if conferences > 1 else ''} of {members}"
    bench.say(many)
    pairs = conferences * members // 2  # each member hears and is heard, as each leg of a relay
    floor = await floor_microseconds(bench, "relay", legs=2 * pairs) * PACKETS_PER_SECOND
    async with running_engine(bench) as engine, running_phones(prompt) as phones:
        idle = await engine.idle_cpu(sizes.idle_time)
        calls: list[PhoneCall] = []
        for room in range(conferences):
            number = CONFERENCE.format(room=room)
            calls += await phones.call(engine.server, number, count=members, rate=sizes.setup_rate)
        phones.play(calls)
        taken = await _listen(bench, engine, calls, idle)
        await phones.hang_up(calls)
    return _figure(
        f"member, {many}", "CPU-us/member-second", taken, per=conferences * members, floor=floor,
        how=f"All members speak all the time (PCMU, 20 ms) for {sizes.media_time:g} s: each hears its own mix. CPU "
        "of the engine process, less that of an idle one, by member-seconds.",
    )  # fmt: skip


async def _listen(
    bench: Bench, engine: RunningEngine, calls: Sequence[PhoneCall], idle: float
) -> list[tuple[float, Cadence, float]]:
    """Per repetition: CPU seconds per second of the engine above its idle, what was heard, and the load's own CPU."""
    await trio.sleep(bench.sizes.settle_time)
    taken = []
    for _ in range(bench.sizes.repetitions):
        before, listening = engine.cpu(), Listening(calls)
        await trio.sleep(bench.sizes.media_time)
        used, cadence, load = engine.cpu() - before, listening.heard(), listening.load()
        taken.append((used / cadence.seconds - idle, cadence, load))
    return taken


def _figure(
    name: str,
    unit: str,
    taken: Sequence[tuple[float, Cadence, float]],
    *,
    per: int,
    floor: float | None = None,
    how: str,
) -> Figure:
    worst = max((cadence for _, cadence, _ in taken), key=lambda cadence: cadence.loss)
    load = max(load for _, _, load in taken)
    return Figure(
        name=name,
        unit=unit,
        values=tuple(used / per * 1e6 for used, _, _ in taken),
        how=how,
        beside={
            **({"kernel alone": f"{floor:.0f}"} if floor is not None else {}),
            "heard": str(worst),
            "engine core": percent(max(used for used, _, _ in taken)),
            "load core": percent(load),
        },
        warning=_fault([cadence for _, cadence, _ in taken], load),
    )


def _fault(cadences: Sequence[Cadence], load: float) -> str:
    """Why the streams are not what they should be."""
    if all(cadence.is_clean for cadence in cadences):
        return ""
    worst = min(cadences, key=lambda cadence: cadence.packets / cadence.seconds)
    share = worst.packets / (worst.streams * worst.seconds * 50)
    whose = ", and the load core was full" if load >= FULL_CORE else ""
    return f"not clean: {percent(share)} of the packets came, {worst}{whose}"
