"""The streams of a stack: each is cut into messages, and may not stop in the middle of one for ever."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from .events import Flow
from .messages import KeepAlive, ParseError, Request, Response, StreamReader
from .schedule import Alarm, Schedule
from .timers import HALF_MESSAGE, NEVER
from .transaction import Transaction


class _Stream:
    __slots__ = ("alarm", "reader")

    def __init__(self, alarm: Alarm) -> None:
        self.reader = StreamReader()
        self.alarm = alarm


class Streams:
    """One StreamReader per connection, and the connections that can be read no further."""

    def __init__(self, schedule: Schedule[Transaction | Alarm], *, late: Callable[[Flow], None]) -> None:
        """`late` is told of a stream that stopped in the middle of a message."""
        self._schedule = schedule
        self._late = late
        self._streams: dict[Flow, _Stream] = {}
        self._broken: list[Flow] = []

    def __len__(self) -> int:
        return len(self._streams)

    def feed(self, data: bytes, flow: Flow, *, now: float) -> list[Request | Response | ParseError | KeepAlive]:
        stream = self._streams.get(flow)
        if stream is None:
            stream = self._streams[flow] = _Stream(Alarm(partial(self._expire, flow)))
        reader = stream.reader
        messages = reader.feed(data)
        if reader.is_broken:
            self._broken.append(flow)
        elif not reader.pending:
            self._schedule.set(stream.alarm, NEVER)
        elif messages or stream.alarm.scheduled_at == NEVER:
            # Counted from its first octets: a sender that trickles the rest gains nothing by it.
            self._schedule.set(stream.alarm, now + HALF_MESSAGE)
        return messages

    def forget(self, flow: Flow) -> None:
        stream = self._streams.pop(flow, None)
        if stream is not None:
            self._schedule.set(stream.alarm, NEVER)

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

    def _expire(self, flow: Flow, now: float) -> None:
        self._late(flow)
        self._broken.append(flow)
