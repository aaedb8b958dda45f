"""A bot that says everything back."""

from collections.abc import AsyncIterator
from typing import Protocol

HEADER = 8  # octets before the sound: when it was heard, and on which track


class Socket(Protocol):
    """A connection of `websockets`, or of a simulation."""

    def __aiter__(self) -> AsyncIterator[bytes | str]: ...

    async def send(self, message: bytes | str, /) -> None: ...


async def echo(socket: Socket) -> None:
    async for message in socket:
        if isinstance(message, bytes):
            await socket.send(message[HEADER:])
