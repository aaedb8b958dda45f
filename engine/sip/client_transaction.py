"""Client transactions: the tables of RFC 3261 §17.1 and RFC 6026 §7.2."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .timers import GIVE_UP, NEVER, T1, T2, T4, TIMER_D
from .transaction import Effect, Machine, State, Step, Timer, Timers, Trigger

S, T, E = State, Trigger, Effect

# RFC 3261 figure 5, with the Accepted state of RFC 6026 figure 1 and the limit that 9.1 sets to
# a cancelled INVITE. A pair that is absent is ignored: a late retransmission is never an error.
INVITE_TRANSITIONS: Mapping[tuple[State, Trigger], Step] = MappingProxyType({
    (S.CALLING, T.TIMER_A): Step(S.CALLING, (E.SEND,)),
    (S.CALLING, T.TIMER_B): Step(S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.CALLING, T.PROVISIONAL): Step(S.PROCEEDING, (E.PASS_UP,)),
    (S.CALLING, T.SUCCESS): Step(S.ACCEPTED, (E.PASS_UP,)),
    (S.CALLING, T.FAILURE): Step(S.COMPLETED, (E.SEND_ACK, E.PASS_UP)),
    (S.CALLING, T.ABANDON): Step(S.ABANDONED),
    (S.CALLING, T.TRANSPORT_ERROR): Step(S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.PROCEEDING, T.PROVISIONAL): Step(S.PROCEEDING, (E.PASS_UP,)),
    (S.PROCEEDING, T.SUCCESS): Step(S.ACCEPTED, (E.PASS_UP,)),
    (S.PROCEEDING, T.FAILURE): Step(S.COMPLETED, (E.SEND_ACK, E.PASS_UP)),
    (S.PROCEEDING, T.ABANDON): Step(S.ABANDONED),
    (S.PROCEEDING, T.TRANSPORT_ERROR): Step(S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.ABANDONED, T.SUCCESS): Step(S.ACCEPTED, (E.PASS_UP,)),
    (S.ABANDONED, T.FAILURE): Step(S.COMPLETED, (E.SEND_ACK, E.PASS_UP)),
    (S.ABANDONED, T.UNFINISHED): Step(S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.ABANDONED, T.TRANSPORT_ERROR): Step(S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.COMPLETED, T.FAILURE): Step(S.COMPLETED, (E.SEND_ACK,)),
    (S.COMPLETED, T.TRANSPORT_ERROR): Step(S.TERMINATED),  # already reported: only the ACK is lost
    (S.COMPLETED, T.TIMER_D): Step(S.TERMINATED),
    (S.ACCEPTED, T.SUCCESS): Step(S.ACCEPTED, (E.PASS_UP,)),
    (S.ACCEPTED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
    (S.ACCEPTED, T.TIMER_M): Step(S.TERMINATED),
})

# RFC 3261 figure 6.
REQUEST_TRANSITIONS: Mapping[tuple[State, Trigger], Step] = MappingProxyType({
    (S.TRYING, T.TIMER_E): Step(S.TRYING, (E.SEND,)),
    (S.TRYING, T.TIMER_F): Step(S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.TRYING, T.PROVISIONAL): Step(S.PROCEEDING, (E.PASS_UP,)),
    (S.TRYING, T.SUCCESS): Step(S.COMPLETED, (E.PASS_UP,)),
    (S.TRYING, T.FAILURE): Step(S.COMPLETED, (E.PASS_UP,)),
    (S.TRYING, T.TRANSPORT_ERROR): Step(S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.PROCEEDING, T.TIMER_E): Step(S.PROCEEDING, (E.SEND,)),
    (S.PROCEEDING, T.TIMER_F): Step(S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.PROCEEDING, T.PROVISIONAL): Step(S.PROCEEDING, (E.PASS_UP,)),
    (S.PROCEEDING, T.SUCCESS): Step(S.COMPLETED, (E.PASS_UP,)),
    (S.PROCEEDING, T.FAILURE): Step(S.COMPLETED, (E.PASS_UP,)),
    (S.PROCEEDING, T.TRANSPORT_ERROR): Step(S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.COMPLETED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
    (S.COMPLETED, T.TIMER_K): Step(S.TERMINATED),
})

_UNFINISHED = Timers(end=Timer(T.UNFINISHED, GIVE_UP))
_ACCEPTED = Timers(end=Timer(T.TIMER_M, GIVE_UP))  # also on streams: a proxy may have forked (RFC 6026 7.2)

INVITE_OVER_UDP = Machine(
    S.CALLING,
    INVITE_TRANSITIONS,
    MappingProxyType({
        S.CALLING: Timers(Timer(T.TIMER_A, T1, limit=NEVER), Timer(T.TIMER_B, GIVE_UP)),
        S.ABANDONED: _UNFINISHED,
        S.COMPLETED: Timers(end=Timer(T.TIMER_D, TIMER_D)),
        S.ACCEPTED: _ACCEPTED,
    }),
)
INVITE_OVER_STREAM = Machine(
    S.CALLING,
    INVITE_TRANSITIONS,
    MappingProxyType({
        S.CALLING: Timers(end=Timer(T.TIMER_B, GIVE_UP)),
        S.ABANDONED: _UNFINISHED,
        S.COMPLETED: Timers(end=Timer(T.TIMER_D, 0.0)),
        S.ACCEPTED: _ACCEPTED,
    }),
)
REQUEST_OVER_UDP = Machine(
    S.TRYING,
    REQUEST_TRANSITIONS,
    MappingProxyType({
        S.TRYING: Timers(Timer(T.TIMER_E, T1, limit=T2), Timer(T.TIMER_F, GIVE_UP)),
        S.PROCEEDING: Timers(Timer(T.TIMER_E, T2, limit=T2), Timer(T.TIMER_F, GIVE_UP)),
        S.COMPLETED: Timers(end=Timer(T.TIMER_K, T4)),
    }),
)
REQUEST_OVER_STREAM = Machine(
    S.TRYING,
    REQUEST_TRANSITIONS,
    MappingProxyType({
        S.TRYING: Timers(end=Timer(T.TIMER_F, GIVE_UP)),
        S.PROCEEDING: Timers(end=Timer(T.TIMER_F, GIVE_UP)),
        S.COMPLETED: Timers(end=Timer(T.TIMER_K, 0.0)),
    }),
)
