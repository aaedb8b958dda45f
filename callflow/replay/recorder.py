"""Records the calls of a simulation as it goes: `saved` is what `callflow save` would say of one."""

from __future__ import annotations

import msgspec

from callflow.protocol.events import EVENTS, ChannelCreated
from callflow.protocol.queries import Decision, PastEvent
from engine.eventsocket.decisions import Given
from engine.eventsocket.log import Entry
from engine.switch import Switch

from .saved import SavedCall, assemble


class Recorder:
    """Everything that happens in a switch from now on."""

    def __init__(self, switch: Switch) -> None:
        self.calls: list[str] = []  # that came in
        self._events: list[PastEvent] = []
        self._decisions: dict[str, list[Decision]] = {}
        self._parents: dict[str, str] = {}
        switch.log.listen(self, frozenset(EVENTS), frozenset(), frozenset())
        switch.sockets.decisions.watch(self._note)

    def saved(self, call: str) -> SavedCall:
        """A call with all legs that it dialled."""
        family = {call}
        for leg, parent in self._parents.items():
            if parent in family:
                family.add(leg)
        own = [event for event in self._events if event.channel in family]
        return assemble(call, own, {leg: given for leg, given in self._decisions.items() if leg in family})

    def push(self, entry: Entry) -> None:
        """The log's part: another event."""
        event = msgspec.msgpack.decode(entry.frame, type=PastEvent)
        self._events.append(event)
        if event.name == ChannelCreated.name and event.channel is not None:
            if event.data["direction"] == "inbound":
                self.calls.append(event.channel)
            elif (parent := event.data.get("parent")) is not None:
                self._parents[event.channel] = parent

    def forget(self, channel: str) -> None:
        """The log's part: the channel has ended."""

    def _note(self, channel: str, given: Given) -> None:
        self._decisions.setdefault(channel, []).append(given.decoded())
