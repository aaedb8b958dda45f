"""What a DTLS handshake costs beside ICE, and what a storm of them does to a call that plays."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import trio

from engine.media.engine import NativeMediaEngine, NativeMediaSession
from engine.media.session import Direction, MediaEvent, MediaSecured, Stream, ToneSource
from engine.sdp.association import Association, IceCredentials

from .bench import Bench
from .figure import Figure, milliseconds

_PAIRS = 50  # at a time: none gets lost in the queues
_PATIENCE = 60  # seconds


@dataclass
class _Storm:
    """Pairs of sessions that shake hands; both ends are this process."""

    engine: NativeMediaEngine
    secured: int = 0
    done: trio.Event = field(default_factory=trio.Event)

    def take(self, event: MediaEvent) -> None:
        if isinstance(event, MediaSecured):
            self.secured += 1
            self.done.set()

    async def run(self, pairs: int) -> None:
        sessions = [self.engine.open(self.take) for _ in range(2 * pairs)]
        wanted = self.secured + 2 * pairs
        for one, other in zip(sessions[::2], sessions[1::2], strict=True):
            one.associate(self._terms(one, other, is_first=True))
            other.associate(self._terms(other, one, is_first=False))
        with trio.fail_after(_PATIENCE):
            while self.secured < wanted:
                self.done = trio.Event()
                await self.done.wait()
        for session in sessions:
            session.close()

    def _terms(self, one: NativeMediaSession, other: NativeMediaSession, *, is_first: bool) -> Association:
        host, port = other.local
        credentials = [IceCredentials(f"port{session.local[1]}", "0123456789" * 3) for session in (one, other)]
        return Association(
            address=one.local,
            local=credentials[0],
            remote=credentials[1],
            is_lite=not is_first,
            is_controlling=is_first,
            candidates=(f"candidate:1 1 UDP 2130706431 {host} {port} typ host",),
            is_client=is_first,
            fingerprints=(self.engine.fingerprint,),
        )


async def measure(bench: Bench) -> list[Figure]:
    """The processor's time of one side of a handshake with ICE, and how late a tone was meanwhile."""
    bench.say("DTLS handshakes")
    engine = NativeMediaEngine("127.0.0.1", (30000, 39998))
    values, rates, late = [], [], 0.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        player = engine.open(lambda event: None)
        player.update(Stream(("127.0.0.1", 9), "PCMU", 0, None, Direction.SENDRECV))
        player.play("p", [ToneSource((440.0,))])
        storm = _Storm(engine)
        await storm.run(2)
        engine.take_lateness()
        for _ in range(bench.sizes.repetitions):
            cpu, wall = time.process_time(), time.perf_counter()
            await storm.run(_PAIRS)
            values.append((time.process_time() - cpu) * 1e3 / (2 * _PAIRS))
            rates.append(_PAIRS / (time.perf_counter() - wall))
            late = max(late, engine.take_lateness())
        player.close()
        nursery.cancel_scope.cancel()
    beside = {"handshakes": f"{min(rates):.0f}/s, both ends", "a tone beside them was late by": milliseconds(late)}
    how = f"{_PAIRS} pairs of our own sessions at a time, ICE and DTLS 1.3, P-256 certificates; all of the process"
    return [Figure(name="DTLS handshake, one side", unit="CPU-ms", values=tuple(values), how=how, beside=beside)]
