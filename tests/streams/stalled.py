"""A program that takes a stream over TCP, answers the handshake, and never reads again. Its buffers are small."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from socket import IPPROTO_TCP, SO_RCVBUF, SOL_SOCKET, TCP_MAXSEG

import trio
from websockets.http11 import Request
from websockets.server import ServerProtocol

from engine.streams.hosts import Hosts
from engine.streams.websocket import WebSocketDialer

_SMALL = 4096  # octets
_SEGMENT = 536  # octets: by the size of segments the sender's kernel decides how much it keeps


def real_dialer() -> WebSocketDialer:
    """The engine's own."""
    return WebSocketDialer(Hosts(None, lambda *of: False))


@asynccontextmanager
async def stalled_peer() -> AsyncIterator[str]:
    """The URL of one."""
    async with trio.open_nursery() as nursery:
        [listener] = await trio.open_tcp_listeners(0, host="127.0.0.1")
        listener.socket.setsockopt(SOL_SOCKET, SO_RCVBUF, _SMALL)
        listener.socket.setsockopt(IPPROTO_TCP, TCP_MAXSEG, _SEGMENT)
        nursery.start_soon(trio.serve_listeners, _shake_hands, [listener])
        yield f"ws://127.0.0.1:{listener.socket.getsockname()[1]}/"
        nursery.cancel_scope.cancel()


async def _shake_hands(stream: trio.SocketStream) -> None:
    protocol, asked = ServerProtocol(), None
    while asked is None:
        protocol.receive_data(await stream.receive_some(_SMALL))
        asked = next((event for event in protocol.events_received() if isinstance(event, Request)), None)
    protocol.send_response(protocol.accept(asked))
    await stream.send_all(b"".join(protocol.data_to_send()))
    await trio.sleep_forever()
