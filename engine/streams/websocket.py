"""WebSockets that the engine opens for streams (RFC 6455): `websockets` without its I/O, on trio's streams.

The library's own connections have a lock around what they send, and readers that stop when nobody takes messages; here
one task writes all that is ready in one go, another reads, and neither ever waits for the other.
"""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Callable, Mapping, Sequence

import trio
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from .hosts import Hosts
from .message import MAX_MESSAGE, BadMessage, Message
from .socket import StreamClosed, StreamRefused, StreamUnreachable

CONNECT_WITHIN = 10.0  # seconds
CLOSE_WITHIN = 1.0
PING_EVERY = 15.0
SILENT_AFTER = 45.0  # without any sign of life
MOST_PENDING = 1 << 18  # octets of answers to pings that a peer does not read
_READ_AT_ONCE = 1 << 16


class WebSocketDialer:
    """Fulfils Dialer."""

    def __init__(self, hosts: Hosts, *, ssl_context: Callable[[], ssl.SSLContext] = ssl.create_default_context) -> None:
        """`ssl_context` is asked once, for the first `wss`."""
        self._hosts = hosts
        self._new_context = ssl_context
        self._context: ssl.SSLContext | None = None

    def expect_allowed(self, url: str) -> None:
        """Raise ValueError unless calls may be streamed there."""
        self._hosts.expect_allowed(url)

    async def dial(
        self, url: str, *, headers: Mapping[str, str], subprotocol: str | None, on_pending: Callable[[], None]
    ) -> WebSocket:
        """Connect. Raises StreamUnreachable, StreamRefused."""
        with trio.move_on_after(CONNECT_WITHIN):
            try:
                return await self._dial(url, headers, subprotocol, on_pending)
            except (OSError, InvalidURI, StreamClosed, trio.BrokenResourceError, UnicodeError) as error:
                raise StreamUnreachable(_why(error)) from error
        raise StreamUnreachable(f"no connection within {CONNECT_WITHIN:g} s")

    async def _dial(
        self, url: str, headers: Mapping[str, str], subprotocol: str | None, on_pending: Callable[[], None]
    ) -> WebSocket:
        uri = parse_uri(url)
        offered = None if subprotocol is None else [Subprotocol(subprotocol)]
        protocol = ClientProtocol(uri, subprotocols=offered, max_size=MAX_MESSAGE)
        stream: trio.abc.Stream = await trio.open_tcp_stream(uri.host, uri.port)
        try:
            if uri.secure:
                self._context = self._context or self._new_context()
                stream = trio.SSLStream(stream, self._context, server_hostname=uri.host, https_compatible=True)
            request = protocol.connect()
            request.headers.update(headers)
            protocol.send_request(request)
            socket = WebSocket(protocol, stream, on_pending)
            await socket.shake_hands()
            return socket
        except BaseException:  # whatever it is, the connection is nobody's
            await trio.aclose_forcefully(stream)
            raise


