"""The last SIP messages as they were on the wire, both ways, kept in bounds: what `callflow trace` shows.

Keeping one costs an append: nothing is read or copied. Whose it is, is found out when somebody asks, and keys of media
that it holds are not shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection
from itertools import islice
from typing import NamedTuple

from .events import Flow

MAX_MESSAGES = 20_000
MAX_OCTETS = 16 << 20
_KEY = re.compile(rb"(?<=inline:)[A-Za-z0-9+/=]+", re.IGNORECASE)  # of a=crypto (RFC 4568 6.1)
_CALL_ID = re.compile(rb"\n(?:Call-ID|i)[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class WireMessage(NamedTuple):
    """One message. `seq` counts from 1; `at` is by the log's clock."""

    seq: int
    at: float
    is_sent: bool
    flow: Flow
    data: bytes


class WireLog:
    """What a stack received and sent. The oldest go when there are too many, or their octets."""

    def __init__(
        self, clock: Callable[[], float], *, max_messages: int = MAX_MESSAGES, max_octets: int = MAX_OCTETS
    ) -> None:
        self.last_seq = 0
        self.octets = 0
        self._clock = clock
        self._max_messages = max_messages
        self._max_octets = max_octets
        self._messages: deque[WireMessage] = deque()

    def __len__(self) -> int:
        return len(self._messages)

    def received(self, data: bytes, flow: Flow) -> None:
        """A whole message came in."""
        self._keep(data, flow, is_sent=False)

    def sent(self, data: bytes, flow: Flow) -> None:
        """A message goes out."""
        self._keep(data, flow, is_sent=True)

    def find(
        self, call_ids: Collection[str], *, after: int, count: int, max_octets: int
    ) -> tuple[list[WireMessage], int]:
        """Those of these calls among the `count` messages after a seq, and the seq up to which was looked.

        It stops early when they come to `max_octets`.
        """
        wanted = {call_id.encode("utf-8", "surrogateescape") for call_id in call_ids}
        found: list[WireMessage] = []
        looked = max(after, self.last_seq - len(self._messages))
        begin = looked - (self.last_seq - len(self._messages))
        for message in islice(self._messages, begin, begin + count):
            looked = message.seq
            if call_id_of(message.data) in wanted:
                found.append(message._replace(data=without_keys(message.data)))
                max_octets -= len(message.data)
                if max_octets <= 0:
                    break
        return found, looked

    def _keep(self, data: bytes, flow: Flow, *, is_sent: bool) -> None:
        self.last_seq += 1
        self._messages.append(WireMessage(self.last_seq, self._clock(), is_sent, flow, data))
        self.octets += len(data)
        while self.octets > self._max_octets or len(self._messages) > self._max_messages:
            self.octets -= len(self._messages.popleft().data)


def without_keys(data: bytes) -> bytes:
    """The message with an `x` in place of each character of a key, so that it is as long as it was."""
    return _KEY.sub(lambda key: b"x" * len(key[0]), data) if b"inline:" in data.lower() else data


def call_id_of(data: bytes) -> bytes:
    """The Call-ID of a message, be it malformed; empty if it has none."""
    end = data.find(b"\r\n\r\n")
    match = _CALL_ID.search(data, 0, end if end >= 0 else len(data))
    return match[1].rstrip(b" \t") if match is not None else b""
