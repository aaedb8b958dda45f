"""An application that the engine dials, as octets: it takes one connection after another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from .place import EslClient


class Listening:
    """Where it listens, and the connections that came."""

    def __init__(self, port: int, connections: trio.MemoryReceiveChannel[EslClient]) -> None:
        self.port = port
        self._connections = connections

    async def accept(self) -> EslClient:
        return await self._connections.receive()

    async def begin(self, *commands: str) -> tuple[EslClient, dict[str, str]]:
        """The next connection after `connect` and these commands; with the channel, as it was told."""
        client = await self.accept()
        data = await client.command("connect")
        for command in commands:
            await client.command(command)
        return client, data.headers


@asynccontextmanager
async def listening() -> AsyncIterator[Listening]:
    """A listener, with all its connections closed at the end."""
    [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
    came, connections = trio.open_memory_channel[EslClient](10)
    streams: list[trio.SocketStream] = []

    async def keep(stream: trio.SocketStream) -> None:
        streams.append(stream)
        await came.send(EslClient(stream))
        await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(trio.serve_listeners, keep, [listener])
        yield Listening(listener.socket.getsockname()[1], connections)
        nursery.cancel_scope.cancel()
    for stream in streams:
        await trio.aclose_forcefully(stream)
