"""Connections whose handshakes, of TLS and of the WebSocket, are not done: bounded, the oldest gives way.

In time they are bounded by the server, which gives each ten seconds.
"""

from __future__ import annotations

import trio

MAX_HANDSHAKES = 200  # at once


class HandshakeListener(trio.abc.Listener[trio.SocketStream]):
    """A listener that lets in at most so many connections whose handshake is not `done`."""

    def __init__(self, listener: trio.SocketListener, most: int = MAX_HANDSHAKES) -> None:
        self.socket = listener.socket
        self._listener = listener
        self._most = most
        self._pending: list[trio.SocketStream] = []

    async def accept(self) -> trio.SocketStream:
        """The next connection."""
        stream = await self._listener.accept()
        self._pending = [other for other in self._pending if other.socket.fileno() != -1]
        self._pending.append(stream)
        if len(self._pending) > self._most:
            self._pending.pop(0).socket.close()  # who waits for it is told: its resource is closed
        return stream

    def done(self, stream: trio.abc.Stream) -> None:
        """The handshake of this connection has come to its end."""
        inner = stream.transport_stream if isinstance(stream, trio.SSLStream) else stream
        self._pending = [other for other in self._pending if other is not inner]

    async def aclose(self) -> None:
        """Listen no more."""
        await self._listener.aclose()
