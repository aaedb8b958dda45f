"""The event log: every event numbered, encoded once, kept in a bounded ring, and read by cursors.

`EventLog.emit` is called by everybody who has something to tell; `Reader` (reader.py) is one consumer's cursor. Nobody
listening, an event costs its encoding and three look-ups. A consumer that is slow or dead costs nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import msgspec

from callflow.protocol.connection import Spelling, respelled
from callflow.protocol.events import ChannelCreated, ChannelEnded, Event
from callflow.protocol.frames import EventFrame

from .encoding import encoded

MAX_EVENTS = 100_000
MAX_OCTETS = 64 << 20
MAX_AGE = 3600.0  # seconds


class Entry(msgspec.Struct, gc=False):
    """One event in the log: what it takes to choose it, and its frame as it goes out."""

    seq: int
    at: float
    name: str
    channel: str | None
    owner: str | None
    frame: bytes  # msgpack
    json: bytes | None = None

    def spelled(self, spelling: Spelling) -> bytes:
        """The frame in this spelling; JSON is written when first wanted, and kept."""
        if spelling is Spelling.MSGPACK:
            return self.frame
        if self.json is None:
            self.json = respelled(self.frame)
        return self.json


class Listener(Protocol):
    """Who is given entries as they are made: see Reader. Must not raise and must not wait."""

    def push(self, entry: Entry) -> None: ...

    def forget(self, channel: str) -> None: ...


class EventLog:
    """The events of one run of the engine, which `epoch` names. Numbers begin at 1."""

    def __init__(
        self,
        epoch: str,
        clock: Callable[[], float],
        *,
        max_events: int = MAX_EVENTS,
        max_octets: int = MAX_OCTETS,
        max_age: float = MAX_AGE,
    ) -> None:
        """`clock` tells seconds since the epoch."""
        self.epoch = epoch
        self.first_seq = 1  # of what is kept; the newest always is
        self.last_seq = 0
        self.octets = 0
        self._clock = clock
        self._max_octets = max_octets
        self._max_age = max_age
        self._size = max_events
        self._ring: list[Entry | None] = [None] * max_events
        self._created: dict[str, int] = {}  # live channel -> seq of its channel.created
        self._by_name: dict[str, tuple[Listener, ...]] = {}
        self._by_channel: dict[str, tuple[Listener, ...]] = {}
        self._by_owner: dict[str, Listener] = {}
        self._watchers: dict[type[Event], tuple[Callable[[Event, Entry], None], ...]] = {}

    def emit(
        self, event: Event, *, channel: str | None = None, call_seq: int | None = None, owner: str | None = None
    ) -> int:
        """Number and keep an event, and return its number. The session `owner` gets it, whatever it subscribed to."""
        seq, at, name = self.last_seq + 1, self._clock(), event.name
        # msgspec encodes what it finds, so that the data needs no pass of its own.
        data = cast("msgspec.Raw", event)
        frame = EventFrame(seq=seq, at=at, name=name, channel=channel, call_seq=call_seq, data=data)
        entry = Entry(seq, at, name, channel, owner, encoded(frame))
        self._keep(entry)
        for listener in self._by_name.get(name, ()):
            listener.push(entry)
        if owner is not None and (owning := self._by_owner.get(owner)) is not None:
            owning.push(entry)
        if channel is not None:
            self._tell_channel(entry, channel, event)
        for watcher in self._watchers.get(type(event), ()):
            watcher(event, entry)
        return seq

    def watch(self, kind: type[Event], watcher: Callable[[Event, Entry], None]) -> None:
        """Call a part of the engine at each event of this kind, at once."""
        self._watchers[kind] = (*self._watchers.get(kind, ()), watcher)

    def entries(self, after: int, upto: int) -> Sequence[Entry]:
        """The entries `after` < seq <= `upto`, all of which must still be kept."""
        ring, size = self._ring, self._size
        return cast("list[Entry]", [ring[seq % size] for seq in range(after + 1, upto + 1)])

    def created_at(self, channel: str) -> int | None:
        """The seq at which a live channel was created."""
        return self._created.get(channel)

    def listen(
        self, listener: Listener, names: frozenset[str], channels: frozenset[str], owners: frozenset[str]
    ) -> None:
        """Push to `listener` what has one of these names, is of one of these channels, or belongs to these owners."""
        for name in names:
            self._by_name[name] = (*self._by_name.get(name, ()), listener)
        for channel in channels:
            self._by_channel[channel] = (*self._by_channel.get(channel, ()), listener)
        for owner in owners:
            self._by_owner[owner] = listener

    def unlisten(
        self, listener: Listener, names: frozenset[str], channels: frozenset[str], owners: frozenset[str]
    ) -> None:
        """Take back exactly what was listened to."""
        for name in names:
            _drop(self._by_name, name, listener)
        for channel in channels:
            _drop(self._by_channel, channel, listener)
        for owner in owners:
            if self._by_owner.get(owner) is listener:
                del self._by_owner[owner]

    def _tell_channel(self, entry: Entry, channel: str, event: Event) -> None:
        for listener in self._by_channel.get(channel, ()):
            listener.push(entry)
        if type(event) is ChannelCreated:
            self._created[channel] = entry.seq
        elif type(event) is ChannelEnded:
            self._created.pop(channel, None)
            for listener in self._by_channel.pop(channel, ()):
                listener.forget(channel)

    def _keep(self, entry: Entry) -> None:
        if entry.seq - self.first_seq >= self._size:
            self._drop_first()
        self._ring[entry.seq % self._size] = entry
        self.last_seq = entry.seq
        self.octets += len(entry.frame)
        oldest = entry.at - self._max_age
        while self.first_seq < self.last_seq and (self.octets > self._max_octets or self._first().at < oldest):
            self._drop_first()

    def _first(self) -> Entry:
        return cast("Entry", self._ring[self.first_seq % self._size])

    def _drop_first(self) -> None:
        at = self.first_seq % self._size
        self.octets -= len(cast("Entry", self._ring[at]).frame)
        self._ring[at] = None
        self.first_seq += 1


def _drop(index: dict[str, tuple[Listener, ...]], key: str, listener: Listener) -> None:
    rest = tuple(other for other in index.get(key, ()) if other is not listener)
    if rest:
        index[key] = rest
    else:
        index.pop(key, None)
