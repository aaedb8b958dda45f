"""The engine of fake sessions: their ports, and the task that delivers their events."""

from __future__ import annotations

import hashlib
import math
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

import trio

from ..session import MediaEvent, MediaRoom, MediaSession, PortsExhausted
from .network import FakeMediaNetwork
from .room import FakeMediaRoom
from .session import FakeMediaSession


class FakeMediaEngine:
    """Fulfils MediaEngine. Engines that share a network reach each other's sessions::

    network = FakeMediaNetwork(latency=0.03)
    switch, phones = FakeMediaEngine(network, "10.0.0.1"), FakeMediaEngine(network, "10.0.0.2")
    """

    def __init__(
        self, network: FakeMediaNetwork, address: str = "127.0.0.1", ports: range | tuple[int, int] = (16384, 32767)
    ) -> None:
        first, last = (ports.start, ports.stop - 1) if isinstance(ports, range) else ports
        self._network = network
        self._address = address
        self._ports = deque(range(first + first % 2, last, 2))  # even, with the odd one above for RTCP
        self._sessions: dict[int, FakeMediaSession] = {}
        self._rooms: set[FakeMediaRoom] = set()
        self._listeners: dict[int, Callable[[MediaEvent], None]] = {}  # of what is open: it holds its number, not them
        self._opened = 0
        self._events: deque[tuple[int, MediaEvent]] = deque()  # and whose
        self._wake = trio.Event()

    def open(self, on_event: Callable[[MediaEvent], None]) -> FakeMediaSession:
        """A new session on a port pair of its own. Raises PortsExhausted."""
        if not self._ports:
            raise PortsExhausted(f"all {len(self._sessions)} port pairs at {self._address} are in use")
        port, number = self._ports.popleft(), self._listen(on_event)
        session = self._sessions[port] = FakeMediaSession(
            self._network,
            (self._address, port),
            partial(self._post, number),
            partial(self._release, number),
            self.fingerprint,
        )
        return session

    def open_room(self, on_event: Callable[[MediaEvent], None], *, near: MediaSession | None = None) -> MediaRoom:
        """A new room."""
        number = self._listen(on_event)
        room = FakeMediaRoom(
            self._network, (self._address, 0), partial(self._post, number), partial(self._release_room, number)
        )
        self._rooms.add(room)
        return room

    @property
    def fingerprint(self) -> str:
        """One for each address: it tells one engine from another, and is the same in every run."""
        return f"sha-256 {hashlib.sha256(self._address.encode()).digest().hex(':').upper()}"

    @property
    def gathers(self) -> bool:
        """Nobody is behind a router."""
        return False

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    @property
    def open_rooms(self) -> int:
        """How many rooms are open."""
        return len(self._rooms)

    def take_lateness(self) -> float:
        """Virtual time is always on time."""
        return 0.0

    @property
    def sessions(self) -> Sequence[FakeMediaSession]:
        """The open sessions, oldest first."""
        return tuple(self._sessions.values())

    async def run(self) -> None:
        """Deliver events to the sessions until cancelled; then close what is open."""
        leave = self._network.keep_time(self._wake_up)
        try:
            while True:
                self._wake = trio.Event()
                self._network.advance()
                self._deliver()
                is_keeper = self._network.is_kept_by(self._wake_up)
                with trio.move_on_at(self._network.next_due() if is_keeper else math.inf):
                    await self._wake.wait()
        finally:
            leave()
            for room in tuple(self._rooms):
                room.close()
            for session in self.sessions:
                session.close()

    def _listen(self, on_event: Callable[[MediaEvent], None]) -> int:
        self._opened += 1
        self._listeners[self._opened] = on_event
        return self._opened

    def _post(self, number: int, event: MediaEvent) -> None:
        self._events.append((number, event))
        self._wake_up()

    def _deliver(self) -> None:
        while self._events:
            number, event = self._events.popleft()
            on_event = self._listeners.get(number)
            if on_event is not None:
                on_event(event)

    def _wake_up(self) -> None:
        self._wake.set()

    def _release_room(self, number: int, room: FakeMediaRoom) -> None:
        del self._listeners[number]
        self._rooms.remove(room)

    def _release(self, number: int, session: FakeMediaSession) -> None:
        del self._listeners[number]
        port = session.local[1]
        del self._sessions[port]
        self._ports.append(port)  # the oldest free pair is used next: late packets find nobody
