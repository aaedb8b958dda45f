"""What the engine still knows of a call: the events of its legs, the commands given to them, and their SIP messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import msgspec

from callflow.client import Engine
from callflow.errors import NotFound
from callflow.protocol.commands import Events, Trace
from callflow.protocol.queries import Decision, PastEvent, PastEvents, WireMessage, WireMessages

_PAGE = 1000  # events


class Given(NamedTuple):
    """A command that was given to a channel."""

    at: float
    channel: str
    decision: Decision


Row: TypeAlias = PastEvent | WireMessage | Given
_ORDER: tuple[type[Row], ...] = (WireMessage, Given, PastEvent)  # at the same time: events tell of the others


@dataclass(slots=True)
class TracedCall:
    """A call: its legs by channel id, in the order in which they were found, the first being the one asked for."""

    legs: dict[str, list[PastEvent]] = field(default_factory=dict)
    commands: list[Given] = field(default_factory=list)
    messages: list[WireMessage] = field(default_factory=list)
    searched: int = 0  # seq of the last message that was looked at
    asked: str = ""  # the Call-ID that is asked for: of what has no channel

    @property
    def events(self) -> list[PastEvent]:
        """Those of all legs, as they happened."""
        return sorted((event for leg in self.legs.values() for event in leg), key=lambda event: event.seq)

    @property
    def rows(self) -> list[Row]:
        """All of it on one clock."""
        rows: list[Row] = [*self.messages, *self.commands, *self.events]
        return sorted(rows, key=lambda row: (row.at, _ORDER.index(type(row))))

    @property
    def peers(self) -> list[str]:
        """HOST:PORT of whom the engine spoke with, in their order."""
        return list(dict.fromkeys(message.remote for message in self.messages))

    @property
    def is_over(self) -> bool:
        """Every leg has ended."""
        return all(leg and leg[-1].name == "channel.ended" for leg in self.legs.values())

    @property
    def sip_call_ids(self) -> tuple[str, ...]:
        """The Call-IDs of the legs."""
        ids = (event.data.get("sip_call_id") for event in self.events if event.name == "channel.created")
        return tuple(dict.fromkeys(id for id in (self.asked, *ids) if id))


async def read_call(engine: Engine, channel: str) -> TracedCall:
    """The call of that channel, with all legs that were dialled from it or bridged with it."""
    call = TracedCall({channel: []})
    await read_on(engine, call)
    return call


async def read_rejected(engine: Engine, sip_call_id: str) -> TracedCall:
    """The SIP messages with that Call-ID."""
    call = TracedCall(asked=sip_call_id)
    await _read_messages(engine, call)
    return call


async def read_on(engine: Engine, call: TracedCall) -> None:
    """Add what has come since the last time."""
    looked: set[str] = set()
    while left := [leg for leg in call.legs if leg not in looked]:
        for leg in left:
            looked.add(leg)
            call.legs[leg] = await _events_of(engine, leg)
            for other in _others(call.legs[leg]):
                call.legs.setdefault(other, [])
    call.commands = [given for leg in call.legs for given in await _commands_to(engine, leg)]
    await _read_messages(engine, call)


async def _read_messages(engine: Engine, call: TracedCall) -> None:
    more = bool(call.sip_call_ids)
    while more:
        command = Trace(sip_call_ids=call.sip_call_ids, after=call.searched)
        page = msgspec.convert(await engine.command(command), WireMessages)
        call.messages += page.messages
        call.searched, more = page.searched, page.more


async def _events_of(engine: Engine, channel: str) -> list[PastEvent]:
    """The events of one channel, as far as the log still has them."""
    found: list[PastEvent] = []
    before: int | None = None
    while before != 0 and not (found and found[0].name == "channel.created"):
        command = Events(channel=channel, last=_PAGE, before=before)
        page = msgspec.convert(await engine.command(command), PastEvents)
        found[:0], before = page.events, page.searched
    return found


async def _commands_to(engine: Engine, channel: str) -> list[Given]:
    try:
        found = await engine.decisions(channel)
    except NotFound:  # its events are kept for longer
        return []
    return [Given(decision.at, channel, decision) for decision in found.decisions]


def _others(events: list[PastEvent]) -> Iterator[str]:
    """The channels that these events of another name: who dialled it, whom it dialled, whom it was bridged with."""
    for event in events:
        for key in ("parent", "leg", "other"):
            value = event.data.get(key)
            if isinstance(value, str):
                yield value
