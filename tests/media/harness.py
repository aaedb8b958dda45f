"""A floor on which either media engine stands, so that one suite asks both the same.

The fake runs on a clock that jumps, the native engine on real sockets in real time. A test is written once::

    @on_both_engines
    async def test_something(floor): ...
"""

from __future__ import annotations

import inspect
import math
import struct
import wave
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
import trio
import trio.testing

from engine.media.engine import NativeMediaEngine
from engine.media.fake import FakeMediaEngine, FakeMediaNetwork
from engine.media.session import MediaEngine, MediaEvent, MediaSession, RecordingFinished, Stream
from tests.ports import free_ports

KINDS = ("fake", "native")
PAIRS = 8  # of ports: enough for any test, and used up soon
EventT = TypeVar("EventT", bound=MediaEvent)


@dataclass
class Leg:
    """A session, and what it reported."""

    session: MediaSession
    events: list[MediaEvent] = field(default_factory=list)
    _changed: trio.Event = field(default_factory=trio.Event)

    def take(self, event: MediaEvent) -> None:
        self.events.append(event)
        self._changed.set()
        self._changed = trio.Event()

    def all(self, kind: type[EventT]) -> list[EventT]:
        return [event for event in self.events if isinstance(event, kind)]

    async def wait(self, kind: type[EventT], count: int = 1) -> EventT:
        """Wait for the event of that kind, or for so many; the last of them."""
        with trio.fail_after(90):
            while len(self.all(kind)) < count:
                await self._changed.wait()
        return self.all(kind)[count - 1]


@dataclass
class Floor:
    """An engine that runs, and what tests do on it."""

    kind: str
    engine: MediaEngine
    folder: Path
    pairs: int = PAIRS

    def open(self) -> Leg:
        leg = Leg(None)  # type: ignore[arg-type]  # the session needs the leg to report to
        leg.session = self.engine.open(leg.take)
        return leg

    def pair(self, **options: object) -> tuple[Leg, Leg]:
        """Two legs that send to each other: say, the switch's and the phone's."""
        one, other = self.open(), self.open()
        self.connect(one, other, **options)
        return one, other

    def connect(self, one: Leg, other: Leg, **options: object) -> None:
        one.session.update(stream_to(other, **options))
        other.session.update(stream_to(one, **options))

    async def pass_time(self, seconds: float) -> None:
        """At least so much. What is to have come about by then is waited for: see `until` and `hears`."""
        await trio.sleep(seconds)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Wait for what nothing tells: look again and again."""
        with trio.fail_after(90):
            while not is_so():
                await self.pass_time(0.01)

    def wav(
        self, name: str = "prompt.wav", *, seconds: float = 0.3, frequency: float = 440.0, rate: int = 8000
    ) -> Path:
        """A file that holds a tone."""
        samples = [round(12000 * math.sin(2 * math.pi * frequency * n / rate)) for n in range(round(seconds * rate))]
        path = self.folder / name
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(rate)
            file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        return path


async def record(floor: Floor, leg: Leg, *, max_ms: int) -> list[int]:
    """What a leg hears, from now on for so long."""
    before = len(leg.all(RecordingFinished))
    path = floor.folder / f"{leg.session.local[1]}-{before}.wav"
    leg.session.record(path.stem, path, max_ms=max_ms)
    finished = await leg.wait(RecordingFinished, before + 1)
    assert (finished.recording, finished.reason) == (path.stem, "max")
    return read_wav(path)


async def hears(floor: Floor, leg: Leg, is_it: Callable[[list[int]], object], *, max_ms: int = 100) -> list[int]:
    """Listen again and again, so long each time, until that is heard: what is told takes its time. What was heard."""
    samples: list[int] = []
    with trio.move_on_after(60):
        while not is_it(samples := await record(floor, leg, max_ms=max_ms)):
            pass
        return samples
    raise AssertionError(
        f"it is not heard; but: peak {max(map(abs, samples), default=0)}, {frequencies_in(samples)} Hz"
    )


def tone(frequency: float) -> Callable[[list[int]], bool]:
    """That tone, and hardly anything else, nearly all the time."""
    return lambda samples: share_of_time(samples, frequency) >= 0.8


def silence(samples: list[int]) -> bool:
    """Nothing at all."""
    return not any(samples)


def frequencies_in(samples: list[int]) -> list[int]:
    """Those of the tones of these tests that sound."""
    return [frequency for frequency in range(400, 2201, 200) if power_at(samples, frequency) > 0.1]


def stream_to(leg: Leg, **options: object) -> Stream:
    stream = Stream(remote=leg.session.local, codec="PCMU", payload_type=0, telephone_event=101)
    return replace(stream, **options)  # type: ignore[arg-type]


def on_both_engines(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run the test once per engine, on the clock that the engine needs. What it takes besides are parameters."""

    @pytest.mark.parametrize("kind", KINDS)
    def run(kind: str, tmp_path: Path, **given: object) -> None:
        async def main() -> None:
            with trio.fail_after(120):
                async with open_floor(kind, tmp_path) as floor:
                    await test(floor, **given)

        clock = trio.testing.MockClock(autojump_threshold=0) if kind == "fake" else None
        trio.run(main, clock=clock)

    own = [one for one in inspect.signature(run).parameters.values() if one.kind is not one.VAR_KEYWORD]
    _, *more = inspect.signature(test).parameters.values()
    run.__signature__ = inspect.Signature([*own, *more])  # type: ignore[attr-defined]  # pytest reads it
    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@asynccontextmanager
async def open_floor(kind: str, folder: Path) -> AsyncIterator[Floor]:
    engine = make_engine(kind)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        yield Floor(kind, engine, folder)
        nursery.cancel_scope.cancel()


def make_engine(kind: str) -> MediaEngine:
    if kind == "native":
        return NativeMediaEngine("127.0.0.1", free_ports(2 * PAIRS))
    return FakeMediaEngine(FakeMediaNetwork(), "127.0.0.1", (20000, 20000 + 2 * PAIRS - 1))


def read_wav(path: Path, *, channels: int = 1) -> list[int]:
    """Its samples, the channels' in turn."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (channels, 2, 8000)
        data = file.readframes(file.getnframes())
    return list(struct.unpack(f"<{len(data) // 2}h", data))


def power_at(samples: list[int], frequency: float, *, rate: int = 8000) -> float:
    """The share of the signal's energy at that frequency, 0 to 1 (Goertzel)."""
    energy = sum(sample * sample for sample in samples)
    if not energy:
        return 0.0
    factor, before, last = 2 * math.cos(2 * math.pi * frequency / rate), 0.0, 0.0
    for sample in samples:
        before, last = last, sample + factor * last - before
    power = before * before + last * last - factor * before * last
    return 2 * power / (len(samples) * energy)


def share_of_time(samples: list[int], frequency: float) -> float:
    """In which share of the 20 ms frames that frequency, and hardly anything else, sounds."""
    frames = [samples[at : at + 160] for at in range(0, len(samples) - 159, 160)]
    return sum(power_at(frame, frequency) > 0.8 for frame in frames) / max(len(frames), 1)
