"""What `callflow top` knows of an engine: its live calls, what happened in the last minute, and the latest errors.

Fed with the state at the beginning and then with events; nothing here does I/O. Everything has a bound: calls are as
many as the engine has, the past is counted by the second, and of errors the last few are kept.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import msgspec

from callflow.protocol import events
from callflow.protocol.events import EVENTS, Event
from callflow.protocol.frames import ChannelState
from callflow.protocol.queries import EngineStatus, PastEvent, TrunkState
from callflow.state import State

from .wording import last_line

MINUTE = 60  # seconds that rates are of
MAX_ERRORS = 5
PATTERNS = (
    "channel.created", "channel.ringing", "channel.progress", "channel.answered", "channel.held", "channel.resumed",
    "channel.bridged", "channel.unbridged", "channel.media_quality", "channel.owner_changed", "channel.owner_lost",
    "channel.ended", "trunk.*", "script.failed", "engine.*",
)  # fmt: skip
PAST = ("channel.created", "channel.answered", "channel.ended", "trunk.*", "script.failed", "engine.*")  # of the minute


@dataclass(frozen=True, slots=True)
class Leg:
    """A live channel."""

    id: str
    state: str
    caller: str
    callee: str
    created_at: float
    app: str = ""
    answered_at: float | None = None
    mos: float | None = None

    @property
    def since(self) -> float:
        """What its time is counted from."""
        return self.answered_at or self.created_at


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong."""

    at: float
    what: str
    channel: str | None = None


class Minute:
    """What was counted in the last minute, by the second."""

    def __init__(self, since: float) -> None:
        """`since`: nothing is known of what was before."""
        self._since = since
        self._seconds: deque[tuple[int, Counter[str]]] = deque()

    def note(self, at: float, what: str, count: int = 1) -> None:
        second = int(at)
        if not self._seconds or self._seconds[-1][0] < second:
            self._seconds.append((second, Counter()))
        self._seconds[-1][1][what] += count
        self._forget(at)

    def counts(self, now: float) -> Counter[str]:
        """How often each was noted."""
        self._forget(now)
        return sum((counter for _, counter in self._seconds), Counter())

    def span(self, now: float) -> float:
        """The seconds that the counts are of."""
        return min(max(now - self._since, 1.0), float(MINUTE))

    def _forget(self, now: float) -> None:
        while self._seconds and self._seconds[0][0] <= now - MINUTE:
            self._seconds.popleft()


class Board:
    """All that is shown. `begin` it anew with each connection."""

    def __init__(self) -> None:
        self.legs: dict[str, Leg] = {}
        self.status: EngineStatus | None = None
        self.cpu = 0.0  # processors' worth, between the last two looks
        self.trunks: Sequence[TrunkState] = ()
        self.errors: deque[Trouble] = deque(maxlen=MAX_ERRORS)
        self.minute = Minute(0.0)
        self.are_trunks_stale = True
        self.lost: str | None = None  # why there is no connection
        self.ahead = 0.0  # seconds that the engine's clock is ahead of the one that `see` is given

    def begin(self, state: State, past: Sequence[PastEvent], *, began_at: float) -> None:
        """The live channels; and what happened before, of which nothing is missing since `began_at`."""
        self.begin_again(state)
        self.errors.clear()
        self.minute = Minute(began_at)
        self.status, self.are_trunks_stale, self.lost = None, True, None
        for event in past:
            if event.seq <= state.seq:
                self._count(_event(event), event.at, event.channel)

    def begin_again(self, state: State) -> None:
        """Events were missed: this is what is now."""
        self.legs = {channel.id: _leg(channel) for channel in state.channels}

    def see(self, status: EngineStatus, *, now: float) -> None:
        """The engine's own figures, which came at `now`, seconds since the epoch."""
        before = self.status
        if before is None:
            self.cpu = status.load.cpu_seconds / max(status.at - status.started_at, 1.0)  # since it started
        elif status.at > before.at:
            self.minute.note(status.at, "rejected", _more(before, status, "calls_rejected"))
            self.cpu = (status.load.cpu_seconds - before.load.cpu_seconds) / (status.at - before.at)
        self.status, self.ahead = status, status.at - now

    def take(self, event: Event | None, *, at: float, channel: str | None) -> None:
        """Something happened."""
        self._count(event, at, channel)
        if channel is not None and isinstance(event, events.ChannelCreated):
            self.legs[channel] = _new_leg(channel, event, at)
        elif channel is not None and isinstance(event, events.ChannelEnded):
            self.legs.pop(channel, None)
        elif (leg := self.legs.get(channel or "")) is not None and (change := _CHANGES.get(type(event))) is not None:
            self.legs[leg.id] = replace(leg, **change(event, at))

    def chosen(self, order: str, count: int, *, is_reversed: bool = False) -> list[Leg]:
        """The first calls in an order of `ORDERS`, at most so many; reversed, the last ones."""
        choose = heapq.nlargest if is_reversed else heapq.nsmallest
        return choose(count, self.legs.values(), key=ORDERS[order])

    def _count(self, event: Event | None, at: float, channel: str | None) -> None:
        if isinstance(event, events.ChannelCreated):
            self.minute.note(at, "outbound" if event.direction == "outbound" else "inbound")
        elif isinstance(event, events.ChannelAnswered):
            self.minute.note(at, "answered")
        elif isinstance(event, events.ChannelEnded) and event.phase != "answered":
            self.minute.note(at, f"failed {event.cause_name}")
        elif isinstance(event, _OF_TRUNKS):
            self.are_trunks_stale = True
        if event is not None and (what := _trouble(event)) is not None:
            self.errors.append(Trouble(at, what, channel))


