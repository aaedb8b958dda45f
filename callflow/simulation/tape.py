"""All events of a simulation, from the first: the engine's own log forgets what is older than an hour."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import trio

from callflow.protocol.events import EVENTS, Event
from callflow.protocol.frames import EventFrame
from engine.eventsocket.log import Entry, EventLog


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of the log: how many seconds into the simulation, of which channel."""

    at: float
    channel: str | None
    event: Event

    def __str__(self) -> str:
        return f"{self.at:9.3f}  {self.channel or '-':16.16}  {self.event!r}"


class Tape:
    """Listens to an event log."""

    def __init__(self, log: EventLog) -> None:
        self._entries: list[tuple[float, Entry]] = []
        log.listen(self, frozenset(EVENTS), frozenset(), frozenset())

    def push(self, entry: Entry) -> None:
        """The log's part: another event."""
        self._entries.append((trio.current_time(), entry))

    def forget(self, channel: str) -> None:
        """The log's part: the channel has ended."""

    @property
    def octets(self) -> bytes:
        """The frames one after another, in msgpack."""
        return b"".join(entry.frame for _, entry in self._entries)

    @property
    def history(self) -> list[Happened]:
        """The events, decoded."""
        return [Happened(at, entry.channel, _decode(entry.frame)) for at, entry in self._entries]


def _decode(frame: bytes) -> Event:
    decoded = msgspec.msgpack.decode(frame, type=EventFrame)
    return msgspec.msgpack.decode(decoded.data, type=EVENTS[decoded.name])
