"""An app beside the engine that sees every event and can wait for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import trio

from callflow.client import Engine, connect
from callflow.errors import Disconnected
from callflow.protocol.events import Event
from callflow.protocol.frames import EventFrame

from .engine import RunningEngine


class Watch:
    """What happened so far, and what will."""

    def __init__(self, client: Engine) -> None:
        self.client = client
        self.seen: list[tuple[EventFrame, Event]] = []
        self._arrived = trio.Condition()

    async def wait(self, name: str, found: Callable[[Event], bool] = lambda event: True, *, count: int = 1) -> Event:
        """The `count`th event of that name for which `found` holds, since the start."""
        _, event = await self._wait(name, found, count)
        return event

    async def channel(self, index: int = 0) -> str:
        """The id of a channel, counted from the first, as soon as there are so many."""
        frame, _ = await self._wait("channel.created", lambda event: True, index + 1)
        assert frame.channel is not None
        return frame.channel

    async def at(self, name: str, *, count: int = 1) -> float:
        """When the `count`th event of that name happened, in seconds since the epoch."""
        frame, _ = await self._wait(name, lambda event: True, count)
        return frame.at

    def names(self) -> list[str]:
        """Those of all that has come: whoever asks has waited for what comes last."""
        return [frame.name for frame, _ in self.seen]

    async def _wait(self, name: str, found: Callable[[Event], bool], count: int) -> tuple[EventFrame, Event]:
        async with self._arrived:
            while len(pairs := [pair for pair in self.seen if pair[0].name == name and found(pair[1])]) < count:
                await self._arrived.wait()
        return pairs[count - 1]

    async def run(self) -> None:
        """Collect, until the engine goes."""
        with suppress(Disconnected):
            async for frame, event in self.client.events():
                assert event is not None, frame.name
                async with self._arrived:
                    self.seen.append((frame, event))
                    self._arrived.notify_all()


@asynccontextmanager
async def watch(engine: RunningEngine) -> AsyncIterator[Watch]:
    """Connect and collect events until the block ends."""
    async with connect(engine.socket, app="watch", token=engine.token, subscribe=["*"]) as client:
        async with trio.open_nursery() as nursery:
            watch = Watch(client)
            nursery.start_soon(watch.run)
            try:
                yield watch
            except BaseException:
                print(*(f"{frame.at:.3f} {frame.channel} {event}" for frame, event in watch.seen), sep="\n")
                raise
            nursery.cancel_scope.cancel()
