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

    @property
    def is_free(self) -> bool:
        """What is sent now goes next, and needs nobody who waits."""
        ...

    async def receive(self) -> Sequence[bytes | str]:
        """The next messages, one at least. May be cancelled. Raises LinkClosed, MalformedMessage."""
        ...

    def send_now(self, message: bytes) -> bool:
        """Send one message while it `is_free`. False: a rest of it waits for `send_rest` or the next `send`."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one message, without letting others run if it is taken at once. Raises LinkClosed."""
        ...

    async def send_rest(self) -> None:
        """Send what `send_now` left. Raises LinkClosed."""
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
        self._rest = b""

    @property
    def is_free(self) -> bool:
        return isinstance(self._stream, trio.SocketStream) and not self._rest

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

    def send_now(self, message: bytes) -> bool:
        assert isinstance(self._stream, trio.SocketStream)
        data = prefixed(message)
        self._rest = data[write_now(self._stream, data) :]
        return not self._rest

    async def send(self, message: bytes) -> None:
        if not self.is_free:
            self._rest += prefixed(message)
        elif self.send_now(message):
            return
        await self.send_rest()

    async def send_rest(self) -> None:
        try:
            await self._stream.send_all(self._rest)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkClosed("the connection broke") from error
        self._rest = b""

    async def close(self, code: int, reason: str) -> None:
        await self.abort()

    async def abort(self) -> None:
        await trio.aclose_forcefully(self._stream)


class Nowhere:
    """The link of a session inside the engine: nothing is sent, and nothing comes."""

    spelling = Spelling.MSGPACK
    is_free = False

    def __init__(self, peer: str) -> None:
        self.peer = peer

    async def receive(self) -> Sequence[bytes]:
        raise LinkClosed("nothing comes from inside the engine")

    def send_now(self, message: bytes) -> bool:
        return True

    async def send(self, message: bytes) -> None:
        raise LinkClosed("nothing is sent inside the engine")

    async def send_rest(self) -> None:
        raise LinkClosed("nothing is sent inside the engine")

    async def close(self, code: int, reason: str) -> None:
        await self.abort()

    async def abort(self) -> None:
        await trio.lowlevel.checkpoint()
