"""How messages of the event socket travel: over a byte stream (Unix socket, stream pair), each after its length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import anyio

from .errors import Disconnected
from .protocol.connection import MalformedMessage, MessageReader, Spelling, prefixed

LOST = (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError, OSError)  # a stream that is gone


class Transport(Protocol):
    """Whole messages in order, both ways. One task sends and one receives; both raise Disconnected at the end."""

    @property
    def spelling(self) -> Spelling:
        """How the frames inside are written."""
        ...

    async def send(self, message: bytes) -> None:
        """Send one message."""
        ...

    async def receive(self) -> Sequence[bytes | str]:
        """The next messages: one at least."""
        ...

    async def aclose(self) -> None:
        """Close; does not wait for the peer."""
        ...


class ByteStream(Protocol):
    """What is needed of `anyio.abc.ByteStream`."""

    async def send(self, item: bytes, /) -> None: ...

    async def receive(self) -> bytes: ...

    async def aclose(self) -> None: ...


class StreamTransport:
    """Messages over an anyio byte stream."""

    spelling = Spelling.MSGPACK

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream
        self._reader = MessageReader()

    async def send(self, message: bytes) -> None:
        """Send one message. Raises Disconnected."""
        try:
            await self._stream.send(prefixed(message))
        except LOST as error:
            raise Disconnected("the connection to the engine ended") from error

    async def receive(self) -> Sequence[bytes | str]:
        """The messages that have come. Raises Disconnected."""
        while True:
            try:
                messages = self._reader.feed(await self._stream.receive())
            except LOST as error:
                raise Disconnected("the connection to the engine ended") from error
            except MalformedMessage as error:
                raise Disconnected(f"the engine sent no message of this protocol: {error}") from error
            if messages:
                return messages

    async def aclose(self) -> None:
        """Close the stream."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(1):
            await self._stream.aclose()
