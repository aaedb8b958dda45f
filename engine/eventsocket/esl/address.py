"""Where an application that is dialled listens: `esl://HOST:PORT?async&full`. The configuration reads it, too."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

import trio

DEFAULT_PORT = 8084


@dataclass(frozen=True, slots=True)
class Application:
    """Where an application listens, and how it is spoken to."""

    host: str
    port: int
    is_async: bool
    is_full: bool

    @classmethod
    def parse(cls, url: str) -> Application:
        """Read `esl://HOST:PORT?async&full`. Raises ValueError."""
        parts = urlsplit(url)
        flags = set(parts.query.split("&")) - {""}
        if parts.scheme != "esl" or not parts.hostname or parts.path not in ("", "/") or flags - {"async", "full"}:
            raise ValueError(f'expected an address such as "esl://127.0.0.1:8084?async&full", got {url[:128]!r}')
        return cls(parts.hostname, parts.port or DEFAULT_PORT, "async" in flags, "full" in flags)

    async def connect(self) -> trio.SocketStream:
        """A connection to it. Raises OSError."""
        try:
            family = socket.AF_INET6 if ipaddress.ip_address(self.host).version == 6 else socket.AF_INET
        except ValueError:  # a name, perhaps of several addresses
            return await trio.open_tcp_stream(self.host, self.port)
        connection = trio.socket.socket(family)
        try:
            await connection.connect((self.host, self.port))
        except BaseException:
            connection.close()
            raise
        return trio.SocketStream(connection)
