"""Reliable provisional responses of ours (RFC 3262 §3): numbered, sent again until PRACK, one at a time.

A provisional with a description goes out reliably if the caller understands that; all of them do if it insists. A 200
waits for the PRACK of what carried a description, and then carries none: the exchange is done.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from . import timers
from .core import Core
from .dialog import Headers
from .incoming import IncomingInvite
from .messages import Request
from .schedule import Alarm
from .timers import NEVER

_MOST = 16  # provisionals that wait for the PRACK of one; more are left out


class ReliableState(enum.Enum):
    IDLE = enum.auto()
    SENT = enum.auto()  # no PRACK yet
    OVER = enum.auto()

    __hash__ = object.__hash__


class ReliableTrigger(enum.Enum):
    SEND = enum.auto()
    PRACK = enum.auto()
    RESEND = enum.auto()
    GIVE_UP = enum.auto()  # 64*T1 without a PRACK
    END = enum.auto()  # a final response

    __hash__ = object.__hash__


class ReliableEffect(enum.Enum):
    START = enum.auto()
    QUEUE = enum.auto()
    SEND_AGAIN = enum.auto()
    NEXT = enum.auto()
    STOP = enum.auto()
    FAIL = enum.auto()

    __hash__ = object.__hash__


class ReliableStep(NamedTuple):
    state: ReliableState
    effects: tuple[ReliableEffect, ...] = ()


S, T, E = ReliableState, ReliableTrigger, ReliableEffect

# RFC 3262 3. An absent pair changes nothing.
TRANSITIONS: Mapping[tuple[ReliableState, ReliableTrigger], ReliableStep] = MappingProxyType({
    (S.IDLE, T.SEND): ReliableStep(S.SENT, (E.START,)),
    (S.IDLE, T.END): ReliableStep(S.OVER),
    (S.SENT, T.SEND): ReliableStep(S.SENT, (E.QUEUE,)),
    (S.SENT, T.PRACK): ReliableStep(S.IDLE, (E.STOP, E.NEXT)),
    (S.SENT, T.RESEND): ReliableStep(S.SENT, (E.SEND_AGAIN,)),
    (S.SENT, T.GIVE_UP): ReliableStep(S.OVER, (E.STOP, E.FAIL)),
    (S.SENT, T.END): ReliableStep(S.OVER, (E.STOP,)),
})


class Provisional(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class ReliableResponses(Alarm):
    """Those to one INVITE. `fail` is called when the caller acknowledges nothing."""

    __slots__ = (
        "_core", "_fail", "_incoming", "_interval", "_is_offer", "_message", "_numbers", "_queue", "_sent_at",
        "_state", "has_settled", "is_required", "is_understood",
    )  # fmt: skip

    def __init__(self, core: Core, incoming: IncomingInvite, *, fail: Callable[[float], None]) -> None:
        super().__init__()
        self._core, self._incoming, self._fail = core, incoming, fail
        request = incoming.request
        self.is_required = _lists(request, "Require")
        self.is_understood = self.is_required or _lists(request, "Supported")
        self.has_settled = False  # offer and answer were exchanged reliably
        self._state = S.IDLE
        self._queue: tuple[Provisional, ...] = ()  # nearly always empty, and one for each call
        self._message = b""
        self._is_offer = False  # what is not acknowledged carries our offer: the PRACK brings the answer
        self._numbers = (0, False)  # RSeq of the last, and whether it carried a description
        self._sent_at = self._interval = 0.0

    @property
    def holds_answer(self) -> bool:
        """A 200 has to wait: a description is not acknowledged yet (3262 3)."""
        return self._state is S.SENT and (self._numbers[1] or any(waiting.body for waiting in self._queue))

    def takes(self, body: bytes) -> bool:
        """Whether a provisional with this body goes out reliably."""
        return self.is_required or (self.is_understood and bool(body))

    def send(self, status: int, *, headers: Headers, body: bytes, now: float) -> None:
        if len(self._queue) < _MOST:
            self._queue = (*self._queue, Provisional(status, headers, body))
            self._fire(T.SEND, now)

    def acknowledge(self, request: Request, *, now: float) -> bool:
        """A PRACK: False if it is for nothing that waits for one."""
        if self._state is not S.SENT or read_rack(request) != (self._numbers[0], self._incoming.cseq, "INVITE"):
            return False
        self.has_settled = self.has_settled or self._numbers[1]
        self._fire(T.PRACK, now)
        return True

    @property
    def wants_answer(self) -> bool:
        """The next PRACK brings the answer to our offer."""
        return self._state is S.SENT and self._is_offer

    def end(self, *, now: float) -> None:
        self._fire(T.END, now)

    def ring(self, now: float) -> None:
        self._fire(T.GIVE_UP if now >= self._sent_at + timers.GIVE_UP else T.RESEND, now)

    def _fire(self, trigger: ReliableTrigger, now: float) -> None:
        step = TRANSITIONS.get((self._state, trigger))
        if step is None:
            return
        self._state = step.state
        for effect in step.effects:
            self._carry_out(effect, now)

    def _carry_out(self, effect: ReliableEffect, now: float) -> None:
        schedule = self._core.transactions.schedule
        if effect is E.START:
            self._start(now)
        elif effect is E.SEND_AGAIN:
            self._core.transactions.send(self._message, self._incoming.response_flow)
            self._interval *= 2
            schedule.set(self, min(now + self._interval, self._sent_at + timers.GIVE_UP))
        elif effect is E.NEXT and self._queue:
            self._fire(T.SEND, now)
        elif effect is E.STOP:
            schedule.set(self, NEVER)
        elif effect is E.FAIL:
            self._fail(now)

    def _start(self, now: float) -> None:
        (status, headers, body), self._queue = self._queue[0], self._queue[1:]
        first = int(self._core.new_token()[:7], 16) + 1  # 1 to 2**31 - 1, at random (3262 3)
        number = self._numbers[0] + 1 if self._numbers[0] else first
        self._numbers = (number, bool(body))
        self._is_offer = bool(body) and self._incoming.is_offerless and not self.has_settled
        fields = (*headers, ("Require", "100rel"), ("RSeq", str(number)))
        self._message = self._incoming.respond(status, headers=fields, body=body, now=now)
        self._sent_at, self._interval = now, timers.T1
        self._core.transactions.schedule.set(self, now + self._interval)


def read_rack(request: Request) -> tuple[int, int, str] | None:
    """RSeq, CSeq number and method of a RAck (3262 7.2)."""
    parts = (request.header("RAck") or "").split()
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in parts[:2]):
        return None
    return int(parts[0]), int(parts[1]), parts[2]


def _lists(request: Request, header: str) -> bool:
    return any(option.lower() == "100rel" for option in request.values(header))
