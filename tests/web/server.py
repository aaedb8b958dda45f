"""An HTTP server that answers as the test says, one request for each connection."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import trio

Answer = bytes | Callable[[trio.abc.Stream], Awaitable[None]]


@dataclass
class Server:
    """`answers` by path: the octets of the response, or what sends them.

    `asked`: the heads of all requests so far, `bodies`: what came with them.
    """

    scheme: str = "http"
    port: int = 0
    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.host}{path}"

    async def serve(self, stream: trio.abc.Stream) -> None:
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                if not (more := await stream.receive_some()):
                    return
                head += more
            head, _, body = head.partition(b"\r\n\r\n")
            while len(body) < _length_of(head):
                if not (more := await stream.receive_some()):
                    return
                body += more
            self.asked.append(head.decode())
            self.bodies.append(body)
            answer = self.answers.get(head.split()[1].decode(), response(404, reason="Not Found"))
            if isinstance(answer, bytes):
                await stream.send_all(answer)
            else:
                await answer(stream)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        finally:
            await trio.aclose_forcefully(stream)


def _length_of(head: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: ([0-9]+)", head, re.IGNORECASE)
    return int(found[1]) if found is not None else 0


def response(status: int = 200, body: bytes = b"", *, reason: str = "OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} {reason}", "connection: close", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server()
    async with trio.open_nursery() as nursery:
        if context is None:
            start = partial(trio.serve_tcp, server.serve, 0, host="127.0.0.1")
        else:
            server.scheme = "https"
            start = partial(trio.serve_ssl_over_tcp, server.serve, 0, context, host="127.0.0.1", https_compatible=True)
        listeners = await nursery.start(start)
        transport = listeners[0].transport_listener if context is not None else listeners[0]
        server.port = transport.socket.getsockname()[1]
        yield server
        nursery.cancel_scope.cancel()
