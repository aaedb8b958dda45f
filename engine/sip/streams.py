"""The streams of a stack: each is cut into messages, and may not stop in the middle of one for ever.

Nor may all of them together hold more than so much of what is not complete: the one that holds the most is given up.
"""

from __future__ import annotations

from collections.abc import Callable

from .events import Flow
from .messages import KeepAlive, ParseError, Request, Response, StreamReader
from .schedule import Alarm, Schedule
from .timers import HALF_MESSAGE, NEVER
from .transaction import Transaction

MAX_UNFINISHED = 64 << 20  # octets of messages that are not complete, on all connections together


class _Stream(Alarm):
    __slots__ = ("_expire", "_flow", "pending", "reader")

    def __init__(self, flow: Flow, expire: Callable[[Flow], None]) -> None:
        super().__init__()
        self.reader = StreamReader()
        self.pending = 0  # octets of a message that is not complete yet
        self._flow, self._expire = flow, expire

    def ring(self, now: float) -> None:
        self._expire(self._flow)


class Streams:
    """One StreamReader per connection, and the connections that can be read no further."""

    def __init__(
        self,
        schedule: Schedule[Transaction | Alarm],
        *,
        refuse: Callable[[ParseError, Flow], None],
        max_unfinished: int = MAX_UNFINISHED,
    ) -> None:
        """`refuse` is told of a stream whose message is waited for no longer."""
        self._schedule = schedule
        self._refuse = refuse
        self._max_unfinished = max_unfinished
        self._unfinished = 0
        self._streams: dict[Flow, _Stream] = {}
        self._broken: list[Flow] = []

    def __len__(self) -> int:
        return len(self._streams)

    def feed(self, data: bytes, flow: Flow, *, now: float) -> list[Request | Response | ParseError | KeepAlive]:
        stream = self._streams.get(flow)
        if stream is None:
            stream = self._streams[flow] = _Stream(flow, self._expire)
        reader = stream.reader
        messages = reader.feed(data)
        self._count(stream)
        if reader.is_broken:
            self._broken.append(flow)
        elif not reader.pending:
            self._schedule.set(stream, NEVER)
        elif messages or stream.scheduled_at == NEVER:
            # Counted from its first octets: a sender that trickles the rest gains nothing by it.
            self._schedule.set(stream, now + HALF_MESSAGE)
        while self._unfinished > self._max_unfinished:
            self._make_room()
        return messages

    def forget(self, flow: Flow) -> None:
        stream = self._streams.pop(flow, None)
        if stream is not None:
            self._unfinished -= stream.pending
            self._schedule.set(stream, NEVER)

    def give_up(self, flow: Flow) -> None:
        """Read no more of it."""
        self._broken.append(flow)

    @property
    def has_broken(self) -> bool:
        """Is there something for `take_broken`?"""
        return bool(self._broken)

    def take_broken(self) -> list[Flow]:
        broken, self._broken = self._broken, []
        return broken

    def _count(self, stream: _Stream) -> None:
        self._unfinished += stream.reader.pending - stream.pending
        stream.pending = stream.reader.pending

    def _expire(self, flow: Flow) -> None:
        # RFC 3261 18.3: 400 to a request that ends too early. A 408 would end the dialog that it is in (RFC 5057 5.1).
        self._abandon(flow, 400, f"expected the rest of a message within {HALF_MESSAGE:g} s")

    def _make_room(self) -> None:
        largest = max(self._streams, key=lambda flow: self._streams[flow].pending)
        self._abandon(largest, 503, f"expected at most {self._max_unfinished} octets of unfinished messages in all")

    def _abandon(self, flow: Flow, status: int, why: str) -> None:
        stream = self._streams[flow]
        got = f", got {stream.pending} octets of one"
        self._schedule.set(stream, NEVER)
        self._refuse(stream.reader.give_up(status, why + got), flow)
        self._count(stream)
        self._broken.append(flow)
