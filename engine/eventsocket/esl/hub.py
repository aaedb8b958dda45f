"""What all ESL clients have in common: the legs, the door's session, the global variables, and who hears of what.

Events are made only when a client wants them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

import structlog
import trio

from callflow.protocol.events import ChannelCreated, Event
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.log import Entry

from . import packet
from .dialstring import NO_GROUPS, Groups
from .event import EslEvent
from .headers import Core, channel_headers
from .interest import Interest
from .kept import Kept
from .leg import Leg
from .pulse import Pulse
from .schedule import Schedule
from .steering import Steering
from .vocabulary import CALL_STATES

if TYPE_CHECKING:
    from .browsing import Browsing
    from .conferring import Room
    from .fifo import Fifo
    from .stage import Application
    from .waiting import Waiting

HEARTBEAT_EVERY = 20.0  # seconds
MAX_GLOBALS = 1000
MAX_JOBS = 5000  # of bgapi, at once
MAX_SESSIONS = 20_000  # what clients are told; the engine's own limits are in its configuration
MAX_RATE = 1000  # a second, the same

logger = structlog.get_logger("engine.esl")

Headers = Mapping[str, str]
# The leg is None for what is no channel's.
Translation = Callable[["Hub", Leg | None, Event, float], None]


class Listener(Protocol):
    """A client that hears events."""

    interest: Interest

    def deliver(self, event: EslEvent) -> None:
        """Must not raise and must not wait."""
        ...


class Connected(Protocol):
    """A client that is connected."""

    def goodbye(self) -> None:
        """The engine stops."""
        ...


class End(Connected, Protocol):
    """A client whose connection is for one channel."""

    def note_end(self, leg: Leg) -> None:
        """A leg has ended, and its CHANNEL_HANGUP_COMPLETE was told."""
        ...


class LogReader(Protocol):
    """A client that reads the log."""

    log_level: int

    def send(self, data: bytes) -> None: ...


class Hub:
    """`translations` say what our events are to FreeSWITCH's clients, `applications` what they can have done.

    What runs on channels runs in `nursery`.
    """

    def __init__(
        self,
        sockets: EventSocket,
        steering: Steering,
        core: Core,
        *,
        translations: Mapping[type[Event], Translation],
        applications: Mapping[str, Application],
        nursery: trio.Nursery,
        new_id: Callable[[], str],
        epoch: Callable[[], float],
        answer: Callable[[Hub, str, Leg | None], Awaitable[str]],
        sounds: str = "",
        groups: Groups = NO_GROUPS,
        users: Collection[str] = (),
        addresses: Callable[[], Sequence[str]] = lambda: (),
        browsing: Browsing | None = None,
    ) -> None:
        """`sounds`: the folder of the prompts; `groups`: users that are rung together.

        `users`: the names of all; `addresses`: where SIP is listened for; `answer` does an api command; `browsing`
        asks servers.
        """
        self.sockets = sockets
        self.steering = steering
        self.core = core
        self.applications = applications
        self.nursery = nursery
        self.new_id = new_id
        self.epoch = epoch
        self.sounds = sounds
        self.groups = groups
        self.users = users
        self.addresses = addresses
        self.browsing = browsing
        self.hash = Kept()
        self.database = Kept()
        self.paused: frozenset[str] = frozenset()  # no new calls `in`, or `out`
        self.schedule = Schedule(nursery, epoch=epoch, tell=self.announce)
        self.legs: dict[str, Leg] = {}
        self.listeners: set[Listener] = set()
        self.log_readers: set[LogReader] = set()
        self.ends: dict[str, set[End]] = {}  # those whose connection is for one channel, by its id
        self.clients: set[Connected] = set()  # that have shown the password
        self.globals: dict[str, str] = {}
        self.rooms: dict[str, Room] = {}  # conferences, by name
        self.lots: dict[str, dict[str, Waiting]] = {}  # who is parked, by lot and place, the longest first
        self.fifos: dict[str, Fifo] = {}
        self.pulse = Pulse()
        self.unknown: dict[str, int] = {}  # what clients asked for that there is not, and how often
        self._answer = answer
        self._jobs = 0
        self._expected: dict[str, Mapping[str, str]] = {}
        self._translations = translations
        for kind in translations:
            sockets.log.watch(kind, self._receive)

    @property
    def domain(self) -> str:
        """The host of the first address."""
        return next(iter(self.addresses()), "").rpartition(":")[0] or self.core.address

    def ask(self, line: str, leg: Leg | None) -> None:
        """Have an api command done beside."""

        async def work() -> None:
            await self._answer(self, line, leg)

        self.start_job(work)

    def find(self, id: str) -> Leg | None:
        """The leg of that id, if it is alive."""
        return self.legs.get(id)

    def expect(self, legs: Mapping[str, Mapping[str, str]]) -> None:
        """These legs are about to be dialled, and shall have these variables."""
        self._expected.update(legs)

    def unmade(self, legs: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
        """Those of them that never came to be, and are expected no more."""
        return frozenset(id for id in legs if self._expected.pop(id, None) is not None)

    def wants(self, name: str, subclass: str = "") -> bool:
        """Whether any client might want an event of that name."""
        return any(listener.interest.wants(name, subclass) for listener in self.listeners)

    def tell(self, name: str, leg: Leg, at: float, headers: Headers | None = None, *, body: str | None = None) -> None:
        """An event of a channel."""
        if self.wants(name):
            whole = self.core.headers(name, at) | channel_headers(name, leg, self.find)
            self._deliver(EslEvent(name, whole | dict(headers or {}), body=body))

    def announce(
        self, name: str, headers: Headers, *, subclass: str = "", body: str | None = None, at: float | None = None
    ) -> None:
        """An event that is no channel's."""
        if self.wants(name, subclass):
            first = self.core.headers(name, self.epoch() if at is None else at, subclass)
            self._deliver(EslEvent(name, first | dict(headers), subclass=subclass, body=body))

    def enter(self, leg: Leg, state: str, at: float) -> None:
        """The leg changes its state."""
        leg.state = state
        self.tell("CHANNEL_STATE", leg, at)

    def call(self, leg: Leg, state: str, at: float) -> None:
        """The leg changes its call state."""
        if state == leg.call_state:
            return
        before, leg.call_state = leg.call_state, state
        headers = {
            "Original-Channel-Call-State": before,
            "Channel-Call-State-Number": str(CALL_STATES.get(state, 0)),
        }
        self.tell("CHANNEL_CALLSTATE", leg, at, headers)

    def write_log(self, level: int, text: str) -> None:
        """A line that a client writes to the log, for those that read it."""
        for reader in tuple(self.log_readers):
            if level <= reader.log_level:
                reader.send(packet.log_data(level, text))

    def note_unknown(self, what: str) -> None:
        """A client asked for what there is not."""
        if what in self.unknown or len(self.unknown) < MAX_GLOBALS:
            self.unknown[what] = self.unknown.get(what, 0) + 1
        logger.info("there is no such thing here", asked=what, times=self.unknown.get(what, 1))

    def start_job(self, work: Callable[[], Awaitable[None]]) -> bool:
        """Have work done beside. False: too much is done already."""
        if self._jobs >= MAX_JOBS:
            return False
        self._jobs += 1
        self.nursery.start_soon(self._do_job, work)
        return True

    async def _do_job(self, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        finally:
            self._jobs -= 1

    def shut_down(self) -> None:
        """The engine stops: tell all clients."""
        self.announce("SHUTDOWN", {"Event-Info": "System Shutting Down"})
        for client in self.clients.union(*self.ends.values()):
            client.goodbye()

    async def beat(self) -> None:
        """Tell that the engine is alive, for ever."""
        while True:
            await trio.sleep(HEARTBEAT_EVERY)
            self.announce("HEARTBEAT", self._vital_signs())

    def _vital_signs(self) -> Headers:
        now, pulse, alive = self.epoch(), self.pulse, len(self.legs)
        up = now - self.core.started_at
        return {
            "Event-Info": "System Ready",
            "Up-Time": uptime(up),
            "FreeSWITCH-Version": self.core.version,
            "Uptime-msec": str(round(up * 1000)),
            "Session-Count": str(alive),
            "Max-Sessions": str(MAX_SESSIONS),
            "Session-Per-Sec": str(MAX_RATE),
            "Session-Per-Sec-Last": str(pulse.last(now)),
            "Session-Per-Sec-Max": str(pulse.fastest),
            "Session-Per-Sec-FiveMin": str(pulse.fastest_of_five_minutes(now)),
            "Session-Since-Startup": str(pulse.sessions),
            "Session-Peak-Max": str(pulse.peak),
            "Session-Peak-FiveMin": str(pulse.peak_of_five_minutes(now, alive)),
            "Idle-CPU": f"{pulse.take_idle():.6f}",
        }

    def attend(self, client: End, leg: Leg) -> None:
        """A connection for that leg is there."""
        self.ends.setdefault(leg.id, set()).add(client)

    def leave(self, client: End, leg: Leg) -> None:
        """It is there no more."""
        there = self.ends.get(leg.id, set())
        there.discard(client)
        if not there:
            self.ends.pop(leg.id, None)

    def end(self, leg: Leg) -> None:
        """A leg has ended: tell those whose connection was for it, after its last event."""
        for client in tuple(self.ends.get(leg.id, ())):
            client.note_end(leg)

    def _receive(self, event: Event, entry: Entry) -> None:
        leg = self._create(event, entry) if isinstance(event, ChannelCreated) else self.legs.get(entry.channel or "")
        if leg is not None or entry.channel is None:
            self._translations[type(event)](self, leg, event, entry.at)

    def _create(self, event: ChannelCreated, entry: Entry) -> Leg:
        id = entry.channel or ""
        leg = Leg(id, event, entry.at, owner=entry.owner, destination=event.to)
        leg.variables |= self._expected.pop(id, {})
        parent = self.legs.get(event.parent or "")
        if parent is not None:
            leg.call_uuid, leg.other, leg.other_type = parent.call_id, parent.id, "originator"
        self.legs[id] = leg
        self.pulse.begin(entry.at, len(self.legs))
        return leg

    def _deliver(self, event: EslEvent) -> None:
        for listener in tuple(self.listeners):
            if listener.interest.passes(event):
                listener.deliver(event)


def uptime(seconds: float) -> str:
    """`0 years, 0 days, 1 hour, 2 minutes, 3 seconds, 0 milliseconds, 0 microseconds`."""
    left, parts = int(seconds), []
    for name, size in (("year", 31_536_000), ("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, size)
        parts.append(f"{count} {name}{'' if count == 1 else 's'}")
    return ", ".join([*parts, f"{int(seconds * 1000) % 1000} milliseconds", "0 microseconds"])