class WebSocket:
    """Fulfils StreamSocket."""

    def __init__(self, protocol: ClientProtocol, stream: trio.abc.Stream, on_pending: Callable[[], None]) -> None:
        self._protocol = protocol
        self._stream = stream
        self._on_pending = on_pending
        self._pending = bytearray()  # to be sent
        self._received: deque[Frame] = deque()
        self._parts: list[bytes] = []  # of a message that is not whole
        self._is_text = False
        self._alive_at = trio.current_time()
        self._pinged_at = self._alive_at

    async def shake_hands(self) -> None:
        """Raises StreamRefused, StreamUnreachable."""
        await self._flush()
        while self._protocol.state is State.CONNECTING:
            self._protocol.receive_data(await self._read_or_end())
            error = self._protocol.handshake_exc
            if isinstance(error, InvalidStatus):
                raise StreamRefused(error.response.status_code) from error
            if error is not None:
                raise StreamUnreachable(_why(error)) from error
            self._take_events()

    async def send(self, messages: Sequence[Message]) -> None:
        """Send them, and what the connection itself has to say."""
        if self._protocol.state is State.OPEN:
            for message in messages:
                if isinstance(message, str):
                    self._protocol.send_text(message.encode())
                else:
                    self._protocol.send_binary(message)
        await self._flush()

    async def receive(self) -> Message:
        """The next message. Raises StreamClosed, BadMessage."""
        while True:
            while self._received:
                message = self._assemble(self._received.popleft())
                if message is not None:
                    return message
            if self._protocol.state is not State.OPEN:
                self._raise_closed()
            try:
                octets = await self._stream.receive_some(_READ_AT_ONCE)
            except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
                raise StreamClosed(1006, "the connection broke") from error
            self._alive_at = trio.current_time()
            if octets:
                self._protocol.receive_data(octets)
            else:
                self._protocol.receive_eof()
            self._take_events()
            self._answer()

    def keep_alive(self) -> None:
        """A ping, if nothing has come for a while."""
        now = trio.current_time()
        if now - self._alive_at >= SILENT_AFTER:
            raise StreamClosed(1006, f"no sign of life within {SILENT_AFTER:g} s")
        if self._protocol.state is State.OPEN and now - max(self._alive_at, self._pinged_at) >= PING_EVERY:
            self._pinged_at = now
            self._protocol.send_ping(b"")
            self._answer()

    async def close(self, code: int = 1000) -> None:
        """Say goodbye, and wait a moment for the peer's."""
        with trio.move_on_after(CLOSE_WITHIN):
            try:
                if self._protocol.state is State.OPEN:
                    self._protocol.send_close(code)
                await self._flush()
                while self._protocol.state is not State.CLOSED:
                    octets = await self._stream.receive_some(_READ_AT_ONCE)
                    if octets:
                        self._protocol.receive_data(octets)
                    else:
                        self._protocol.receive_eof()
                    self._protocol.events_received()
                    await self._flush()
            except (StreamClosed, trio.BrokenResourceError, trio.ClosedResourceError):
                pass
        await self.abort()

    async def abort(self) -> None:
        """End it at once."""
        await trio.aclose_forcefully(self._stream)

    def _answer(self) -> None:
        """What the protocol itself has to say now, such as pongs, goes with what is sent next."""
        self._gather()
        if len(self._pending) > MOST_PENDING:
            raise StreamClosed(1008, "it asks for answers and does not read them")
        if self._pending:
            self._on_pending()

    def _gather(self) -> None:
        for octets in self._protocol.data_to_send():
            self._pending += octets  # b"" says that it is the end: `close` sees to that

    async def _flush(self) -> None:
        self._gather()
        if not self._pending:
            return
        octets, self._pending = bytes(self._pending), bytearray()
        try:
            await self._stream.send_all(octets)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise StreamClosed(1006, "the connection broke") from error

    async def _read_or_end(self) -> bytes:
        octets = bytes(await self._stream.receive_some(_READ_AT_ONCE))
        if not octets:
            raise StreamUnreachable("the connection ended before the handshake was answered")
        return octets

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if not isinstance(event, Response) and isinstance(event, Frame):
                self._received.append(event)

    def _assemble(self, frame: Frame) -> Message | None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._is_text, self._parts = frame.opcode is Opcode.TEXT, []
        elif frame.opcode is not Opcode.CONT:
            return None
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return None
        octets, self._parts = b"".join(self._parts), []
        if not self._is_text:
            return octets
        try:
            return octets.decode()
        except UnicodeDecodeError as error:
            raise BadMessage(f"expected UTF-8, got {octets[:40]!r}") from error

    def _raise_closed(self) -> None:
        protocol = self._protocol
        told = protocol.close_rcvd or protocol.close_sent
        raise StreamClosed(told.code if told is not None else 1006, told.reason if told is not None else "")


def _why(error: BaseException) -> str:
    while error.__cause__ is not None:  # trio tells of TLS in the cause
        error = error.__cause__
    return str(error) or type(error).__name__
