"""What a second costs of playing to a leg, of relaying both ways between two legs, of a member in a conference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import trio

from callflow.phone import PhoneCall
from engine.sdp.codec import NARROW
from engine.sdp.security import OFFERED, Policy

from .bench import Bench
from .engine import RunningEngine, running_engine
from .figure import Figure, percent
from .floor import floor_microseconds
from .load_media import PACKETS_PER_SECOND, Cadence, Listening, Phones, running_own_phones, running_phones
from .process import memory_kb
from .script import BRIDGE, CONFERENCE, PLAY

FULL_CORE = 0.9
# The limit of the machine is looked for, and neighbours on it may make sound late: no call is to be refused for it.
NO_LIMIT = """\
[limits]
media_lag = 0
lag = 0
"""
OWN_CODECS = 'codecs = ["PCMU", "PCMA", "L16/16000"]'


async def measure(bench: Bench) -> list[Figure]:
    """Playback, relay, conferences: each with so many that one can count, the first two at the limit as well."""
    sizes = bench.sizes
    few = max(sizes.many_legs // 10, 2)  # does each cost more where there are more?
    return [
        await measure_playback(bench, legs=few, name=f"playback to {few}"),
        await measure_playback(bench, legs=sizes.playing_legs, name="playback"),
        await measure_playback(bench, legs=sizes.many_legs, name=f"playback to {sizes.many_legs}"),
        await measure_playback(bench, legs=sizes.playing_legs, name="playback by SRTP", srtp="required"),
        *[
            await measure_playback(bench, legs=sizes.scaled_legs, name=f"playback by {threads}", threads=threads)
            for threads in (1, 2)
        ],
        await _measure_relay(bench, count=few // 2, name=f"relay of {few // 2}"),
        await _measure_relay(bench, count=sizes.bridged_calls, name="two-way relay"),
        await _measure_relay(bench, count=sizes.bridged_calls, name="transcoded relay", callees=("PCMA",)),
        await _measure_relay(bench, count=sizes.coded_calls, name="PCMU to G.722", callees=("G722",)),
        await _measure_relay(bench, count=sizes.coded_calls, name="PCMU to Opus", callees=("opus",)),
        *await measure_own_relays(bench),
        await _measure_relay(bench, count=sizes.many_legs // 2, name=f"relay of {sizes.many_legs // 2}"),
        await _measure_conferences(bench, conferences=1, members=sizes.members),
        await _measure_conferences(bench, conferences=1, members=sizes.most_members),
        await _measure_conferences(bench, conferences=sizes.small_conferences, members=3),
    ]


async def measure_playback(
    bench: Bench, *, legs: int, name: str, threads: int = 1, prompt: Path | None = None, srtp: Policy = "off"
) -> Figure:
    """So many legs hear a prompt: that file, or some seconds of noise."""
    sizes = bench.sizes
    bench.say(f"playback to {legs} legs by {threads}")
    floor = await floor_microseconds(bench, "playback", legs=legs) * PACKETS_PER_SECOND
    async with (
        running_engine(bench, more=NO_LIMIT, threads=threads, prompt=prompt, srtp=srtp) as engine,
        running_phones(bench, legs=legs, srtp=srtp) as phones,
    ):
        idle, weight = await engine.idle_cpu(sizes.idle_time), memory_kb(engine.pid)
        calls = await phones.call(engine.server, PLAY, count=legs, rate=sizes.setup_rate)
        taken = await listen(bench, engine, phones, streams=legs, idle=idle)
        grown = memory_kb(engine.pid) - weight
        await phones.hang_up(calls)
    return media_figure(
        name, "CPU-us/leg-second", taken, per=legs, floor=floor, memory=grown / legs,
        how=f"{legs} legs hear a prompt (PCMU, 20 ms, endless) for {sizes.media_time:g} s and send "
        "nothing but silence once a second. CPU of the engine process, less that of an idle one, by leg-seconds.",
    )  # fmt: skip


async def measure_own_relays(bench: Bench) -> list[Figure]:
    """What phones say that encrypt and code by our own media engine: plain, by SRTP on both legs, to L16."""
    secured, coded = bench.sizes.secured_calls, bench.sizes.coded_calls
    return [
        await _measure_own_relay(bench, count=secured, name="relay, plain"),
        await _measure_own_relay(bench, count=secured, name="relay by SRTP", srtp="required"),
        await _measure_own_relay(bench, count=coded, name="PCMU to L16", callees=("L16/16000",)),
    ]


async def _measure_own_relay(
    bench: Bench, *, count: int, name: str, callees: Sequence[str] = NARROW, srtp: Policy = "off"
) -> Figure:
    async with (
        running_engine(bench, more=NO_LIMIT, srtp=srtp, rtp=OWN_CODECS) as engine,
        running_own_phones(callees=callees, srtp=srtp) as phones,
    ):
        figure = await _relay_figure(bench, engine, phones, count=count, name=name)
    suite = f"SRTP on both legs, {OFFERED[0]}" if srtp != "off" else "no SRTP"
    return replace(figure, how=f"{figure.how} The phones are our own media engine on the other core; {suite}.")


async def _measure_relay(bench: Bench, *, count: int, name: str, callees: Sequence[str] = NARROW) -> Figure:
    """Callers speak PCMU."""
    async with (
        running_engine(bench, more=NO_LIMIT) as engine,
        running_phones(bench, legs=2 * count, callers=("PCMU",), callees=callees) as phones,
    ):
        return await _relay_figure(bench, engine, phones, count=count, name=name)


async def _relay_figure(bench: Bench, engine: RunningEngine, phones: Phones, *, count: int, name: str) -> Figure:
    sizes = bench.sizes
    bench.say(f"{name}, {count} calls")
    floor = await floor_microseconds(bench, "relay", legs=2 * count) * PACKETS_PER_SECOND * 2
    idle, weight = await engine.idle_cpu(sizes.idle_time), memory_kb(engine.pid)
    calls = await phones.call(engine.server, BRIDGE.format(port=phones.port), count=count, rate=sizes.setup_rate)
    phones.play(calls)
    phones.play(phones.answered)
    taken = await listen(bench, engine, phones, streams=2 * count, idle=idle)
    grown = memory_kb(engine.pid) - weight
    await phones.hang_up(calls)
    return media_figure(
        name, "CPU-us/call-second", taken, per=count, floor=floor, memory=grown / (2 * count),
        how=f"{count} calls that the app dials on and bridges; both sides speak (PCMU, 20 ms) for "
        f"{sizes.media_time:g} s. CPU of the engine process, less that of an idle one, by call-seconds of two legs.",
    )  # fmt: skip


async def _measure_conferences(bench: Bench, *, conferences: int, members: int) -> Figure:
    sizes, many = bench.sizes, f"{conferences} conference{'s' if conferences > 1 else ''} of {members}"
    bench.say(many)
    pairs = conferences * members // 2  # each member hears and is heard, as each leg of a relay
    floor = await floor_microseconds(bench, "relay", legs=2 * pairs) * PACKETS_PER_SECOND
    legs = conferences * members
    async with running_engine(bench, more=NO_LIMIT) as engine, running_phones(bench, legs=legs) as phones:
        idle, weight = await engine.idle_cpu(sizes.idle_time), memory_kb(engine.pid)
        calls: list[PhoneCall] = []
        for room in range(conferences):
            number = CONFERENCE.format(room=room)
            calls += await phones.call(engine.server, number, count=members, rate=sizes.setup_rate)
        phones.play(calls)
        taken = await listen(bench, engine, phones, streams=legs, idle=idle)
        grown = memory_kb(engine.pid) - weight
        await phones.hang_up(calls)
    return media_figure(
        f"member, {many}", "CPU-us/member-second", taken, per=conferences * members, floor=floor,
        memory=grown / (conferences * members),
        how=f"All members speak all the time (PCMU, 20 ms) for {sizes.media_time:g} s: each hears its own mix. CPU "
        "of the engine process, less that of an idle one, by member-seconds.",
    )  # fmt: skip


async def listen(
    bench: Bench, engine: RunningEngine, phones: Phones, *, streams: int, idle: float
) -> list[tuple[float, Cadence, float]]:
    """Per repetition: CPU seconds per second of the engine above its idle, what was heard, and the load's own CPU."""
    await trio.sleep(bench.sizes.settle_time)
    taken = []
    for _ in range(bench.sizes.repetitions):
        before, listening = engine.cpu(), Listening(phones, streams=streams)
        await trio.sleep(bench.sizes.media_time)
        used, cadence, load = engine.cpu() - before, listening.heard(), listening.load()
        taken.append((used / cadence.seconds - idle, cadence, load))
    return taken


def media_figure(
    name: str,
    unit: str,
    taken: Sequence[tuple[float, Cadence, float]],
    *,
    per: int,
    floor: float,
    memory: float,
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
            "kernel alone": f"{floor:.0f}",
            "x the kernel": f"{median(used for used, _, _ in taken) / per * 1e6 / floor:.2f}",
            "memory": f"{memory:.1f} kB/leg",
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
