"""The native media engine, for as long as one likes: legs that come and go and do anything, among strangers.

    python -m tests.soak.media --seconds 600

Afterwards nothing may be open, and memory has to be what it was when everything had been done a few times.
"""

from __future__ import annotations

import argparse
import gc
import random
import socket
import tempfile
import time
import wave
from collections.abc import Iterator
from pathlib import Path

import trio

from engine.media.engine import NativeMediaEngine
from engine.media.room import MediaRoom, Membership
from engine.media.session import (
    DigitsSent,
    FileSource,
    MediaEvent,
    MediaSession,
    PlaybackFinished,
    RecordingFinished,
    Stream,
    ToneSource,
)
from tests.ports import free_ports

LEGS = 8  # at a time: as many as the harness's ports
WARM_UP = 20  # waves
MAX_GROWTH_KB = 4096


class Grown(AssertionError):
    """Memory is not what it was."""


class Leg:
    """A session, and how much of what it does has not ended."""

    def __init__(self, engine: NativeMediaEngine) -> None:
        self.running = 0
        self.ended = trio.Event()
        self.session: MediaSession = engine.open(self._take)

    def _take(self, event: MediaEvent) -> None:
        if isinstance(event, PlaybackFinished | RecordingFinished | DigitsSent):
            self.running -= 1
            if self.running == 0:
                self.ended.set()


async def soak(seconds: float, *, seed: int = 1, warm_up: int = WARM_UP) -> int:
    """Waves of legs for so long, and more than the warm-up; how many there were. Raises Grown."""
    rng, until, before, count = random.Random(seed), time.monotonic() + seconds, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        prompt = Path(folder) / "prompt.wav"
        _write_prompt(prompt)
        engine = NativeMediaEngine("127.0.0.1", free_ports(16), threads=2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(engine.run)
            while time.monotonic() < until or count <= warm_up:
                await _wave(engine, prompt, rng)
                count += 1
                if count == warm_up:
                    before = _memory_kb()
            grown = _memory_kb() - before
            if engine.open_sessions or engine.open_rooms or grown > MAX_GROWTH_KB:
                left = f"{engine.open_sessions} sessions and {engine.open_rooms} rooms are open"
                raise Grown(f"{grown} kB more after {count} waves, {left}")
            nursery.cancel_scope.cancel()
    return count


async def _wave(engine: NativeMediaEngine, prompt: Path, rng: random.Random) -> None:
    legs = [Leg(engine) for _ in range(LEGS)]
    for one, other in _pairs(legs):
        has_events = rng.random() < 0.5
        for leg, peer in ((one, other), (other, one)):
            leg.session.update(Stream(peer.session.local, rng.choice(("PCMU", "PCMA")), 0, 101 if has_events else None))
            leg.running = 3
            leg.session.play(
                "p", [FileSource(prompt), ToneSource((440.0,), duration_ms=60)], gain_db=rng.choice((0, 3))
            )
            leg.session.record("r", prompt.with_name(f"{id(leg)}.wav"), max_ms=rng.randrange(40, 200))
            leg.session.send_digits("d", "1#", duration_ms=40, gap_ms=40)
            leg.session.echo(is_on=rng.random() < 0.3)
    legs[0].session.relay(legs[2].session)
    room = _talk(engine, legs, rng)
    _annoy(legs, rng)
    with trio.fail_after(30):
        for leg in legs:
            await leg.ended.wait()
    for leg in legs:
        leg.session.close()
    room.close()
    for path in prompt.parent.glob("*.wav"):
        if path != prompt:
            path.unlink()


def _talk(engine: NativeMediaEngine, legs: list[Leg], rng: random.Random) -> MediaRoom:
    """A room: two who are relayed are listened to, others speak, some as they like; it is played to."""
    room = engine.open_room(_ignore, near=legs[0].session)
    for leg in (legs[0], legs[2]):
        room.add(leg.session, Membership(is_tapped=True, is_deaf=True))
    for leg in rng.sample(legs[3:], rng.randrange(1, 5)):
        whispers_to = rng.choice((None, legs[0].session))
        room.add(leg.session, Membership(gain_db=rng.choice((0, -6)), speaks_to=whispers_to))
    room.play("hold", [ToneSource((440.0, 480.0))])
    if rng.random() < 0.5:
        room.remove(legs[2].session)
    return room


def _ignore(event: MediaEvent) -> None:
    """What is reported of the room is no matter."""


def _annoy(legs: list[Leg], rng: random.Random) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as stranger:
        for leg in legs:
            host, port = leg.session.local
            for _ in range(20):
                stranger.sendto(rng.randbytes(rng.randrange(300)), (host, port + rng.randrange(2)))


def _pairs(legs: list[Leg]) -> Iterator[tuple[Leg, Leg]]:
    return zip(legs[::2], legs[1::2], strict=True)


def _memory_kb() -> int:
    """What is resident, once what is garbage is gone."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise OSError("/proc/self/status does not tell the memory")


def _write_prompt(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(random.Random(1).randbytes(3200))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak.media", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    count = trio.run(lambda: soak(options.seconds, seed=options.seed))
    print(f"media: {count} waves of {LEGS} legs, and memory is what it was")


if __name__ == "__main__":
    main()
