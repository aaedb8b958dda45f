"""The peer's keys, one event for each, however it came: by RTP (events or tones) or by INFO, or by both at once.

Some phones tell each key twice. The way that is first tells it; the same key by the other way within a second is the
same press.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import trio

from callflow.protocol.events import DigitEnded, DigitStarted

from .part import Part

if TYPE_CHECKING:
    from .channel import Channel

_SAME_KEY = 1.0  # seconds
_MOST = 16  # keys within that time


class Way(enum.Enum):
    """How a key came."""

    RTP = "rtp"  # which of both ways of RTP is settled by the media engine
    INFO = "info"
    NONE = "none"  # somebody says that it was pressed


class _Told(NamedTuple):
    digit: str
    way: Way
    at: float


class Keys(Part):
    """The keys of one channel."""

    __slots__ = ("_passed_over", "_told")

    def __init__(self, channel: Channel) -> None:
        super().__init__(channel)
        self._told: list[_Told] = []  # those that the other way may tell, too: the last few
        self._passed_over: str | None = None  # a key of RTP whose start was not told: nor is its end

    def start(self, digit: str, way: Way) -> bool:
        """A key went down; False: it is known already."""
        now = trio.current_time()
        while self._told and now - self._told[0].at >= _SAME_KEY:
            del self._told[0]
        if way is Way.NONE:
            self._tell(digit)
            return True
        twin = next((told for told in self._told if told.digit == digit and told.way is not way), None)
        if twin is not None:
            self._told.remove(twin)  # a key is told twice at most: the next one is new
            self._passed_over = digit if way is Way.RTP else self._passed_over
            return False
        self._told = [*self._told[1 - _MOST :], _Told(digit, way, now)]
        self._tell(digit)
        return True

    def end(self, digit: str, duration_ms: int, way: Way) -> None:
        """A key came up."""
        if way is Way.RTP and self._passed_over == digit:
            self._passed_over = None
        elif self._channel.is_alive:
            self._channel.emit(DigitEnded(digit=digit, duration_ms=duration_ms))

    def _tell(self, digit: str) -> None:
        self._channel.emit(DigitStarted(digit=digit))
        self._channel.use_digit(digit)
