"""WebSockets of streams, against servers of `websockets` and against sockets that keep to nothing."""

from __future__ import annotations

import functools
import http
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
import trio
import trustme
from websockets.exceptions import ConnectionClosed
from websockets.trio.server import ServerConnection, serve

from engine.streams.hosts import Hosts
from engine.streams.message import MAX_MESSAGE
from engine.streams.socket import StreamClosed, StreamRefused, StreamUnreachable
from engine.streams.websocket import WebSocket, WebSocketDialer
from tests.trio_tests import run_trio

Handler = Callable[[ServerConnection], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, **options: object) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        server = await nursery.start(functools.partial(serve, handler, 0, host="127.0.0.1", **options))
        [listener] = server.listeners
        yield f"127.0.0.1:{listener.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


@asynccontextmanager
async def raw(handler: Callable[[trio.SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(trio.serve_listeners, handler, [listener])
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


async def dial(url: str, *, context: ssl.SSLContext | None = None, **options: object) -> WebSocket:
    dialer = WebSocketDialer(
        Hosts(None, lambda *of: False), ssl_context=lambda: context or ssl.create_default_context()
    )
    usual = {"headers": {}, "subprotocol": None, "on_pending": lambda: None}
    return await dialer.dial(url, **{**usual, **options})  # type: ignore[arg-type]


async def echo(connection: ServerConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await connection.send(await connection.recv())


async def ended(socket: WebSocket) -> StreamClosed:
    while True:
        try:
            await socket.receive()
        except StreamClosed as closed:
            return closed


@run_trio
async def test_texts_and_octets_go_there_and_back():
    async with serving(echo) as place:
        socket = await dial(f"ws://{place}")
        await socket.send(["text \N{SNOWMAN}", b"\0\xff" * 1000, b""])
        assert [await socket.receive() for _ in range(3)] == ["text \N{SNOWMAN}", b"\0\xff" * 1000, b""]
        await socket.close()


@run_trio
async def test_the_handshake_has_the_headers_and_offers_the_subprotocol():
    asked: list[object] = []

    async def handler(connection: ServerConnection) -> None:
        asked.append(connection.request.headers["X-Bot"])
        asked.append(connection.subprotocol)

    async with serving(handler, subprotocols=["callflow.stream.v1"]) as place:
        socket = await dial(f"ws://{place}", headers={"X-Bot": "7"}, subprotocol="callflow.stream.v1")
        assert (await ended(socket)).code == 1000
        await socket.close()
    assert asked == ["7", "callflow.stream.v1"]


@run_trio
async def test_a_message_in_fragments_is_one():
    async def handler(connection: ServerConnection) -> None:
        await connection.send(iter([b"a", b"b", b"c"]))
        await connection.recv()

    async with serving(handler) as place:
        socket = await dial(f"ws://{place}")
        assert await socket.receive() == b"abc"
        await socket.abort()


@run_trio
async def test_a_ping_is_answered_with_what_is_sent_next():
    answered: list[float] = []

    async def handler(connection: ServerConnection) -> None:
        pong = await connection.ping()
        await connection.send(b"asked")
        await pong.wait()
        answered.append(1)

    wishes: list[int] = []
    async with serving(handler) as place:
        socket = await dial(f"ws://{place}", on_pending=lambda: wishes.append(1))
        assert await socket.receive() == b"asked"
        assert wishes
        await socket.send([])
        assert (await ended(socket)).code == 1000
        await socket.close()
    assert answered


@run_trio
async def test_it_ends_with_the_code_that_the_peer_gives():
    async def handler(connection: ServerConnection) -> None:
        await connection.aclose(4001, "enough")

    async with serving(handler) as place:
        socket = await dial(f"ws://{place}")
        closed = await ended(socket)
        await socket.close()
    assert (closed.code, closed.reason) == (4001, "enough")


@run_trio
async def test_a_refusal_says_its_status():
    def judge(connection: ServerConnection, request: object) -> object:
        return connection.respond(http.HTTPStatus.FORBIDDEN, "no")

    async with serving(echo, process_request=judge) as place:
        with pytest.raises(StreamRefused) as refused:
            await dial(f"ws://{place}")
    assert refused.value.status == 403


@run_trio
async def test_where_nobody_listens_nobody_is_reached():
    with trio.socket.socket() as free:
        await free.bind(("127.0.0.1", 0))
        with pytest.raises(StreamUnreachable):
            await dial(f"ws://127.0.0.1:{free.getsockname()[1]}/")


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\xff" * 100, b"SSH-2.0-x\r\n"])
def test_what_is_no_websocket_is_not_reached(answer):
    @run_trio
    async def test() -> None:
        async def handler(stream: trio.SocketStream) -> None:
            await stream.receive_some()
            await stream.send_all(answer or b" ")
            await stream.aclose()

        async with raw(handler) as url:
            with pytest.raises((StreamUnreachable, StreamRefused)):
                await dial(url)

    test()


@run_trio
async def test_over_tls_the_certificate_is_checked():
    ca, other = trustme.CA(), trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(server)
    trusting, doubting = ssl.create_default_context(), ssl.create_default_context()
    ca.configure_trust(trusting)
    other.configure_trust(doubting)
    async with serving(echo, ssl=server) as place:
        socket = await dial(f"wss://{place}", context=trusting)
        await socket.send([b"secret"])
        assert await socket.receive() == b"secret"
        await socket.close()
        with pytest.raises(StreamUnreachable):
            await dial(f"wss://{place}", context=doubting)


@run_trio
async def test_a_message_that_is_too_long_ends_it():
    async def handler(connection: ServerConnection) -> None:
        await connection.send(bytes(MAX_MESSAGE + 1))
        await connection.wait_closed()

    async with serving(handler) as place:
        socket = await dial(f"ws://{place}")
        assert (await ended(socket)).code == 1009  # RFC 6455 7.4.1: too big
        await socket.close()


@run_trio
async def test_a_connection_that_breaks_ends_it_with_1006():
    async def handler(connection: ServerConnection) -> None:
        await trio.aclose_forcefully(connection.stream)

    async with serving(handler) as place:
        socket = await dial(f"ws://{place}")
        assert (await ended(socket)).code == 1006
        await socket.close()


@pytest.mark.parametrize(
    ("rules", "url"),
    [
        (None, "ws://127.0.0.1:9/x"),
        (None, "wss://localhost/"),
        (None, "ws://[::1]:9/"),
        (["bots.example.com", "*.trusted.example"], "wss://bots.example.com/a?b=c"),
        (["*.trusted.example:99"], "ws://a.trusted.example:99/"),
        (["*"], "ws://anywhere:7"),
    ],
)
def test_hosts_that_are_named_are_allowed_and_this_machine_if_none_is(rules, url):
    hosts(rules).expect_allowed(url)


@pytest.mark.parametrize(
    ("rules", "url", "told"),
    [
        (None, "ws://example.com/", "expected this machine"),
        (None, "ws://127.0.0.1.example.com/", "expected this machine"),
        (["bots.example.com"], "ws://127.0.0.1/", "expected a host of"),
        (["bots.example.com"], "ws://bots.example.com:99/", "expected a host of"),
        (["*"], "http://bots.example.com/", "expected ws://HOST"),
        (["*"], "ws:///x", "expected ws://HOST"),
        (["*"], "ws://a/#b", "without a fragment"),
        (["*"], "ws://a/" + "x" * 3000, "at most 2048"),
        (["*"], "ws://a:99999/", "out of range"),
        (["*"], "ws://[::1/", "Invalid IPv6"),
    ],
)
def test_other_hosts_are_refused_with_what_was_expected(rules, url, told):
    with pytest.raises(ValueError, match=told):
        hosts(rules).expect_allowed(url)


def hosts(rules: list[str] | None) -> Hosts:
    from callflow.runtime.lua.hosts import is_allowed

    return Hosts(rules, is_allowed)
