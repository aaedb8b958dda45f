"""The WebSocket doors: apps that dial the engine (`serve_websocket`), and apps that the engine dials (outbound.py).

Two traps of the library are dealt with in connection.py and session.py: a close must not wait for a reader that is
paused, and a send is never cancelled.
"""

from __future__ import annotations

import functools
import http
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import cast

import structlog
import trio
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.trio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from callflow.protocol.connection import Spelling
from callflow.protocol.frames import MAX_MESSAGE

from .connection import CLOSE_TIMEOUT, AcceptedConnection, DirectConnection
from .eventsocket import EventSocket
from .handshakes import HandshakeListener
from .link import LinkClosed
from .tokens import Token, Tokens, is_loopback

PATH = "/v1/socket"
METRICS_PATH = "/metrics"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # of Prometheus
PING_INTERVAL = 15.0  # seconds
PING_TIMEOUT = 30.0  # two missed
SUBPROTOCOLS: tuple[Subprotocol, ...] = tuple(Subprotocol(spelling.value) for spelling in Spelling)
_MAX_REASON = 123  # octets, RFC 6455 5.5

logger = structlog.get_logger("engine.eventsocket")


class WebSocketLink:
    """A link over a WebSocket. Without a subprotocol the first message decides: text is JSON, binary is msgpack."""

    def __init__(self, connection: DirectConnection, peer: str) -> None:
        self.peer = peer
        self._connection = connection
        offered = connection.subprotocol
        self._spelling = Spelling(offered) if offered is not None else None

    @property
    def spelling(self) -> Spelling:
        return self._spelling or Spelling.JSON

    @property
    def is_free(self) -> bool:
        return self._connection.is_free

    async def receive(self) -> Sequence[bytes | str]:
        try:
            messages = await self._connection.receive()
        except ConnectionClosed as error:
            raise LinkClosed(_how(error)) from error
        if self._spelling is None:
            self._spelling = Spelling.JSON if isinstance(messages[0], str) else Spelling.MSGPACK
        return messages

    def send_now(self, message: bytes) -> bool:
        return self._connection.send_now(message, is_text=self.spelling.is_text)

    async def send(self, message: bytes) -> None:
        connection = self._connection
        try:
            if not connection.is_free:
                await connection.send(message, text=self.spelling.is_text)
            elif not self.send_now(message):
                await connection.send_data()
        except ConnectionClosed as error:
            raise LinkClosed(_how(error)) from error
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkClosed("the connection broke") from error

    async def send_rest(self) -> None:
        try:
            await self._connection.send_data()
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise LinkClosed("the connection broke") from error

    async def close(self, code: int, reason: str) -> None:
        await self._connection.aclose(code, shortened(reason))

    async def abort(self) -> None:
        await trio.aclose_forcefully(self._connection.stream)


