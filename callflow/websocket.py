"""The WebSocket as a transport (RFC 6455), either end: the protocol of `websockets` without its I/O, over a stream.

The token travels as a bearer token (RFC 6750) in the handshake. A handshake that carries an Origin comes from a web
page, and is refused.
"""

from __future__ import annotations

import hmac
import ssl
from collections.abc import Callable, Sequence

import anyio
import anyio.abc
from anyio.streams.tls import TLSStream
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import Protocol, State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from .errors import CallflowError, Disconnected, Unauthorized, Unreachable
from .protocol.connection import Spelling
from .protocol.frames import MAX_MESSAGE
from .transport import LOST

PING_AFTER = 15.0  # seconds without a sign of life
MAX_SILENCE = 45.0
HANDSHAKE_TIMEOUT = 10.0
_CLOSE_TIMEOUT = 1.0


class WebSocketTransport:
    """Messages over a WebSocket whose handshake is done. Pings see to it that a dead peer is noticed."""

    def __init__(self, protocol: Protocol, stream: anyio.abc.ByteStream) -> None:
        self._protocol = protocol
        self._stream = stream
        self._sending = anyio.Lock(fast_acquire=True)  # the sending task, and the receiving one for pongs
        self._parts: list[bytes] = []
        self.spelling: Spelling = Spelling(protocol.subprotocol or Spelling.MSGPACK.value)

    async def send(self, message: bytes) -> None:
        """Send one message. Raises Disconnected."""
        if self._protocol.state is not State.OPEN:
            raise Disconnected("the WebSocket is closed")
        (self._protocol.send_text if self.spelling.is_text else self._protocol.send_binary)(message)
        await self._flush()

    async def receive(self) -> Sequence[bytes | str]:
        """The next messages. Raises Disconnected."""
        while True:
            messages = [message for event in self._protocol.events_received() for message in self._take(event)]
            if messages:
                return messages
            if self._protocol.state is not State.OPEN:
                raise Disconnected(_reason_of(self._protocol))
            self._protocol.receive_data(await self._read())
            if self._protocol.writes:  # rarely: a pong, or the answer to a close; what came still counts
                await self._flush(errors_matter=False)

    async def aclose(self) -> None:
        """Say goodbye if there is a way, and close. Does not wait for the peer."""
        with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
            if self._protocol.state is State.OPEN and not self._sending.locked():
                self._protocol.send_close(1000)
                await self._flush(errors_matter=False)
        with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
            await self._stream.aclose()

    async def _read(self) -> bytes:
        silence = 0.0
        while silence < MAX_SILENCE:
            with anyio.move_on_after(PING_AFTER):
                try:
                    return await self._stream.receive()
                except LOST as error:
                    raise Disconnected("the WebSocket was cut") from error
            silence += PING_AFTER
            self._protocol.send_ping(b"")
            await self._flush()
        raise Disconnected(f"the WebSocket was silent for {MAX_SILENCE:.0f} s")

    async def _flush(self, *, errors_matter: bool = True) -> None:
        async with self._sending:
            try:
                await _send_all(self._protocol, self._stream)
            except LOST as error:
                if errors_matter:
                    raise Disconnected("the WebSocket was cut") from error

    def _take(self, event: Request | Response | Frame) -> Sequence[bytes]:
        if not isinstance(event, Frame) or event.opcode not in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            return ()
        self._parts.append(bytes(event.data))  # together at most MAX_MESSAGE: the protocol sees to it
        if not event.fin:
            return ()
        message = b"".join(self._parts)
        self._parts.clear()
        return (message,)


async def open_websocket(
    url: str,
    *,
    token: str | None,
    spelling: Spelling = Spelling.MSGPACK,
    ssl_context: ssl.SSLContext | None = None,
) -> WebSocketTransport:
    """Connect to an engine at `ws://HOST:PORT/v1/socket` (or `wss`). Raises Unreachable, Unauthorized.

    `ssl_context`: whom to trust at a `wss` address; None: whom the system trusts.
    """
    try:
        uri = parse_uri(url)
    except InvalidURI as error:
        raise Unreachable(f"expected an address such as ws://127.0.0.1:7443/v1/socket, got {url!r}") from error
    try:
        with anyio.fail_after(HANDSHAKE_TIMEOUT):
            stream = await _open_stream(uri.host, uri.port, ssl_context, is_secure=uri.secure)
    except ssl.SSLCertVerificationError as error:
        message = f"the certificate at {url} is not trusted: {error.verify_message}; say who signed it with ca"
        raise Unreachable(message) from error
    except (*LOST, TimeoutError) as error:
        raise Unreachable(f"no engine answers at {url}: {error or 'it takes too long'}") from error
    protocol = ClientProtocol(uri, subprotocols=[Subprotocol(spelling.value)], max_size=MAX_MESSAGE)
    request = protocol.connect()
    if token is not None:
        request.headers["Authorization"] = f"Bearer {token}"
    protocol.send_request(request)
    await _shake_hands(protocol, stream, url)
    return WebSocketTransport(protocol, stream)


