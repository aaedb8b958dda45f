"""Any SIP server on this machine beside ours: calls, and what it plays, relays and mixes, by numbers that do so."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .bench import Bench
from .engine import RunningEngine
from .figure import Figure
from .floor import floor_microseconds
from .load_media import PACKETS_PER_SECOND, Cadence, running_phones
from .measure_calls import measure_calls_to
from .measure_media import listen, media_figure
from .process import memory_kb
from .script import ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Another:
    """Where it listens for SIP by UDP, and what its numbers do; what has no number is not measured."""

    server: tuple[str, int]
    pid: int = 0  # its process, if it is one, and here
    number: str = ANSWER  # is answered, and hung up by the caller
    playback: str = ""  # plays for ever
    relay: str = ""  # dials on to our phone at `callee_port`, and relays both ways
    conference: str = ""  # all who call it hear each other
    callee_port: int = 0
    legs: int = 0  # of each of those; 0: as many as ours

    @property
    def name(self) -> str:
        host, port = self.server
        return f"{host}:{port}"

    @property
    def engine(self) -> RunningEngine:
        """As what a measurement takes."""
        return RunningEngine(self.pid, 0, self.server, "", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Media:
    """One thing that a number does with sound."""

    what: str
    number: str
    calls: int
    legs: int  # of our phones
    says: bool  # the callers speak, and callees too
    unit: str
    does: str


async def measure_another(bench: Bench, another: Another) -> list[Figure]:
    """As far as it is known: without a process what it costs is not told, but how many calls, and what is heard."""
    figures = await measure_calls_to(bench, another.engine, another.number, f"answered by {another.name}")
    if not another.pid:
        del figures[1:]
    return figures + [await _measure_media(bench, another, media) for media in _media(bench, another)]


def _media(bench: Bench, another: Another) -> list[_Media]:
    sizes, legs = bench.sizes, another.legs
    playing, members = legs or sizes.playing_legs, legs or sizes.members
    relayed = max(legs // 2, 1) if legs else sizes.bridged_calls
    every = [
        _Media(what="playback", number=another.playback, calls=playing, legs=playing, says=False,
               unit="CPU-us/leg-second", does="are played to, and send nothing but silence once a second"),
        _Media(what="two-way relay", number=another.relay, calls=relayed, legs=2 * relayed, says=True,
               unit="CPU-us/call-second", does="are dialled on, and both sides speak"),
        _Media(what="member of a conference", number=another.conference, calls=members, legs=members, says=True,
               unit="CPU-us/member-second", does="are in one conference, and all speak"),
    ]  # fmt: skip
    return [media for media in every if media.number]


async def _measure_media(bench: Bench, another: Another, media: _Media) -> Figure:
    sizes, engine, name = bench.sizes, another.engine, f"{media.what} by {another.name}"
    bench.say(f"{name}, {media.calls} calls")
    floor = await _floor(bench, media)
    async with running_phones(bench, legs=media.legs, callee_port=another.callee_port) as phones:
        idle, weight = await engine.idle_cpu(sizes.idle_time), _memory(another)
        calls = await phones.call(another.server, media.number, count=media.calls, rate=sizes.setup_rate)
        if media.says:
            phones.play(calls)
            phones.play(phones.answered)
        taken = await listen(bench, engine, phones, streams=media.legs, idle=idle)
        grown = _memory(another) - weight
        await phones.hang_up(calls)
    figure = media_figure(
        name, media.unit, taken, per=media.calls, floor=floor, memory=grown / media.legs,
        how=f"{media.calls} calls {media.does} for {sizes.media_time:g} s. CPU of the process, less that while idle.",
    )  # fmt: skip
    return figure if another.pid else _heard_alone(figure, [cadence for _, cadence, _ in taken])


async def _floor(bench: Bench, media: _Media) -> float:
    """CPU-us that the kernel alone takes for a second of one of them."""
    if media.says:  # of two legs, each of which hears the other
        each = await floor_microseconds(bench, "relay", legs=max(media.legs // 2 * 2, 2))
    else:
        each = await floor_microseconds(bench, "playback", legs=media.legs)
    return each * PACKETS_PER_SECOND * media.legs / media.calls


def _memory(another: Another) -> float:
    return memory_kb(another.pid) if another.pid else 0.0


def _heard_alone(figure: Figure, cadences: list[Cadence]) -> Figure:
    """Of a server whose CPU nobody knows."""
    shares = [cadence.packets / (cadence.streams * cadence.seconds * PACKETS_PER_SECOND) for cadence in cadences]
    beside = {name: figure.beside[name] for name in ("heard", "load core")}
    return replace(
        figure, unit="x what was due", values=tuple(shares), beside=beside,
        how=figure.how.replace(" CPU of the process, less that while idle.", " Packets that came, by those due."),
    )  # fmt: skip