async def serve_websocket(
    sockets: EventSocket,
    host: str,
    port: int,
    *,
    tokens: Tokens,
    schema: Callable[[], bytes],
    metrics: Callable[[], Awaitable[bytes]] | None = None,
    origins: Sequence[str] = (),
    ssl_context: ssl.SSLContext | None = None,
    task_status: trio.TaskStatus[tuple[str, int]] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Let apps in at ws://HOST:PORT/v1/socket, and tell the address when listening. Raises OSError.

    With an `ssl_context` it is wss.
    `origins`: the only ones that web pages may come from. `schema`: the text of GET /v1/schema. `metrics`: that
    of GET /metrics, for this machine and for who shows a token that may read.
    Whether to listen beyond loopback at all: see `check_exposure`.
    """
    [opened] = await trio.open_tcp_listeners(port, host=host)
    listener = HandshakeListener(opened)
    door = _Door(sockets, tokens, frozenset(origins), schema, metrics, listener)
    async with trio.open_nursery() as nursery:
        await nursery.start(
            functools.partial(
                serve,
                door.welcome,
                listeners=cast("list[trio.SocketListener]", [listener]),  # it only accepts, and has a socket
                ssl=ssl_context,
                select_subprotocol=_select_subprotocol,
                compression=None,
                process_request=door.judge,
                server_header=None,
                ping_interval=PING_INTERVAL,
                ping_timeout=PING_TIMEOUT,
                close_timeout=CLOSE_TIMEOUT,
                max_size=MAX_MESSAGE,
                create_connection=AcceptedConnection,
            )
        )
        address = opened.socket.getsockname()
        task_status.started((address[0], address[1]))


class _Door:
    """Judges handshakes and hands connections on."""

    def __init__(
        self,
        sockets: EventSocket,
        tokens: Tokens,
        origins: frozenset[str],
        schema: Callable[[], bytes],
        metrics: Callable[[], Awaitable[bytes]] | None,
        listener: HandshakeListener,
    ) -> None:
        self._sockets = sockets
        self._tokens = tokens
        self._origins = origins
        self._schema = schema
        self._metrics = metrics
        self._listener = listener

    async def judge(self, connection: ServerConnection, request: Request) -> Response | None:
        """None: go on with the handshake."""
        self._listener.done(connection.stream)
        path = request.path.partition("?")[0]
        if path == "/v1/health":
            return _json(self._health())
        if path == "/v1/schema":
            return _json(self._schema())
        if path == METRICS_PATH and self._metrics is not None:
            return self._refuse_metrics(connection, request) or _text(await self._metrics(), METRICS_TYPE)
        if path != PATH:
            expected = f"expected {PATH}, {METRICS_PATH}, /v1/health or /v1/schema\n"
            return connection.respond(http.HTTPStatus.NOT_FOUND, expected)
        origins = request.headers.get_all("Origin")
        if any(origin not in self._origins for origin in origins):
            # No web page steers a switch by accident.
            message = f"the origin {origins[0]} is not in the list of allowed origins\n"
            return connection.respond(http.HTTPStatus.FORBIDDEN, message)
        return self._authenticate(connection, request)

    async def welcome(self, connection: ServerConnection) -> None:
        """Serve one connection, to its end."""
        assert isinstance(connection, AcceptedConnection)
        host, port = connection.remote_address[:2]
        link = WebSocketLink(connection, f"{host}:{port}")
        await self._sockets.serve(link, tokens=self._tokens, token=connection.token)

    def _authenticate(self, connection: ServerConnection, request: Request) -> Response | None:
        if "Authorization" not in request.headers:
            return None  # the hello is to show it
        token = self._token_of(request)
        if token is None:
            return _unauthorized(connection)
        assert isinstance(connection, AcceptedConnection)
        connection.token = token
        return None

    def _refuse_metrics(self, connection: ServerConnection, request: Request) -> Response | None:
        """Programs on this machine may ask without a token."""
        if "Authorization" not in request.headers and is_loopback(connection.remote_address[0]):
            return None
        token = self._token_of(request)
        return None if token is not None and token.allows("read") else _unauthorized(connection)

    def _token_of(self, request: Request) -> Token | None:
        shown = request.headers.get_all("Authorization")
        scheme, _, secret = shown[0].partition(" ") if shown else ("", "", "")
        return self._tokens.find(secret.strip()) if scheme.lower() == "bearer" else None

    def _health(self) -> bytes:
        return Spelling.JSON.encode({"status": "ok", "engine": self._sockets.engine, "epoch": self._sockets.log.epoch})


def _select_subprotocol(connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """The first of ours that the client likes; none if it offers none, as interactive clients do."""
    return next((name for name in offered if name in SUBPROTOCOLS), None)


def _unauthorized(connection: ServerConnection) -> Response:
    response = connection.respond(http.HTTPStatus.UNAUTHORIZED, "expected Authorization: Bearer TOKEN\n")
    response.headers["WWW-Authenticate"] = 'Bearer realm="callflow"'
    return response


def _json(body: bytes) -> Response:
    return _text(body, "application/json")


def _text(body: bytes, content_type: str) -> Response:
    headers = Headers([
        ("Content-Type", content_type),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ])
    return Response(http.HTTPStatus.OK, "OK", headers, body)


def shortened(reason: str) -> str:
    """As much of a close reason as a WebSocket takes."""
    return reason.encode("utf-8", "replace")[:_MAX_REASON].decode("utf-8", "ignore")


def _how(error: ConnectionClosed) -> str:
    if error.rcvd is not None:
        why = f"{error.rcvd.code} {error.rcvd.reason}".strip()
        return f"the app closed the connection ({why})"
    if error.sent is not None and error.sent.reason:
        return error.sent.reason
    return "the connection broke"
