"""A client of the event socket, as octets over a blocking socket: nothing of it is in the way of the figures."""

from __future__ import annotations

import base64
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import msgspec

from callflow.protocol.frames import Hello

TIMEOUT = 60.0  # seconds
EVENT = b"\xa4type\xa5event"  # what the frame of an event begins with, in msgpack
_CHUNK = 1 << 20
_BINARY = 0x82  # a whole message (RFC 6455 §5.2)


class BareSocket:
    """A WebSocket that sends frames, and counts what comes."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

    def send(self, frame: Hello) -> None:
        """One message, masked with zeros (§5.3)."""
        data = msgspec.msgpack.encode(frame)
        self._socket.sendall(bytes((_BINARY, 0x80 | 126)) + len(data).to_bytes(2, "big") + bytes(4) + data)

    def count_events(self, wanted: int) -> int:
        """Read until so many events have come; the octets that this took."""
        found = octets = 0
        rest = b""
        while found < wanted:
            data = self._socket.recv(_CHUNK)
            if not data:
                raise ConnectionError(f"the engine hung up after {found} of {wanted} events")
            octets += len(data)
            found += (rest + data).count(EVENT)
            rest = (rest + data)[1 - len(EVENT) :]
        return octets


@contextmanager
def bare_socket(url: str, token: str) -> Iterator[BareSocket]:
    """Connect, and shake hands."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname, place.port), timeout=TIMEOUT) as connection:
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {place.path or '/'} HTTP/1.1", f"Host: {place.netloc}", "Upgrade: websocket", "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", f"Authorization: Bearer {token}",
        ]  # fmt: skip
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        if b" 101 " not in head:
            raise ConnectionError(f"expected 101 of the engine, got {head[:100]!r}")
        yield BareSocket(connection)
