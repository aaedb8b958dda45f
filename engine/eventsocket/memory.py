"""The door inside the process: an app speaks over a pair of in-memory streams, frames encoded and decoded.

For the simulation (virtual time) and for scripts that run inside the engine.
"""

from __future__ import annotations

import trio

from .eventsocket import EventSocket
from .link import StreamLink
from .tokens import Token, Tokens

_CHUNKS = 16  # that a stream holds before who sends must wait


def open_memory_session(
    sockets: EventSocket,
    nursery: trio.Nursery,
    *,
    tokens: Tokens | None = None,
    token: Token | None = None,
    peer: str = "memory",
) -> trio.abc.Stream:
    """Serve a session in `nursery`; the app's end of its stream. What the stream carries: see `prefixed`."""
    ours, theirs = memory_streams()
    link = StreamLink(ours, peer)

    async def serve() -> None:
        await sockets.serve(link, tokens=tokens, token=token)

    nursery.start_soon(serve)
    return theirs


def memory_streams() -> tuple[trio.abc.Stream, trio.abc.Stream]:
    """Two ends of a stream in memory: bounded, and in step with trio's clock."""
    to_left, from_right = trio.open_memory_channel[bytes](_CHUNKS)
    to_right, from_left = trio.open_memory_channel[bytes](_CHUNKS)
    return MemoryStream(to_right, from_right), MemoryStream(to_left, from_left)


class MemoryStream(trio.abc.Stream):
    """One end."""

    def __init__(self, send: trio.MemorySendChannel[bytes], receive: trio.MemoryReceiveChannel[bytes]) -> None:
        self._send = send
        self._receive = receive
        self._rest = b""

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        if data:  # an empty chunk would read as the end
            await self._send.send(bytes(data))
        else:
            await trio.lowlevel.checkpoint()

    async def wait_send_all_might_not_block(self) -> None:
        await trio.lowlevel.checkpoint()

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        if not self._rest:
            try:
                self._rest = await self._receive.receive()
            except trio.EndOfChannel:
                return b""
        data = self._rest[:max_bytes]
        self._rest = self._rest[len(data) :]
        return data

    async def aclose(self) -> None:
        self._send.close()
        self._receive.close()
        await trio.lowlevel.checkpoint()
