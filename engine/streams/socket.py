"""What a stream needs of a connection, and how getting one fails. `websocket` has the real one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from .message import Message


class StreamUnreachable(Exception):
    """No connection came about; the text says why."""


class StreamRefused(Exception):
    """The peer answered the handshake with another status than 101."""

    def __init__(self, status: int) -> None:
        super().__init__(f"expected 101 Switching Protocols, got {status}")
        self.status = status


class StreamClosed(Exception):
    """The connection is over: with the code of RFC 6455 7.4, 1006 when it broke."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"closed with {code}" + (f": {reason}" if reason else ""))
        self.code = code
        self.reason = reason


class StreamSocket(Protocol):
    """A connection to a peer. One task sends, another receives; to send never waits for the other."""

    async def send(self, messages: Sequence[Message]) -> None:
        """Send them, and what the connection itself has to say. Cancelled, the connection is of no more use."""
        ...

    async def receive(self) -> Message:
        """The next message. Raises StreamClosed, BadMessage."""
        ...

    def keep_alive(self) -> None:
        """Ask for a sign of life, if there was none for a while: `send` then. Raises StreamClosed if none came."""
        ...

    async def close(self, code: int = 1000) -> None:
        """Say goodbye, and wait a moment for the peer's. Never raises but for a cancellation."""
        ...

    async def abort(self) -> None:
        """End it at once."""
        ...


class Dialer(Protocol):
    """Where connections come from."""

    def expect_allowed(self, url: str) -> None:
        """Raise ValueError unless calls may be streamed there: what was expected, and what came."""
        ...

    async def dial(
        self, url: str, *, headers: Mapping[str, str], subprotocol: str | None, on_pending: Callable[[], None]
    ) -> StreamSocket:
        """Connect. `on_pending` is called when there is something to `send`, be it no message.

        Raises StreamUnreachable, StreamRefused.
        """
        ...
