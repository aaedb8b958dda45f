"""An app over a WebSocket, as octets over a blocking socket: nothing of it is in the way of the figures."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from callflow.protocol.commands import Command
from callflow.protocol.connection import AppConnection, Spelling
from callflow.protocol.frames import EngineFrame, EventFrame, Hello, ReplyFrame, Welcome

TIMEOUT = 60.0  # seconds
_CHUNK = 1 << 20
_EVENT = b"\xa4type\xa5event"  # what the frame of an event begins with, in msgpack
_NO_MASK = bytes(4)  # RFC 6455 5.3 wants a mask; one of zeros leaves the payload as it is
_SHORT, _MEDIUM = 125, 126  # what stands for a length in the second octet: itself, or the two that follow


class BareApp:
    """A connection that has shaken hands. `octets`: what it has received since."""

    def __init__(self, connection: socket.socket, url: str, token: str) -> None:
        self._socket = connection
        self._protocol = AppConnection(Spelling.MSGPACK)
        self._rest, self.octets = b"", 0
        self._frames: list[EngineFrame] = []
        self._shake_hands(url, token)
        self.octets = len(self._rest)

    def greet(self, hello: Hello) -> None:
        """Say hello."""
        self._send(self._protocol.send(hello))

    def wait_welcome(self) -> None:
        """Be welcomed: from then on calls come."""
        while not isinstance(self._next(), Welcome):
            pass

    def ask(self, id: str, command: Command, channel: str) -> ReplyFrame:
        """The reply to a command; events before it are passed over."""
        self._send(self._protocol.send(self._protocol.command(id, command, channel=channel)))
        while not isinstance(frame := self._next(), ReplyFrame):
            pass
        return frame

    def wait_call(self) -> str:
        """The channel of the next call that comes."""
        while not (isinstance(frame := self._next(), EventFrame) and frame.name == "channel.created"):
            pass
        return frame.channel or ""

    def count_events(self, wanted: int) -> None:
        """Read until so many events have come since the hello, without decoding any. Nothing else may be asked."""
        found = self._rest.count(_EVENT)
        while found < wanted:
            self._rest = self._rest[1 - len(_EVENT) :]
            self._more()
            found += self._rest.count(_EVENT)

    def _shake_hands(self, url: str, token: str) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall((
            f"GET {urlsplit(url).path} HTTP/1.1\r\nHost: {urlsplit(url).netloc}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Protocol: {Spelling.MSGPACK.value}\r\nAuthorization: Bearer {token}\r\n\r\n"
        ).encode())  # fmt: skip
        while b"\r\n\r\n" not in self._rest:
            self._more()
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        if b" 101 " not in head:
            raise ConnectionError(f"expected 101 of the engine, got {head[:100]!r}")

    def _send(self, message: bytes) -> None:
        length = len(message)
        size = bytes([0x80 | length]) if length <= _SHORT else bytes([0x80 | _MEDIUM]) + length.to_bytes(2, "big")
        self._socket.sendall(b"\x82" + size + _NO_MASK + message)

    def _next(self) -> EngineFrame:
        while not self._frames:
            self._frames = self._protocol.receive(self._message())
        return self._frames.pop(0)

    def _message(self) -> bytes:
        self._need(2)
        head, length = 2, self._rest[1]
        if length == _MEDIUM:
            self._need(4)
            head, length = 4, int.from_bytes(self._rest[2:4], "big")
        self._need(head + length)
        message, self._rest = self._rest[head : head + length], self._rest[head + length :]
        return message

    def _need(self, octets: int) -> None:
        while len(self._rest) < octets:
            self._more()

    def _more(self) -> None:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise EOFError("the engine closed the connection")
        self._rest += data
        self.octets += len(data)


@contextmanager
def bare_app(url: str, token: str) -> Iterator[BareApp]:
    """Connect, shake hands, and close at the end."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=TIMEOUT) as connection:
        yield BareApp(connection, url, token)
