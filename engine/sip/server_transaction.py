"""Server transactions: the tables of RFC 3261 §17.2 and RFC 6026 §7.1, and the wait for the ACK to a 2xx."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from .timers import GIVE_UP, T1, T2, T4
from .transaction import Effect, Machine, State, Step, Timer, Timers, Trigger

S, T, E = State, Trigger, Effect

# RFC 3261 figure 7, with the Accepted state of RFC 6026 figure 2. In Accepted a retransmitted INVITE is
# absorbed: the 2xx is retransmitted by ACCEPTANCE, end to end, and not by this transaction.
INVITE_TRANSITIONS: Mapping[tuple[State, Trigger], Step] = MappingProxyType({
    (S.PROCEEDING, T.REQUEST): Step(S.PROCEEDING, (E.SEND,)),
    (S.PROCEEDING, T.PROVISIONAL): Step(S.PROCEEDING, (E.SEND,)),
    (S.PROCEEDING, T.SUCCESS): Step(S.ACCEPTED, (E.SEND,)),
    (S.PROCEEDING, T.FAILURE): Step(S.COMPLETED, (E.SEND,)),
    (S.PROCEEDING, T.TRANSPORT_ERROR): Step(S.TERMINATED, (E.REPORT_TRANSPORT_ERROR,)),
    (S.COMPLETED, T.REQUEST): Step(S.COMPLETED, (E.SEND,)),
    (S.COMPLETED, T.TIMER_G): Step(S.COMPLETED, (E.SEND,)),
    (S.COMPLETED, T.ACK): Step(S.CONFIRMED),
    (S.COMPLETED, T.TIMER_H): Step(S.TERMINATED),  # the call is over anyway: nobody needs to know
    (S.COMPLETED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
    (S.CONFIRMED, T.TIMER_I): Step(S.TERMINATED),
    (S.CONFIRMED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
    (S.ACCEPTED, T.TIMER_L): Step(S.TERMINATED),
    (S.ACCEPTED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
})

# RFC 3261 figure 8, with a limit to Trying: after 64*T1 no answer finds anybody (RFC 4320 §3.2).
REQUEST_TRANSITIONS: Mapping[tuple[State, Trigger], Step] = MappingProxyType({
    (S.TRYING, T.PROVISIONAL): Step(S.PROCEEDING, (E.SEND,)),
    (S.TRYING, T.SUCCESS): Step(S.COMPLETED, (E.SEND,)),
    (S.TRYING, T.FAILURE): Step(S.COMPLETED, (E.SEND,)),
    (S.TRYING, T.UNANSWERED): Step(S.TERMINATED),
    (S.TRYING, T.TRANSPORT_ERROR): Step(S.TERMINATED),
    (S.PROCEEDING, T.REQUEST): Step(S.PROCEEDING, (E.SEND,)),
    (S.PROCEEDING, T.PROVISIONAL): Step(S.PROCEEDING, (E.SEND,)),
    (S.PROCEEDING, T.SUCCESS): Step(S.COMPLETED, (E.SEND,)),
    (S.PROCEEDING, T.FAILURE): Step(S.COMPLETED, (E.SEND,)),
    (S.PROCEEDING, T.UNANSWERED): Step(S.TERMINATED),
    (S.PROCEEDING, T.TRANSPORT_ERROR): Step(S.TERMINATED),
    (S.COMPLETED, T.REQUEST): Step(S.COMPLETED, (E.SEND,)),
    (S.COMPLETED, T.TIMER_J): Step(S.TERMINATED),
    (S.COMPLETED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
})

# RFC 3261 13.3.1.4: the UAS core sends its 2xx again until the ACK comes, over streams too.
ACCEPTANCE_TRANSITIONS: Mapping[tuple[State, Trigger], Step] = MappingProxyType({
    (S.ACCEPTED, T.TIMER_G): Step(S.ACCEPTED, (E.SEND,)),
    (S.ACCEPTED, T.ACK): Step(S.TERMINATED),
    (S.ACCEPTED, T.TIMER_H): Step(S.TERMINATED, (E.REPORT_TIMEOUT,)),
    (S.ACCEPTED, T.TRANSPORT_ERROR): Step(S.TERMINATED),
})

_UNANSWERED = Timers(end=Timer(T.UNANSWERED, GIVE_UP))
_ACCEPTED = Timers(end=Timer(T.TIMER_L, GIVE_UP))

INVITE_OVER_UDP = Machine(
    S.PROCEEDING,
    INVITE_TRANSITIONS,
    MappingProxyType({
        S.COMPLETED: Timers(Timer(T.TIMER_G, T1, limit=T2), Timer(T.TIMER_H, GIVE_UP)),
        S.CONFIRMED: Timers(end=Timer(T.TIMER_I, T4)),
        S.ACCEPTED: _ACCEPTED,
    }),
)
INVITE_OVER_STREAM = Machine(
    S.PROCEEDING,
    INVITE_TRANSITIONS,
    MappingProxyType({
        S.COMPLETED: Timers(end=Timer(T.TIMER_H, GIVE_UP)),
        S.CONFIRMED: Timers(end=Timer(T.TIMER_I, 0.0)),
        S.ACCEPTED: _ACCEPTED,
    }),
)
REQUEST_OVER_UDP = Machine(
    S.TRYING,
    REQUEST_TRANSITIONS,
    MappingProxyType({
        S.TRYING: _UNANSWERED,
        S.PROCEEDING: _UNANSWERED,
        S.COMPLETED: Timers(end=Timer(T.TIMER_J, GIVE_UP)),
    }),
)
REQUEST_OVER_STREAM = Machine(
    S.TRYING,
    REQUEST_TRANSITIONS,
    MappingProxyType({
        S.TRYING: _UNANSWERED,
        S.PROCEEDING: _UNANSWERED,
        S.COMPLETED: Timers(end=Timer(T.TIMER_J, 0.0)),
    }),
)
ACCEPTANCE = Machine(
    S.ACCEPTED,
    ACCEPTANCE_TRANSITIONS,
    MappingProxyType({S.ACCEPTED: Timers(Timer(T.TIMER_G, T1, limit=T2), Timer(T.TIMER_H, GIVE_UP))}),
)
