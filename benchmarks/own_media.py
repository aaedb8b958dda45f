"""Media of phones by our own engine, on the core of the load: they encrypt and code as the other side does.

It is as busy as the engine that is measured: for as many calls as one core carries.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter
from typing import cast

import trio

from engine.media.engine import NativeMediaEngine, NativeMediaSession
from engine.media.session import MediaEngine, MediaEvent

from .bare_media import Figures

_PORTS = (40_000, 59_998)


class OwnMedia:
    """A media engine for phones, which counts what all of them receive."""

    def __init__(self, engine: NativeMediaEngine) -> None:
        self._engine = engine
        self._sessions: list[NativeMediaSession] = []
        self.pid = os.getpid()

    def as_engine(self) -> MediaEngine:
        """For a phone, which asks for sessions and nothing else."""
        return cast("MediaEngine", self)

    def open(self, on_event: Callable[[MediaEvent], None]) -> NativeMediaSession:
        """A session. Raises PortsExhausted."""
        session = self._engine.open(on_event)
        self._sessions.append(session)
        return session

    def figures(self) -> Figures:
        """What was received until now."""
        told = [session.statistics() for session in self._sessions if not session.is_closed]
        return Figures(
            perf_counter(),
            packets=sum(each.packets_received for each in told),
            lost=sum(each.packets_lost for each in told),
            delayed=sum(each.packets_delayed for each in told),
            jitter_ms=max((each.jitter_ms for each in told), default=0.0),
        )


@asynccontextmanager
async def running_own_media() -> AsyncIterator[OwnMedia]:
    """One, whose thread is on the core of this process."""
    engine = NativeMediaEngine("127.0.0.1", _PORTS)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(engine.run)
        yield OwnMedia(engine)
        nursery.cancel_scope.cancel()
