"""A program that calls are streamed to, over a real WebSocket: it takes one connection after another."""

from __future__ import annotations

import functools
import math
from array import array
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import ServerConnection, serve


class Ear:
    """One connection."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection
        self.is_done = trio.Event()

    @property
    def subprotocol(self) -> str | None:
        """What the engine offered."""
        assert self.connection.request is not None
        return self.connection.request.headers.get("Sec-WebSocket-Protocol")

    async def text(self) -> str:
        """The next text, whatever sound comes before it."""
        while not isinstance(message := await self.connection.recv(), str):
            pass
        return message

    async def loud(self) -> bytes:
        """The next frame that is not silent."""
        while isinstance(message := await self.connection.recv(), str) or not _is_loud(message):
            pass
        return message

    async def say(self, message: str | bytes) -> None:
        await self.connection.send(message)

    async def ended(self) -> int:
        """The code that it was closed with."""
        try:
            while True:
                await self.connection.recv()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd is not None else 1006

    def close(self) -> None:
        """End it from this side."""
        self.is_done.set()


class Ears:
    """Where it listens, and the connections that came."""

    def __init__(self, url: str, came: trio.MemoryReceiveChannel[Ear]) -> None:
        self.url = url
        self._came = came

    async def accept(self) -> Ear:
        return await self._came.receive()


@asynccontextmanager
async def listening() -> AsyncIterator[Ears]:
    """A listener on this machine."""
    came, ears = trio.open_memory_channel[Ear](math.inf)

    async def keep(connection: ServerConnection) -> None:
        ear = Ear(connection)
        await came.send(ear)
        await ear.is_done.wait()

    async with trio.open_nursery() as nursery:
        server = await nursery.start(functools.partial(serve, keep, 0, host="127.0.0.1"))
        [listener] = server.listeners
        yield Ears(f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/", ears)
        nursery.cancel_scope.cancel()


def _is_loud(frame: bytes) -> bool:
    return any(abs(sample) > 1000 for sample in array("h", frame))