_OF_TRUNKS = (events.TrunkUp, events.TrunkDown, events.TrunkRegistered, events.TrunkUnregistered)
_Change: TypeAlias = Callable[[Any, float], Mapping[str, Any]]  # Any: each event has its own class


def _quality(event: events.ChannelMediaQuality, at: float) -> Mapping[str, Any]:
    return {"mos": min((way.mos for way in (event.received, event.sent) if way.mos is not None), default=None)}


_CHANGES: Mapping[type[Event] | type[None], _Change] = MappingProxyType({
    events.ChannelRinging: lambda event, at: {"state": "ringing"},
    events.ChannelProgress: lambda event, at: {"state": "early"},
    events.ChannelAnswered: lambda event, at: {"state": "answered", "answered_at": at},
    events.ChannelHeld: lambda event, at: {"state": "held"},
    events.ChannelResumed: lambda event, at: {"state": "answered"},
    events.ChannelBridged: lambda event, at: {"state": "bridged"},
    events.ChannelUnbridged: lambda event, at: {"state": "answered"},
    events.ChannelMediaQuality: _quality,
    events.OwnerChanged: lambda event, at: {"app": event.app},
})
# What calls are sorted by: the first is what one sees at first.
ORDERS: Mapping[str, Callable[[Leg], tuple[Any, ...]]] = MappingProxyType({
    "longest": lambda leg: (leg.created_at, leg.id),
    "newest": lambda leg: (-leg.created_at, leg.id),
    "quality": lambda leg: (leg.mos is None, leg.mos or 0.0, leg.created_at, leg.id),
    "app": lambda leg: (leg.app, leg.created_at, leg.id),
    "state": lambda leg: (leg.state, leg.created_at, leg.id),
})


def _more(before: EngineStatus, after: EngineStatus, name: str) -> int:
    return after.counters.get(name, 0) - before.counters.get(name, 0)


def _trouble(event: Event) -> str | None:
    match event:
        case events.ScriptFailed():
            return f"{event.app}: {last_line(event.traceback) or event.error}"
        case events.TrunkDown():
            return f"trunk {event.trunk} is down: {event.reason}"
        case events.TrunkUnregistered():
            return f"not registered with trunk {event.trunk}: {event.reason}"
        case events.OwnerLost():
            return "its app is gone"
        case events.EngineOverloaded():
            return f"overloaded ({event.reason}): no new calls with {event.calls} up"
        case _:
            return None


def _event(past: PastEvent) -> Event | None:
    shape = EVENTS.get(past.name)
    try:
        return msgspec.convert(past.data, shape) if shape is not None else None
    except msgspec.ValidationError:  # of another version
        return None


def _leg(state: ChannelState) -> Leg:
    shown = "bridged" if state.bridge is not None and state.state == "answered" else state.state
    return Leg(
        state.id, shown, state.caller, state.to or state.callee, state.created_at, state.app or "", state.answered_at,
        state.mos,
    )  # fmt: skip


def _new_leg(channel: str, event: events.ChannelCreated, at: float) -> Leg:
    callee = event.to or str(event.callee)
    return Leg(channel, "created", str(event.caller), callee, at, event.app or "")