async def secure(stream: anyio.abc.ByteStream, ssl_context: ssl.SSLContext) -> anyio.abc.ByteStream:
    """Take a TLS handshake on a fresh connection. Raises Unreachable."""
    try:
        with anyio.fail_after(HANDSHAKE_TIMEOUT):
            return await TLSStream.wrap(stream, server_side=True, ssl_context=ssl_context, standard_compatible=False)
    except (*LOST, TimeoutError) as error:
        await _close_quietly(stream)
        raise Unreachable(f"no TLS handshake came: {error}") from error


async def accept_websocket(stream: anyio.abc.ByteStream, *, is_token: Callable[[str], bool]) -> WebSocketTransport:
    """Take an engine's handshake on a fresh connection. Raises Unauthorized, Unreachable when there is none to take."""
    protocol = ServerProtocol(
        origins=[None], subprotocols=[Subprotocol(spelling.value) for spelling in Spelling], max_size=MAX_MESSAGE
    )
    try:
        with anyio.fail_after(HANDSHAKE_TIMEOUT):
            request = await _read_request(protocol, stream)
            is_known = is_token(_bearer_token(request))
            protocol.send_response(
                protocol.accept(request) if is_known else protocol.reject(401, "the bearer token is not known\n")
            )
            await _send_all(protocol, stream)
    except (*LOST, InvalidHandshake, TimeoutError) as error:
        await _close_quietly(stream)
        raise Unreachable(f"no WebSocket handshake came: {error}") from error
    if protocol.state is State.OPEN:
        return WebSocketTransport(protocol, stream)
    await _close_quietly(stream)
    if not is_known:
        raise Unauthorized("expected the token of this app as a bearer token", command="hello")
    raise Unreachable(f"the WebSocket handshake was refused: {protocol.handshake_exc}")


def is_same_token(expected: str, given: str) -> bool:
    """Compare without telling by the time it takes how far they are alike."""
    return hmac.compare_digest(expected.encode(), given.encode())


async def _open_stream(
    host: str, port: int, ssl_context: ssl.SSLContext | None, *, is_secure: bool
) -> anyio.abc.ByteStream:
    if is_secure:
        return await anyio.connect_tcp(
            host, port, tls=True, ssl_context=ssl_context, tls_standard_compatible=False, tls_hostname=host
        )
    return await anyio.connect_tcp(host, port)


async def _shake_hands(protocol: ClientProtocol, stream: anyio.abc.ByteStream, url: str) -> None:
    try:
        with anyio.fail_after(HANDSHAKE_TIMEOUT):
            await _send_all(protocol, stream)
            while protocol.state is State.CONNECTING and protocol.handshake_exc is None:
                protocol.receive_data(await stream.receive())
    except (*LOST, TimeoutError) as error:
        await _close_quietly(stream)
        raise Unreachable(f"what listens at {url} is no engine: {error or 'it is too slow'}") from error
    except BaseException:
        await _close_quietly(stream)
        raise
    if protocol.handshake_exc is not None:
        await _close_quietly(stream)
        raise _refusal(protocol.handshake_exc, url) from protocol.handshake_exc


def _refusal(error: Exception, url: str) -> CallflowError:
    if isinstance(error, InvalidStatus) and error.response.status_code in (401, 403):
        return Unauthorized(f"the engine at {url} does not know this token", command="hello")
    return Unreachable(f"what listens at {url} refused the WebSocket: {error}")


async def _read_request(protocol: ServerProtocol, stream: anyio.abc.ByteStream) -> Request:
    while True:
        for event in protocol.events_received():
            if isinstance(event, Request):
                return event
        if protocol.handshake_exc is not None:
            raise InvalidHandshake(str(protocol.handshake_exc))
        protocol.receive_data(await stream.receive())


def _bearer_token(request: Request) -> str:
    scheme, _, token = (request.headers.get("Authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


async def _send_all(protocol: Protocol, stream: anyio.abc.ByteStream) -> None:
    for data in protocol.data_to_send():
        if data:  # an empty one asks for a half-close, which a close of ours includes
            await stream.send(data)


async def _close_quietly(stream: anyio.abc.ByteStream) -> None:
    with anyio.move_on_after(_CLOSE_TIMEOUT, shield=True):
        await stream.aclose()


def _reason_of(protocol: Protocol) -> str:
    close = protocol.close_rcvd
    if close is None:
        return "the WebSocket was cut"
    return f"the engine closed the WebSocket: {close.code} {close.reason}".rstrip()
