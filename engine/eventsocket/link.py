"""How messages travel between a session and its app, whatever the door: `Link`. And the link over a byte stream."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import trio

from callflow.protocol.connection import MessageReader, Spelling, prefixed

from .outlet import write_now

_CHUNK = 64 * 1024  # octets read from a stream at once


class LinkClosed(Exception):
    """The peer is gone; the text says how."""


class Link(Protocol):
    """Whole messages in order, both ways. One task sends, another receives, and a send is never cancelled."""

    @property
    def spelling(self) -> Spelling:
        """How the frames inside are written; known once a message was received."""
        ...

    @property
    def peer(self) -> str:
        """Who it is, for the log of the program."""
        ...

    async def receive(self) -> Sequence[bytes | str]:
        """The next messages, one at least. May be cancelled. Raises LinkClosed, MalformedMessage."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one message, without letting others run if it is taken at once. Raises LinkClosed."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Say goodbye, as far as the link has words for it, and close. Nobody sends at the time."""
        ...

    async def abort(self) -> None:
        """Close at once; who sends or receives at the time gets LinkClosed."""
        ...


class StreamLink:
    """A link over a byte stream: msgpack, each message preceded by its length."""

    spelling = Spelling.MSGPACK

    def __init__(self, stream: trio.abc.Stream, peer: str) -> None:
        self.peer = peer
        self._stream = stream
        self._reader = MessageReader()

    async def receive(self) -> Sequence[bytes]:
        while True:
            try:
                data = await self._stream.receive_some(_CHUNK)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise LinkClosed("the connection broke") from error
            if not data:
                raise LinkClosed("the app closed the connection")
            if messages := self._reader.feed(data):
                return messages

    async def send(self, message: bytes) -> None:
        data = prefixed(message)
        sent = write_now(self._stream, data) if isinstance(self._stream, trio.SocketStream) else 0
        if sent == len(data):
            return
        try:
            await self._stream.send_all(data[sent:])
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkClosed("the connection broke") from error

    async def close(self, code: int, reason: str) -> None:
        await self.abort()

    async def abort(self) -> None:
        await trio.aclose_forcefully(self._stream)


class Nowhere:
    """The link of a session inside the engine: nothing is sent, and nothing comes."""

    spelling = Spelling.MSGPACK

    def __init__(self, peer: str) -> None:
        self.peer = peer

    async def receive(self) -> Sequence[bytes]:
        raise LinkClosed("nothing comes from inside the engine")

    async def send(self, message: bytes) -> None:
        raise LinkClosed("nothing is sent inside the engine")

    async def close(self, code: int, reason: str) -> None:
        await self.abort()

    async def abort(self) -> None:
        await trio.lowlevel.checkpoint()
