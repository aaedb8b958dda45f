"""The WebSocket as a transport: both ends of it over memory streams."""

from __future__ import annotations

import anyio
import pytest

from callflow import Disconnected, Unreachable
from callflow.protocol.connection import Spelling
from callflow.websocket import WebSocketTransport, accept_websocket, open_websocket
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import memory_streams


async def connected(spelling: Spelling = Spelling.MSGPACK) -> tuple[WebSocketTransport, WebSocketTransport]:
    """The dialling and the accepting end, over a real socket."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    accepted: list[WebSocketTransport] = []
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    async with listener, anyio.create_task_group() as tasks:

        async def take(stream: anyio.abc.SocketStream) -> None:
            accepted.append(await accept_websocket(stream, is_token=lambda token: token == "t"))
            got.set()
            await anyio.sleep_forever()

        got = anyio.Event()
        tasks.start_soon(listener.serve, take)
        dialled = await open_websocket(f"ws://127.0.0.1:{port}/", token="t", spelling=spelling)
        await got.wait()
        tasks.cancel_scope.cancel()
    return dialled, accepted[0]


async def close(*transports: WebSocketTransport) -> None:
    for transport in transports:
        await transport.aclose()


@on_both_backends
async def test_messages_travel_both_ways_in_the_spelling_that_was_asked_for():
    for spelling in Spelling:
        ours, theirs = await connected(spelling)
        assert (ours.spelling, theirs.spelling) == (spelling, spelling)
        for data in (b'{"a": 1}', b"x" * 300_000):
            await ours.send(data)
            received = b""
            while len(received) < len(data):
                received += b"".join(await theirs.receive())
            assert received == data
        await theirs.send(b"{}")
        assert list(await ours.receive()) == [b"{}"]
        await close(ours, theirs)


@on_both_backends
async def test_an_end_that_closes_is_told_and_sends_no_more():
    ours, theirs = await connected()
    await theirs.aclose()
    with pytest.raises(Disconnected, match="the engine closed the WebSocket: 1000"):
        await ours.receive()
    with pytest.raises(Disconnected):
        await ours.send(b"late")
    await ours.aclose()


@on_both_backends
async def test_a_message_that_is_too_long_ends_the_connection():
    ours, theirs = await connected()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ours.send, b"x" * ((1 << 20) + 1))
        with pytest.raises(Disconnected):
            await theirs.receive()
        tasks.cancel_scope.cancel()
    await close(ours, theirs)


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: https://evil.example\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"not even HTTP\r\n\r\n",
    ],
)
def test_a_web_page_and_whatever_else_speaks_no_websocket_is_refused(request_head):
    async def main() -> None:
        ours, theirs = memory_streams()
        await ours.send(request_head)
        with pytest.raises(Unreachable):
            await accept_websocket(theirs, is_token=lambda token: True)
        await ours.aclose()

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)
