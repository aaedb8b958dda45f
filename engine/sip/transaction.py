"""SIP transactions (RFC 3261 §17, RFC 6026): one class, driven by the tables of its kind.

The tables are in client_transaction.py and server_transaction.py. Feed a transaction what
happened and when; read back what to do::

    effects = transaction.fire(Trigger.FAILURE, now=now)

`message` is what the transaction sends again by itself: the request of a client, the last
response of a server. The transaction layer carries the effects out (transaction_layer.py).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from .timers import NEVER

if TYPE_CHECKING:
    from .events import Flow
    from .messages import Response


class State(enum.Enum):
    CALLING = enum.auto()
    TRYING = enum.auto()
    PROCEEDING = enum.auto()
    ABANDONED = enum.auto()  # cancelled; the final response is not waited for without end (RFC 3261 9.1)
    COMPLETED = enum.auto()
    CONFIRMED = enum.auto()
    ACCEPTED = enum.auto()  # RFC 6026
    TERMINATED = enum.auto()

    __hash__ = object.__hash__  # identity, computed in C: these are dictionary keys on the path of every message


class Trigger(enum.Enum):
    REQUEST = enum.auto()  # the request again (server)
    ACK = enum.auto()  # (server)
    PROVISIONAL = enum.auto()  # 1xx received (client), or sent (server)
    SUCCESS = enum.auto()  # 2xx
    FAILURE = enum.auto()  # 300-699
    ABANDON = enum.auto()  # our CANCEL went out, or nobody cares any more (client)
    TIMER_A = enum.auto()  # retransmit the INVITE
    TIMER_B = enum.auto()  # give up the INVITE
    TIMER_D = enum.auto()  # stop absorbing final responses to the INVITE
    TIMER_E = enum.auto()  # retransmit the request
    TIMER_F = enum.auto()  # give up the request
    TIMER_G = enum.auto()  # retransmit the final response to the INVITE
    TIMER_H = enum.auto()  # give up waiting for the ACK
    TIMER_I = enum.auto()  # stop absorbing ACKs
    TIMER_J = enum.auto()  # stop absorbing requests
    TIMER_K = enum.auto()  # stop absorbing responses
    TIMER_L = enum.auto()  # stop absorbing INVITEs answered with 2xx
    TIMER_M = enum.auto()  # stop absorbing 2xx retransmissions
    UNANSWERED = enum.auto()  # the layer above never answered; the client has given up by now (Timer F)
    UNFINISHED = enum.auto()  # 64*T1 after ABANDON
    TRANSPORT_ERROR = enum.auto()

    __hash__ = object.__hash__


class Effect(enum.Enum):
    SEND = enum.auto()  # `message`: for the first time or again
    SEND_ACK = enum.auto()
    PASS_UP = enum.auto()
    REPORT_TIMEOUT = enum.auto()
    REPORT_TRANSPORT_ERROR = enum.auto()


class Step(NamedTuple):
    """Where a trigger leads, and what it makes the transaction do."""

    state: State
    effects: tuple[Effect, ...] = ()


class Timer(NamedTuple):
    """A timer that starts on entry to a state. With a `limit` it repeats, doubling up to that interval."""

    trigger: Trigger
    after: float
    limit: float = 0.0


class Timers(NamedTuple):
    """The timers of one state: no state of §17 has more than one that repeats and one that ends it."""

    repeat: Timer | None = None
    end: Timer | None = None


NO_TIMERS = Timers()


@dataclass(frozen=True, slots=True, eq=False)
class Machine:
    """One kind of transaction over one kind of transport. A pair absent from `transitions` is ignored."""

    initial: State
    transitions: Mapping[tuple[State, Trigger], Step]
    timers: Mapping[State, Timers]
    sends: frozenset[State] = field(init=False)  # from which `message` may still be sent
    tells: frozenset[State] = field(init=False)  # from which the user may still hear something, or is asked for an ACK

    def __post_init__(self) -> None:
        object.__setattr__(self, "sends", _leading_to(self.transitions, frozenset({Effect.SEND})))
        object.__setattr__(self, "tells", _leading_to(self.transitions, frozenset(Effect) - {Effect.SEND}))


def _leading_to(transitions: Mapping[tuple[State, Trigger], Step], effects: frozenset[Effect]) -> frozenset[State]:
    """The states from which some way leads to one of the effects."""
    leading: set[State] = set()
    while more := {
        state
        for (state, _), step in transitions.items()
        if state not in leading and (step.state in leading or not effects.isdisjoint(step.effects))
    }:
        leading |= more
    return frozenset(leading)


def response_trigger(status: int) -> Trigger:
    if status < 200:
        return Trigger.PROVISIONAL
    return Trigger.SUCCESS if status < 300 else Trigger.FAILURE


class TransactionUser(Protocol):
    """The TU of RFC 3261: who a transaction tells what it cannot settle by itself."""

    def receive_response(self, transaction: Transaction, response: Response, *, now: float) -> None: ...

    def encode_ack(self, response: Response) -> bytes:
        """The ACK to a non-2xx, which belongs to the transaction (17.1.1.3)."""

    def fail(self, transaction: Transaction, status: int, *, now: float) -> None:
        """It came to no end: 408 nobody answered, 503 the transport failed."""


class Transaction:
    """One request and its responses, from either side."""

    __slots__ = (
        "_end_at",
        "_machine",
        "_repeat_after",
        "_repeat_at",
        "_state",
        "flow",
        "key",
        "merge_key",
        "message",
        "scheduled_at",
        "to_tag",
        "user",
    )

    def __init__(
        self,
        machine: Machine,
        flow: Flow,
        *,
        key: tuple[object, ...] = (),
        message: bytes = b"",
        user: TransactionUser | None = None,
        now: float,
    ) -> None:
        self.flow = flow
        self.key = key
        self.merge_key: tuple[object, ...] | None = None
        self.message = message
        self.to_tag: str | None = None  # ours, in the answers to an INVITE, and so to its CANCEL
        self.user = user
        self.scheduled_at = NEVER
        self._machine = machine
        self._state = State.TERMINATED
        self._repeat_at = self._end_at = NEVER
        self._repeat_after = 0.0
        self._enter(machine.initial, now)

    @property
    def state(self) -> State:
        return self._state

    def next_deadline(self) -> float:
        return min(self._repeat_at, self._end_at)

    def fire(self, trigger: Trigger, *, now: float) -> tuple[Effect, ...]:
        step = self._machine.transitions.get((self._state, trigger))
        if step is None:
            return ()
        if step.state is not self._state:
            self._enter(step.state, now)
        return step.effects

    def let_go(self) -> None:
        """Hold no more than it may still need: it stays for half a minute, and its user holds a whole call."""
        if self._state not in self._machine.tells:
            self.user = None
        if self._state not in self._machine.sends:
            self.message = b""

    def handle_deadline(self, *, now: float) -> tuple[Effect, ...]:
        effects: tuple[Effect, ...] = ()
        while (at := self.next_deadline()) <= now:
            effects += self._expire(at)
        return effects

    def _expire(self, at: float) -> tuple[Effect, ...]:
        timers = self._machine.timers[self._state]
        if self._end_at <= self._repeat_at:  # what ends a state comes before what repeats in it
            assert timers.end is not None
            self._end_at = NEVER
            return self.fire(timers.end.trigger, now=at)
        timer = timers.repeat
        assert timer is not None
        self._repeat_after = min(max(2 * self._repeat_after, timer.after), timer.limit)
        self._repeat_at = at + self._repeat_after
        return self.fire(timer.trigger, now=at)

    def _enter(self, state: State, now: float) -> None:
        before = self._machine.timers.get(self._state, NO_TIMERS)
        timers = self._machine.timers.get(state, NO_TIMERS)
        self._state = state
        if timers.repeat is None:
            self._repeat_at = NEVER
        elif before.repeat is None or before.repeat.trigger is not timers.repeat.trigger:
            self._repeat_after = timers.repeat.after
            self._repeat_at = now + timers.repeat.after
        if timers.end is None:
            self._end_at = NEVER
        elif before.end is None or before.end.trigger is not timers.end.trigger:
            self._end_at = now + timers.end.after  # Timer F runs on from Trying into Proceeding
