"""A peer made by hand on a real socket: it says what no agent would, and reads what comes back."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

import trio

from engine.sip.messages import Request, Response, parse_datagram

OFFER = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n"
_number = count(1)


def message(
    method: str,
    *,
    transport: str = "UDP",
    user: str = "3003",
    to_tag: str = "",
    call_id: str = "",
    branch: str = "",
    cseq: int = 1,
    headers: tuple[str, ...] = (),
    body: bytes = b"",
) -> bytes:
    """A request to a number of the engine; one of its own unless `call_id` says of which call."""
    number = next(_number)
    lines = [
        f"{method} sip:{user}@127.0.0.1 SIP/2.0",
        f"Via: SIP/2.0/{transport} 127.0.0.1:9;branch={branch or f'z9hG4bK-wire-{number}'};rport",
        "From: <sip:stranger@127.0.0.1>;tag=stranger",
        f"To: <sip:{user}@127.0.0.1>" + (f";tag={to_tag}" if to_tag else ""),
        f"Call-ID: {call_id or f'wire-{number}'}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        "Contact: <sip:stranger@127.0.0.1:9>",
        *headers,
        *(["Content-Type: application/sdp"] if body else []),
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join((*lines, "", "")).encode() + body


class Peer:
    """A datagram socket at an address of this machine: each of 127.0.0.0/8 is another peer."""

    def __init__(self, sock: trio.socket.SocketType) -> None:
        self._socket = sock

    @property
    def port(self) -> int:
        """Of its address."""
        return int(self._socket.getsockname()[1])

    async def connect(self, server: tuple[str, int]) -> None:
        """From now on it speaks with that one, and hears no other."""
        await self._socket.connect(server)

    async def send(self, data: bytes) -> None:
        await self._socket.send(data)

    async def receive(self) -> Request | Response:
        """The next message."""
        return parse_datagram(await self._socket.recv(65536))

    async def ask(self, data: bytes) -> Response:
        """Send a request; its final response, whatever else comes before."""
        await self.send(data)
        head = dict(line.split(": ", 1) for line in data.decode().split("\r\n\r\n")[0].split("\r\n")[1:])
        return await self.final(head["Call-ID"], head["CSeq"].partition(" ")[2])

    async def final(self, call_id: str, method: str) -> Response:
        """The next final response to that request."""
        while True:
            received = await self.receive()
            is_it = isinstance(received, Response) and received.call_id == call_id and received.status >= 200
            if is_it and received.cseq_method == method:
                return received


@asynccontextmanager
async def peer(host: str, server: tuple[str, int] | None = None) -> AsyncIterator[Peer]:
    """At a port of its own; without a server, `connect` comes later."""
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        await sock.bind((host, 0))
        made = Peer(sock)
        if server is not None:
            await made.connect(server)
        yield made
