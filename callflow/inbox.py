"""Events on their way to the one who reads them, in their order, with what is to be said where some are missing.

A gap is no error of the connection: it stands in the line where the missing events would, with the state after them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import anyio

from .errors import Disconnected, EventsMissed
from .link import StateFrame
from .protocol.events import Event
from .protocol.frames import BridgeState, ChannelState, EventFrame, Gap, Resume, Snapshot
from .state import State

PAUSE_AT = 1_000  # events that nobody took: stop reading, so that the engine keeps them
MISS_AT = 100_000  # and when replies had to be read past them: drop them, and say so


class Happening(NamedTuple):
    """An event: the frame that says when and where, and what happened; None if this version does not know it."""

    frame: EventFrame
    event: Event | None


class StateWish:
    """Somebody waits for a snapshot."""

    def __init__(self) -> None:
        self.done: anyio.Event = anyio.Event()
        self.is_wanted = True
        self.state: State | None = None

    def settle(self, state: State | None) -> None:
        """None: the connection ended."""
        self.state = state
        self.done.set()


class Inbox:
    """Full, it stops the link from reading, unless a reply or a snapshot has to be read."""

    def __init__(self, *, ask_for_state: Callable[[], None]) -> None:
        """`ask_for_state` sends the snapshot command, when events had to be dropped here."""
        self.closed: anyio.Event = anyio.Event()
        self.position: Resume = Resume(epoch="", seq=0)  # of the last event that was taken
        self._ask_for_state = ask_for_state
        self._line: deque[Happening | EventsMissed] = deque()
        self._changed = anyio.Event()
        self._gap: Gap | None = None  # its snapshot is coming
        self._channels: list[ChannelState] = []
        self._bridges: list[BridgeState] = []
        self._wishes: deque[StateWish | None] = (
            deque()
        )  # in the order of the commands; None: our own, for what we dropped
        self._dropped_from: int | None = None

    def put(self, frame: EventFrame, event: Event | None) -> None:
        """Take an event in."""
        if self._dropped_from is None and len(self._line) >= MISS_AT:
            self._drop()
        if self._dropped_from is None:
            self._line.append(Happening(frame, event))
            self._wake()

    def put_state(self, frame: StateFrame) -> None:
        """Take in a part of the state: a gap, pages of a snapshot, the word that this was all."""
        if isinstance(frame, Gap):
            self._gap = frame
        elif isinstance(frame, Snapshot):
            self._channels += frame.channels
            self._bridges += frame.bridges
        else:
            self._finish_state(frame.seq)

    def wish_for_state(self) -> StateWish:
        """Expect the snapshot of a command that is sent next. `withdraw` it if the command is refused."""
        wish = StateWish()
        if self.closed.is_set():
            wish.settle(None)
        else:
            self._wishes.append(wish)
            self._wake()
        return wish

    def withdraw(self, wish: StateWish) -> None:
        """No snapshot will come."""
        if wish in self._wishes:
            self._wishes.remove(wish)

    def expect_reply(self) -> None:
        """Somebody waits for a reply: let the link read."""
        self._wake()

    def close(self) -> None:
        """Nothing more will come."""
        self.closed.set()
        for wish in self._wishes:
            if wish is not None:
                wish.settle(None)
        self._wishes.clear()
        self._wake()

    async def take(self) -> Happening:
        """The next event. Raises EventsMissed where some are missing, Disconnected at the end."""
        while not self._line:
            if self.closed.is_set():
                raise Disconnected("the connection to the engine ended")
            await self._changed.wait()
        self._wake()
        next = self._line.popleft()
        if isinstance(next, EventsMissed):
            self.position = Resume(epoch=self.position.epoch, seq=next.last)
            raise next
        self.position = Resume(epoch=self.position.epoch, seq=next.frame.seq)
        return next

    async def wait_for_room(self, has_replies_to_read: Callable[[], bool]) -> None:
        """Wait while nothing should be read."""
        while len(self._line) >= PAUSE_AT and not self._wishes and not has_replies_to_read():
            await self._changed.wait()

    def _finish_state(self, seq: int) -> None:
        state = State(seq=seq, channels=tuple(self._channels), bridges=tuple(self._bridges))
        gap, self._gap = self._gap, None
        self._channels, self._bridges = [], []
        if gap is not None:
            self._line.append(EventsMissed(gap.from_, gap.to, state))
        elif self._wishes:
            self._grant(self._wishes.popleft(), state)
        self._wake()

    def _grant(self, wish: StateWish | None, state: State) -> None:
        if wish is None and self._dropped_from is not None:
            self._line.append(EventsMissed(self._dropped_from, state.seq, state))
            self._dropped_from = None
        elif wish is not None and wish.is_wanted:
            self._line.clear()  # up to here all is in the state
            self.position = Resume(epoch=self.position.epoch, seq=state.seq)
            wish.settle(state)

    def _drop(self) -> None:
        first = self._line[0]
        self._dropped_from = first.first if isinstance(first, EventsMissed) else first.frame.seq
        self._line.clear()
        self._wishes.append(None)
        self._ask_for_state()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
