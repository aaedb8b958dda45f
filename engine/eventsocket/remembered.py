"""Replies that were given, so that the same command id again gets the same reply.

For the life of its channel, or, without a channel, for 10 minutes; of each channel and each app the last 10,000, and no
more than a few megabytes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

MAX_REPLIES = 10_000
MAX_OCTETS = 4 << 20
MAX_AGE = 600.0  # seconds
MAX_ENDED = 10_000  # channels whose end is remembered

Key = tuple[str, ...]


class Given(NamedTuple):
    """A reply, and what it was the reply to."""

    name: str
    frame: bytes  # msgpack
    at: float


class Replies:
    """The replies of one channel, or of one app. The oldest is forgotten first."""

    def __init__(self, max_age: float | None = None) -> None:
        self._given: OrderedDict[Key, Given] = OrderedDict()  # the oldest first
        self._octets = 0
        self._max_age = max_age

    def find(self, key: Key, *, now: float) -> Given | None:
        self._forget_old(now)
        return self._given.get(key)

    def remember(self, key: Key, name: str, frame: bytes, *, now: float) -> None:
        self._given[key] = Given(name, frame, now)
        self._octets += len(frame)
        while len(self._given) > MAX_REPLIES or (self._octets > MAX_OCTETS and len(self._given) > 1):
            self._forget_first()

    def _forget_old(self, now: float) -> None:
        if self._max_age is not None:
            while self._given and self._given[next(iter(self._given))].at < now - self._max_age:
                self._forget_first()

    def _forget_first(self) -> None:
        self._octets -= len(self._given.popitem(last=False)[1].frame)


class Remembered:
    """All replies, and which channels have ended lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` never goes back."""
        self._clock = clock
        self._of_channel: dict[str, Replies] = {}
        self._of_app: OrderedDict[str, Replies] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()

    def find(self, channel: str | None, key: Key) -> Given | None:
        replies = self._of_app.get(key[0]) if channel is None else self._of_channel.get(channel)
        return None if replies is None else replies.find(key, now=self._clock())

    def remember(self, channel: str | None, key: Key, name: str, frame: bytes) -> None:
        """Keep a reply. `key` begins with the app; for a channel it must be live."""
        self._replies(channel, key[0]).remember(key, name, frame, now=self._clock())

    def end(self, channel: str) -> None:
        """The channel has ended, and its replies are forgotten."""
        self._of_channel.pop(channel, None)
        self._ended[channel] = None
        if len(self._ended) > MAX_ENDED:
            self._ended.popitem(last=False)

    def has_ended(self, channel: str) -> bool:
        """Did a channel of this id end lately?"""
        return channel in self._ended

    def _replies(self, channel: str | None, app: str) -> Replies:
        if channel is not None:
            if channel not in self._of_channel:
                self._of_channel[channel] = Replies()
            return self._of_channel[channel]
        if app not in self._of_app:
            self._of_app[app] = Replies(MAX_AGE)
        replies = self._of_app[app]
        self._of_app.move_to_end(app)
        if len(self._of_app) > _MAX_APPS:
            self._of_app.popitem(last=False)
        return replies


_MAX_APPS = 100  # whose replies are remembered at a time
