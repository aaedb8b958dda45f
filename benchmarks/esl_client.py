"""A client of the ESL door, as octets over a blocking socket: nothing of it is in the way of the figures."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .engine import ESL_PASSWORD

TIMEOUT = 60.0  # seconds
_CHUNK = 1 << 20
_LONGEST_END = 256  # octets of what `count_until` waits for


class EslClient:
    """A connection that has shown the password."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._rest = b""
        self._read_until(b"\n\n")
        self.ask(f"auth {ESL_PASSWORD}")

    def ask(self, command: str) -> bytes:
        """The head of the answer, and its body. Nothing else may be on its way."""
        self._socket.sendall(command.encode() + b"\n\n")
        head = self._read_until(b"\n\n")
        _, found, length = head.partition(b"Content-Length: ")
        return head + (self._read(int(length.split()[0])) if found else b"")

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def count(self, mark: bytes, wanted: int) -> None:
        """Read until that mark has come so often."""
        self._count(mark, lambda found, data: found >= wanted)

    def count_until(self, mark: bytes, end: bytes) -> int:
        """How often the mark comes until `end` does."""
        return self._count(mark, lambda found, data: end in data)

    def _count(self, mark: bytes, is_over: Callable[[int, bytes], bool]) -> int:
        found, kept = 0, max(len(mark) - 1, _LONGEST_END)
        data, before = self._rest, 0  # so many octets of `data` were looked at for marks
        while not is_over(found, data):
            data = data[-kept:]
            before = data.count(mark)
            data += self._more()
            found += data.count(mark) - before
        self._rest = b""
        return found

    def _read_until(self, end: bytes) -> bytes:
        while end not in self._rest:
            self._rest += self._more()
        head, _, self._rest = self._rest.partition(end)
        return head + end

    def _read(self, length: int) -> bytes:
        while len(self._rest) < length:
            self._rest += self._more()
        body, self._rest = self._rest[:length], self._rest[length:]
        return body

    def _more(self) -> bytes:
        data = self._socket.recv(_CHUNK)
        if not data:
            raise EOFError("the engine closed the connection")
        return data


@contextmanager
def esl_client(address: tuple[str, int]) -> Iterator[EslClient]:
    """Connect, log in, and close at the end."""
    with socket.create_connection(address, timeout=TIMEOUT) as connection:
        yield EslClient(connection)
