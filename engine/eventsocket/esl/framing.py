"""What clients send, cut into requests: a command line, headers, an empty line, and a body if Content-Length says so.

Pure and bounded. Whatever is wrong is a FramingError, after which the connection is of no use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_HEAD = 256 * 1024  # octets of a command and its headers
MAX_BODY = 1 << 20
MAX_HEAD_OF_STRANGER = 4096  # before the password

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_LONGEST_END = 4


class FramingError(ValueError):
    """What came is no request; the text says what was expected."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `line` is the command with its arguments; header names keep their case."""

    line: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    def header(self, name: str) -> str | None:
        """The first header of that name, in any case."""
        name = name.lower()
        return next((value for key, value in self.headers if key.lower() == name), None)


class Parser:
    """Fed octets, gives requests. Until `trust` it takes short commands only, and no body."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._looked_at = 0
        self._head: tuple[str, tuple[tuple[str, str], ...]] | None = None
        self._body_length = 0
        self._max_head = MAX_HEAD_OF_STRANGER
        self._max_body = 0

    def trust(self) -> None:
        """The client has shown the password: longer requests may come."""
        self._max_head, self._max_body = MAX_HEAD, MAX_BODY

    def feed(self, data: bytes | bytearray) -> None:
        self._buffer += data

    def next_request(self) -> Request | None:
        """The next request that is complete, None: more octets are needed. Raises FramingError."""
        if self._head is None and not self._read_head():
            return None
        if len(self._buffer) < self._body_length:
            return None
        assert self._head is not None
        line, headers = self._head
        body = bytes(self._buffer[: self._body_length]).decode(errors="replace")
        del self._buffer[: self._body_length]
        self._head, self._looked_at = None, 0
        return Request(line, headers, body)

    def _read_head(self) -> bool:
        blank = len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))
        if blank and self._looked_at == 0:
            del self._buffer[:blank]
        end = _END_OF_HEAD.search(self._buffer, max(0, self._looked_at - _LONGEST_END))
        if (end.start() if end is not None else len(self._buffer)) > self._max_head:
            raise FramingError(f"expected a command of at most {self._max_head} octets")
        if end is None:
            self._looked_at = len(self._buffer)
            return False
        lines = bytes(self._buffer[: end.start()]).decode(errors="replace").split("\n")
        del self._buffer[: end.end()]
        headers = tuple(pair for line in lines[1:] if (pair := _pair(line)) is not None)
        self._head = lines[0].rstrip("\r"), headers
        self._body_length = self._length(headers)
        return True

    def _length(self, headers: tuple[tuple[str, str], ...]) -> int:
        values = [value for name, value in headers if name.lower() == "content-length"]
        if not values:
            return 0
        if len(values) > 1:
            raise FramingError(f"expected one Content-Length, got {len(values)}")
        if not re.fullmatch(r"[0-9]{1,9}", values[0], re.ASCII):
            raise FramingError(f"expected a Content-Length in digits, got {values[0][:32]!r}")
        if int(values[0]) > self._max_body:
            raise FramingError(f"expected a body of at most {self._max_body} octets, got {values[0]}")
        return int(values[0])


def _pair(line: str) -> tuple[str, str] | None:
    name, colon, value = line.partition(":")
    return (name.strip(), value.strip()) if colon and name.strip() else None
