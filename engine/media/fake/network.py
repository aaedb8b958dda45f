"""The network that fake sessions share: who sits at which address, what travels there, and one heap of timers.

Nothing travels but changes: a voice that began or ended, a digit that went down or up. Each takes `latency` seconds.
Loss is counted, not heard, save for digits, whose packets are few enough to matter.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import trio

from .chorus import Sound
from .sound import Library
from .voice import FRAME_SECONDS, Address, Heard

if TYPE_CHECKING:
    from .association import FakeAssociation


class Receiver(Protocol):
    """What sits at an address."""

    def receive_voice(self, sender: Address, voice: Sound | None) -> None:
        """From now on this comes from there; None: nothing more."""
        ...

    def receive_digit_start(self, sender: Address, digit: str, *, hops: int, is_inband: bool) -> None:
        """A key went down, as an event or in band; `hops` relays passed it on."""
        ...

    def receive_digit_end(self, sender: Address, digit: str, duration_ms: int, *, hops: int, is_inband: bool) -> None:
        """A key came up."""
        ...

    def packets_lost(self) -> int:
        """How many packets of its peer never came: what its RTCP reports say."""
        ...


class Timer:
    """Something to be done at a time, unless cancelled before."""

    __slots__ = ("action", "at")

    def __init__(self, at: float, action: Callable[[], None]) -> None:
        self.at = at
        self.action: Callable[[], None] | None = action

    def cancel(self) -> None:
        """Do not do it."""
        self.action = None


class FakeMediaNetwork:
    """Carries voices and digits between sessions, on a virtual clock. `rng` decides which digit packets are lost.

    What a recording holds is kept in `recorded`, by its file.
    """

    def __init__(
        self,
        *,
        latency: float = 0.0,
        loss: float = 0.0,
        jitter_ms: float = 0.0,
        rng: random.Random | None = None,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self.latency = latency
        self.jitter_ms = jitter_ms
        self.library = Library()
        self.recorded: dict[Path, tuple[float, tuple[Heard, ...]]] = {}  # and how many seconds that is
        self._rng = rng or random.Random(0)
        self._clock = clock
        self._acting_at: float | None = None
        self._timers: list[tuple[float, int, Timer]] = []
        self._count = itertools.count()
        self._receivers: dict[Address, Receiver] = {}
        self.associations: dict[Address, FakeAssociation] = {}  # of the sessions that have one
        self._losses = [(-math.inf, loss)]  # from when on which probability
        self._voices: dict[tuple[Address, Address], Sound] = {}  # what is sent, from where to where
        self._keys: dict[Address, bytes] = {}  # what those who protect their packets send with
        self._cut_off: set[str] = set()
        self._keepers: list[Callable[[], None]] = []

    @property
    def now(self) -> float:
        """The time; while a timer acts, the time that it was set for."""
        return self._clock() if self._acting_at is None else self._acting_at

    @property
    def loss(self) -> float:
        """The probability that a packet gets lost; may be changed at any time."""
        return self._losses[-1][1]

    @loss.setter
    def loss(self, probability: float) -> None:
        self._losses.append((self.now, probability))

    def seconds_lost(self, start: float, end: float) -> float:
        """How much of a stream got lost between two times."""
        changes = itertools.pairwise([*self._losses, (math.inf, 0.0)])
        return sum(max(min(until, end) - max(since, start), 0.0) * loss for (since, loss), (until, _) in changes)

    def cut(self, host: str) -> None:
        """From now on no packet reaches that host, and none comes from it."""
        for (sender, to), _ in self._voices_of(host):
            self._carry(to, partial(_receive_voice, sender, None))
        self._cut_off.add(host)

    def mend(self, host: str) -> None:
        """The host is connected again: what is sent arrives."""
        self._cut_off.discard(host)
        for (sender, to), voice in self._voices_of(host):
            self.carry_voice(sender, to, voice)

    @property
    def timers(self) -> int:
        """How many timers wait."""
        return sum(timer.action is not None for _, _, timer in self._timers)

    def attach(self, address: Address, receiver: Receiver) -> None:
        """From now on it sits at that address."""
        self._receivers[address] = receiver

    def detach(self, address: Address) -> None:
        """Nobody sits there any more."""
        self._receivers.pop(address, None)
        self._keys.pop(address, None)

    def protect(self, address: Address, key: bytes | None) -> None:
        """Whoever sits there protects what it sends with that key from now on; None: nothing."""
        before = self._keys.pop(address, None)
        if key is not None:
            self._keys[address] = key
        if key != before:
            for (sender, to), voice in list(self._voices.items()):
                if sender == address:
                    self.carry_voice(sender, to, voice)

    def key_of(self, address: Address) -> bytes | None:
        """What that sender protects its packets with."""
        return self._keys.get(address)

    def packets_lost_at(self, address: Address) -> int:
        """What the receiver there would report as lost."""
        receiver = self._receivers.get(address)
        return receiver.packets_lost() if receiver is not None else 0

    def call_at(self, at: float, action: Callable[[], None]) -> Timer:
        """Do it then."""
        timer = Timer(at, action)
        heapq.heappush(self._timers, (at, next(self._count), timer))
        if self._timers[0][2] is timer:
            self._wake_keeper()
        return timer

    def keep_time(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Take part in keeping the time; returns what ends that.

        The first who came does it for all: `wake` is called when `next_due` has become earlier, or when it is its turn.
        """
        self._keepers.append(wake)

        def leave() -> None:
            self._keepers.remove(wake)
            self._wake_keeper()

        return leave

    def is_kept_by(self, wake: Callable[[], None]) -> bool:
        """Is it the turn of the one who is woken so?"""
        return self._keepers[:1] == [wake]

    def _wake_keeper(self) -> None:
        for wake in self._keepers[:1]:
            wake()

    def advance(self) -> None:
        """Do what is due, each thing at its own time."""
        if self._acting_at is not None:
            return
        now = self._clock()
        while self._timers and self._timers[0][0] <= now:
            at, _, timer = heapq.heappop(self._timers)
            if timer.action is not None:
                self._acting_at = at
                try:
                    timer.action()
                finally:
                    self._acting_at = None

    def next_due(self) -> float:
        """When the next timer is due; infinity if none is set."""
        while self._timers and self._timers[0][2].action is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else math.inf

    def carry_voice(self, sender: Address, to: Address, voice: Sound | None) -> None:
        """The sender's stream to that address is this voice from now on; None: it stopped."""
        self._voices.pop((sender, to), None)
        if voice is not None:
            self._voices[sender, to] = voice
        if not self.is_cut_off(sender, to):
            arriving = voice.delayed(self.latency) if voice is not None else None
            self._carry(to, partial(_receive_voice, sender, arriving))

    def carry_digit_start(self, sender: Address, to: Address, digit: str, *, hops: int, is_inband: bool) -> None:
        """A key went down; the first packet that is not lost says so."""
        if self.is_cut_off(sender, to):
            return
        late = 0.0
        while self.loss and self._rng.random() < self.loss and late < 1.0:
            late += FRAME_SECONDS
        self._carry(
            to, lambda receiver: receiver.receive_digit_start(sender, digit, hops=hops, is_inband=is_inband), late=late
        )

    def carry_digit_end(
        self, sender: Address, to: Address, digit: str, duration_ms: int, *, hops: int, is_inband: bool
    ) -> None:
        """A key came up. It is said three times (RFC 4733 §2.5.1.4); if all are lost, the missing packets tell."""
        if self.is_cut_off(sender, to):
            return
        late = 0.1 if self.loss and all(self._rng.random() < self.loss for _ in range(3)) else 0.0
        self._carry(
            to,
            lambda receiver: receiver.receive_digit_end(sender, digit, duration_ms, hops=hops, is_inband=is_inband),
            late=late,
        )

    def _voices_of(self, host: str) -> list[tuple[tuple[Address, Address], Sound]]:
        return [(way, voice) for way, voice in self._voices.items() if host in (way[0][0], way[1][0])]

    def is_cut_off(self, sender: Address, to: Address) -> bool:
        """Does nothing come from there to there?"""
        return sender[0] in self._cut_off or to[0] in self._cut_off

    def _carry(self, to: Address, give: Callable[[Receiver], None], *, late: float = 0.0) -> None:
        def arrive() -> None:
            receiver = self._receivers.get(to)
            if receiver is not None:
                give(receiver)

        if self.latency or late:
            self.call_at(self.now + self.latency + late, arrive)
        else:
            arrive()


def _receive_voice(sender: Address, voice: Sound | None, receiver: Receiver) -> None:
    receiver.receive_voice(sender, voice)
