"""A queue: callers wait with music for agents, are told their place, and may ask to be called back.

sales = Queue("alice", "bob", strategy="longest_idle", wrap_up=10)

match await sales.enter(call):
    case GaveUp():
        await voicemail(call, box="sales")
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import anyio

from callflow import Answered, Call, Digits, Failed, Say, Source, Unbridged

from .agent import Agent, Strategy, choose
from .parking import MUSIC

Bridge: TypeAlias = Callable[[Call, Call, str], Awaitable[object]]
REFUSED_FOR = 10.0  # seconds for which an agent is left alone who was busy or did not answer
_MOST_CALLBACKS = 1000


@dataclass(frozen=True, slots=True)
class Served:
    """An agent had the caller."""

    agent: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """None had: there was no room, it took too long, or the caller wants to be called back."""

    reason: Literal["full", "timeout", "callback"]


@dataclass(slots=True)
class _Ticket:
    """A place in the line."""

    changed: anyio.Event = field(default_factory=anyio.Event)
    announce_at: float = 0.0


async def _just_bridge(call: Call, leg: Call, _agent: str) -> object:
    return await call.bridge(leg)


class Queue:
    """The line and its agents, named by whom to dial.

    `ring`, `wrap_up`, `announce_every`, `patience`: seconds. `callback` offers to be called back. `bridge` connects a
    caller with an agent's leg, given the agent's name; by default `Call.bridge`.
    """

    def __init__(
        self,
        *agents: str,
        strategy: Strategy = "longest_idle",
        ring: float = 15.0,
        wrap_up: float = 5.0,
        announce_every: float = 20.0,
        patience: float | None = None,
        capacity: int = 50,
        callback: bool = False,
        music: Source | tuple[Source, ...] = MUSIC,
        bridge: Bridge = _just_bridge,
    ) -> None:
        self.agents: dict[str, Agent] = {target: Agent(target) for target in agents}
        self.callbacks: deque[str] = deque(maxlen=_MOST_CALLBACKS)
        """The numbers that want to be called back, the oldest first."""
        self._strategy: Strategy = strategy
        self._ring, self._wrap_up, self._announce_every = ring, wrap_up, announce_every
        self._patience, self._capacity, self._offers_callback = patience, capacity, callback
        self._music = music if isinstance(music, tuple) else (music,)
        self._bridge = bridge
        self._line: list[_Ticket] = []
        self._rng = random.Random()

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    # Agents

    def log_in(self, target: str) -> None:
        """An agent takes calls from now on, or again."""
        self.agents.setdefault(target, Agent(target)).is_paused = False
        self._tell()

    def pause(self, target: str) -> None:
        """An agent takes none until `log_in`."""
        if target in self.agents:
            self.agents[target].is_paused = True

    def log_out(self, target: str) -> None:
        """An agent leaves, when the call of now is over."""
        self.agents.pop(target, None)

    async def return_call(self, call: Call) -> Unbridged | Failed | None:
        """Connect an agent, who calls, with the number that has waited longest to be called back. None: no such."""
        if not self.callbacks:
            return None
        number = self.callbacks.popleft()
        won = await call.dial(number, timeout=self._ring * 2, ringback="eu")
        return await call.bridge(won.leg) if isinstance(won, Answered) else won

    # Callers

    async def enter(self, call: Call) -> Served | GaveUp:
        """Wait for an agent, and talk; the outcome is what came of it."""
        if len(self._line) >= self._capacity:
            return GaveUp("full")
        await call.answer()
        ticket = _Ticket(announce_at=anyio.current_time() + self._announce_every)
        self._line.append(ticket)
        found: tuple[Agent, Call] | GaveUp = GaveUp("timeout")
        try:
            with anyio.move_on_after(self._patience):
                found = await self._wait_turn(call, ticket)
        finally:
            self._line.remove(ticket)
            self._tell()
        return found if isinstance(found, GaveUp) else await self._serve(call, *found)

    async def _wait_turn(self, call: Call, ticket: _Ticket) -> tuple[Agent, Call] | GaveUp:
        while True:
            ticket.changed = anyio.Event()
            now = anyio.current_time()
            if self._line[0] is ticket and (chosen := self._chosen(now)):
                if (won := await self._ring_at(call, chosen)) is not None:
                    return won
            elif now >= ticket.announce_at:
                if await self._announce(call, ticket):
                    self.callbacks.append(call.caller.number)
                    await call.play(Say("thank you, goodbye"))
                    return GaveUp("callback")
            else:
                async with call.playing(*self._music, repeat=0):
                    with anyio.move_on_at(min(ticket.announce_at, self._next_free(now))):
                        await ticket.changed.wait()

    async def _ring_at(self, call: Call, agents: list[Agent]) -> tuple[Agent, Call] | None:
        won: Answered | Failed | None = None
        for agent in agents:
            agent.is_busy = True
        try:
            # One source of ringback, and one that does not end: the first of the music, if it is a file.
            ringback = self._music[0] if isinstance(self._music[0], str) else "eu"
            won = await call.dial([agent.target for agent in agents], timeout=self._ring, ringback=ringback)
        finally:
            winner = won.target if isinstance(won, Answered) else None
            until = anyio.current_time() + REFUSED_FOR if isinstance(won, Failed) else 0.0
            for agent in agents:
                agent.is_busy = agent.target == winner
                agent.free_at = max(agent.free_at, until)
        if not isinstance(won, Answered):
            return None
        return next((agent, won.leg) for agent in agents if agent.target == won.target)

    async def _announce(self, call: Call, ticket: _Ticket) -> bool:
        """Tell the caller the place: does it want to be called back?"""
        place = Say(f"you are number {self._line.index(ticket) + 1} in the queue, please hold")
        ticket.announce_at = anyio.current_time() + self._announce_every
        if not self._offers_callback:
            await call.play(place)
            return False
        offer = Say("press 1 to be called back")
        keyed = await call.gather(place, offer, max=1, valid="1", terminators="", timeout=2)
        return isinstance(keyed, Digits)

    async def _serve(self, call: Call, agent: Agent, leg: Call) -> Served:
        try:
            await self._bridge(call, leg, agent.target)
        finally:
            agent.finish(anyio.current_time(), self._wrap_up)
            self._tell()
        return Served(agent.target)

    def _chosen(self, now: float) -> list[Agent]:
        free = [agent for agent in self.agents.values() if agent.is_free(now)]
        return choose(free, self._strategy, self._rng)

    def _next_free(self, now: float) -> float:
        """When the next wrap-up ends."""
        return min((agent.free_at for agent in self.agents.values() if agent.is_wrapping_up(now)), default=float("inf"))

    def _tell(self) -> None:
        for ticket in self._line:
            ticket.changed.set()
