"""The INVITE usage of a dialog as tables: from the first INVITE to the last BYE (RFC 3261 §13, §15, §9).

One table for both roles: they have no state in common until the call is confirmed.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class InviteState(enum.Enum):
    RECEIVED = enum.auto()  # UAS: nothing final sent
    ANSWERED = enum.auto()  # UAS: 200 sent, no ACK yet
    HANGING_UP = enum.auto()  # UAS: as ANSWERED, and the BYE waits for the ACK (15)
    CALLING = enum.auto()  # UAC: nothing came back
    PROCEEDING = enum.auto()  # UAC: a provisional came
    CANCEL_HELD = enum.auto()  # UAC: to be cancelled as soon as a provisional comes (9.1)
    CANCELLING = enum.auto()  # UAC: CANCEL sent
    CONFIRMED = enum.auto()
    ENDING = enum.auto()  # BYE sent
    ENDED = enum.auto()

    __hash__ = object.__hash__


class InviteTrigger(enum.Enum):
    # the layer above
    RING = enum.auto()
    ANSWER = enum.auto()
    REJECT = enum.auto()
    HANG_UP = enum.auto()
    # the peer
    PROVISIONAL = enum.auto()
    SUCCESS = enum.auto()
    FAILURE = enum.auto()  # a final response of 300 and more, or one we made: 408, 503
    CHALLENGE = enum.auto()  # 401, 407 that we can answer
    CANCEL = enum.auto()
    ACK = enum.auto()
    BYE = enum.auto()
    BYE_DONE = enum.auto()  # our BYE was answered, or never will be
    GONE = enum.auto()  # 481 to a request in the dialog (12.2.1.2)
    # time and transport
    TIMEOUT = enum.auto()  # no ACK, or no answer to a request in the dialog
    TRANSPORT_ERROR = enum.auto()

    __hash__ = object.__hash__


class InviteEffect(enum.Enum):
    SEND_PROVISIONAL = enum.auto()
    SEND_OK = enum.auto()
    SEND_FINAL = enum.auto()
    SEND_TERMINATED = enum.auto()  # 487
    STOP_OK = enum.auto()  # no more 200s
    SEND_ACK = enum.auto()
    SEND_CANCEL = enum.auto()
    SEND_BYE = enum.auto()
    END_REINVITE = enum.auto()
    REPORT_CANCELLED = enum.auto()
    REPORT_ACK = enum.auto()
    REPORT_PROGRESS = enum.auto()
    REPORT_ANSWERED = enum.auto()
    REPORT_FAILED = enum.auto()
    REPORT_GIVEN_UP = enum.auto()  # failed with 487, whatever came
    REPORT_BYE = enum.auto()
    REPORT_TIMEOUT = enum.auto()
    REPORT_TRANSPORT = enum.auto()

    __hash__ = object.__hash__


class InviteStep(NamedTuple):
    state: InviteState
    effects: tuple[InviteEffect, ...] = ()


S, T, E = InviteState, InviteTrigger, InviteEffect
_MORE = E.END_REINVITE  # what a call that ends leaves open

# An absent pair changes nothing: verbs return False, messages have been answered or are late.
UAS_TRANSITIONS: Mapping[tuple[InviteState, InviteTrigger], InviteStep] = MappingProxyType({
    (S.RECEIVED, T.RING): InviteStep(S.RECEIVED, (E.SEND_PROVISIONAL,)),
    (S.RECEIVED, T.ANSWER): InviteStep(S.ANSWERED, (E.SEND_OK,)),
    (S.RECEIVED, T.REJECT): InviteStep(S.ENDED, (E.SEND_FINAL,)),
    (S.RECEIVED, T.HANG_UP): InviteStep(S.ENDED, (E.SEND_FINAL,)),
    (S.RECEIVED, T.CANCEL): InviteStep(S.ENDED, (E.SEND_TERMINATED, E.REPORT_CANCELLED)),
    (S.RECEIVED, T.BYE): InviteStep(S.ENDED, (E.SEND_TERMINATED, E.REPORT_CANCELLED)),  # 15: of an early dialog
    (S.RECEIVED, T.TIMEOUT): InviteStep(S.ENDED, (E.SEND_FINAL, E.REPORT_CANCELLED)),  # no PRACK: RFC 3262 3
    (S.RECEIVED, T.TRANSPORT_ERROR): InviteStep(S.ENDED, (E.REPORT_CANCELLED,)),
    (S.ANSWERED, T.ACK): InviteStep(S.CONFIRMED, (E.STOP_OK, E.REPORT_ACK)),
    (S.ANSWERED, T.HANG_UP): InviteStep(S.HANGING_UP),
    (S.ANSWERED, T.BYE): InviteStep(S.ENDED, (E.STOP_OK, E.REPORT_BYE)),  # it overtook its ACK, or that was lost
    (S.ANSWERED, T.TIMEOUT): InviteStep(S.ENDING, (E.SEND_BYE, E.REPORT_TIMEOUT)),  # 13.3.1.4
    (S.ANSWERED, T.TRANSPORT_ERROR): InviteStep(S.ENDED, (E.STOP_OK, E.REPORT_TRANSPORT)),
    (S.HANGING_UP, T.ACK): InviteStep(S.ENDING, (E.STOP_OK, E.SEND_BYE)),
    (S.HANGING_UP, T.TIMEOUT): InviteStep(S.ENDING, (E.SEND_BYE,)),
    (S.HANGING_UP, T.BYE): InviteStep(S.ENDED, (E.STOP_OK,)),
    (S.HANGING_UP, T.TRANSPORT_ERROR): InviteStep(S.ENDED, (E.STOP_OK,)),
})

UAC_TRANSITIONS: Mapping[tuple[InviteState, InviteTrigger], InviteStep] = MappingProxyType({
    (S.CALLING, T.PROVISIONAL): InviteStep(S.PROCEEDING, (E.REPORT_PROGRESS,)),
    (S.CALLING, T.SUCCESS): InviteStep(S.CONFIRMED, (E.SEND_ACK, E.REPORT_ANSWERED)),
    (S.CALLING, T.FAILURE): InviteStep(S.ENDED, (E.REPORT_FAILED,)),
    (S.CALLING, T.CHALLENGE): InviteStep(S.CALLING),
    (S.CALLING, T.HANG_UP): InviteStep(S.CANCEL_HELD),
    (S.PROCEEDING, T.PROVISIONAL): InviteStep(S.PROCEEDING, (E.REPORT_PROGRESS,)),
    (S.PROCEEDING, T.SUCCESS): InviteStep(S.CONFIRMED, (E.SEND_ACK, E.REPORT_ANSWERED)),
    (S.PROCEEDING, T.FAILURE): InviteStep(S.ENDED, (E.REPORT_FAILED,)),
    (S.PROCEEDING, T.CHALLENGE): InviteStep(S.CALLING),  # a new INVITE goes out, and waits for its own provisional
    (S.PROCEEDING, T.HANG_UP): InviteStep(S.CANCELLING, (E.SEND_CANCEL,)),
    (S.CANCEL_HELD, T.PROVISIONAL): InviteStep(S.CANCELLING, (E.SEND_CANCEL,)),
    (S.CANCEL_HELD, T.SUCCESS): InviteStep(S.ENDING, (E.SEND_ACK, E.SEND_BYE, E.REPORT_GIVEN_UP)),
    (S.CANCEL_HELD, T.FAILURE): InviteStep(S.ENDED, (E.REPORT_GIVEN_UP,)),
    (S.CANCELLING, T.SUCCESS): InviteStep(S.ENDING, (E.SEND_ACK, E.SEND_BYE, E.REPORT_GIVEN_UP)),
    (S.CANCELLING, T.FAILURE): InviteStep(S.ENDED, (E.REPORT_GIVEN_UP,)),
})

CONFIRMED_TRANSITIONS: Mapping[tuple[InviteState, InviteTrigger], InviteStep] = MappingProxyType({
    (S.CONFIRMED, T.HANG_UP): InviteStep(S.ENDING, (_MORE, E.SEND_BYE)),
    (S.CONFIRMED, T.BYE): InviteStep(S.ENDED, (_MORE, E.REPORT_BYE)),
    (S.CONFIRMED, T.GONE): InviteStep(S.ENDED, (_MORE, E.REPORT_TIMEOUT)),
    (S.CONFIRMED, T.TIMEOUT): InviteStep(S.ENDING, (_MORE, E.SEND_BYE, E.REPORT_TIMEOUT)),
    (S.CONFIRMED, T.TRANSPORT_ERROR): InviteStep(S.ENDED, (_MORE, E.REPORT_TRANSPORT)),
    (S.ENDING, T.BYE): InviteStep(S.ENDING),  # BYE crossing BYE: both are answered 200
    (S.ENDING, T.BYE_DONE): InviteStep(S.ENDED),
    (S.ENDING, T.TRANSPORT_ERROR): InviteStep(S.ENDED),
})

TRANSITIONS: Mapping[tuple[InviteState, InviteTrigger], InviteStep] = MappingProxyType({
    **UAS_TRANSITIONS,
    **UAC_TRANSITIONS,
    **CONFIRMED_TRANSITIONS,
})
