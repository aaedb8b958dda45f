"""The native engine on a bad network: real sockets, between them a proxy that loses, delays and doubles packets."""

from __future__ import annotations

import itertools
import random
import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio

from engine.media.session import RecordingFinished, ToneSource

from .harness import Floor, Leg, open_floor, read_wav, share_of_time, stream_to

TONE = 400


@dataclass
class Impairment:
    """What the way from one side to the other does to packets."""

    loss: float = 0.0
    jitter_ms: float = 0.0
    doubled: float = 0.0
    rng: random.Random = field(default_factory=lambda: random.Random(5))

    def delays(self) -> list[float]:
        """After how many seconds each copy arrives."""
        if self.rng.random() < self.loss:
            return []
        copies = 2 if self.rng.random() < self.doubled else 1
        return [self.rng.uniform(0, self.jitter_ms) / 1000 for _ in range(copies)]


@asynccontextmanager
async def impaired(one: Leg, other: Leg, impairment: Impairment):
    """Connect two legs through a proxy that impairs what `one` sends; what comes back is left alone."""
    facing_one, facing_other = (trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with facing_one, facing_other:
        for side in (facing_one, facing_other):
            await side.bind(("127.0.0.1", 0))
        async with trio.open_nursery() as nursery:

            async def carry(source, sink, to, delays):
                while True:
                    packet, _ = await source.recvfrom(2048)
                    for delay in delays():
                        nursery.start_soon(deliver, packet, sink, to, delay)

            async def deliver(packet, sink, to, delay):
                await trio.sleep(delay)
                await sink.sendto(packet, to)

            nursery.start_soon(carry, facing_one, facing_other, other.session.local, impairment.delays)
            nursery.start_soon(carry, facing_other, facing_one, one.session.local, lambda: [0.0])
            one.session.update(stream_to(one, remote=facing_one.getsockname()))
            other.session.update(stream_to(other, remote=facing_other.getsockname()))
            yield
            nursery.cancel_scope.cancel()


TRIES = 3  # a busy machine makes the network worse than is asked here; it is not busy for ever


async def record(floor: Floor, leg: Leg, is_good: Callable[[list[int]], bool], *, max_ms: int) -> None:
    """Record until it is good, but not often."""
    share = []
    for count in range(1, TRIES + 1):
        path = floor.folder / f"{count}.wav"
        leg.session.record(path.stem, path, max_ms=max_ms)
        await leg.wait(RecordingFinished, count)
        if is_good(samples := read_wav(path)):
            return
        share.append(share_of_time(samples, TONE))
    raise AssertionError(f"none was good; of the time the tone sounded {share}")


def on_a_bad_network(**options: float):
    """Run the test with a phone that sounds a tone, and the switch that hears it through the proxy."""

    def decorate(test):
        def run(tmp_path: Path) -> None:
            async def main() -> None:
                with trio.fail_after(120):
                    async with open_floor("native", tmp_path) as floor:
                        phone, switch = floor.open(), floor.open()
                        async with impaired(phone, switch, Impairment(**options)):
                            phone.session.play("tone", [ToneSource((TONE,))])
                            await trio.sleep(0.2)
                            await test(floor, phone, switch)

            trio.run(main)

        run.__name__, run.__doc__ = test.__name__, test.__doc__
        return run

    return decorate


@on_a_bad_network(loss=0.05, jitter_ms=60, doubled=0.05)
async def test_a_recording_is_clean_under_loss_jitter_and_doubles(floor, phone, switch):
    def is_clean(samples: list[int]) -> bool:
        return share_of_time(samples, TONE) > 0.97 and steps_are_the_tones(samples[800:-800])

    await record(floor, switch, is_clean, max_ms=3500)
    assert switch.session.statistics().packets_received > 150


@on_a_bad_network(loss=0.05, jitter_ms=60, doubled=0.05)
async def test_the_echo_is_clean_under_loss_jitter_and_doubles(floor, phone, switch):
    switch.session.echo(is_on=True)
    await trio.sleep(1.5)  # the buffer learns how bad it is
    await record(floor, phone, lambda samples: share_of_time(samples, TONE) > 0.96, max_ms=3500)
    figures = switch.session.statistics()
    assert figures.playout_ms > 30  # and as much more as a busy machine adds
    assert figures.packets_late < 0.1 * figures.packets_received
    assert phone.session.statistics().packets_lost == 0


@on_a_bad_network()
async def test_on_a_good_network_the_buffer_is_shallow(floor, phone, switch):
    def is_good(samples: list[int]) -> bool:
        return share_of_time(samples[1600:], TONE) > 0.99 and 10 <= switch.session.statistics().playout_ms < 50

    switch.session.echo(is_on=True)
    await record(floor, phone, is_good, max_ms=2000)


def steps_are_the_tones(samples: list[int]) -> bool:
    """No sample jumps farther from the one before than twice what a tone of that level does: nothing clicks."""
    level = max(samples)
    largest = max(abs(after - before) for before, after in itertools.pairwise(samples))
    return largest < 2 * level * 2 * 3.1416 * TONE / 8000
