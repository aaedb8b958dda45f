"""What we tell of a call that the peer asked for by REFER: NOTIFYs in their order, one at a time (RFC 3515 2.4.4).

Only the last news count: what became true while a NOTIFY was on its way is told after it, and what is stale is not.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from .core import Core
from .dialog import Dialog, Headers
from .digest import Credentials
from .messages import Response
from .outgoing import Outgoing, send_in_dialog
from .refer import FRAGMENT, LONGEST_EXPIRY, fragment


class ReferralState(enum.Enum):
    IDLE = enum.auto()  # all is told
    TELLING = enum.auto()  # a NOTIFY is on its way
    BEHIND = enum.auto()  # and there is newer to tell
    CLOSING = enum.auto()  # the last one is on its way
    OVER = enum.auto()

    __hash__ = object.__hash__


class ReferralTrigger(enum.Enum):
    TELL = enum.auto()
    CLOSE = enum.auto()  # tell the outcome
    TOLD = enum.auto()
    TOLD_LAST = enum.auto()  # told, and what waits is the outcome
    REFUSED = enum.auto()  # the peer does not want to know

    __hash__ = object.__hash__


class ReferralEffect(enum.Enum):
    NOTIFY = enum.auto()
    NOTIFY_LAST = enum.auto()

    __hash__ = object.__hash__


class ReferralStep(NamedTuple):
    state: ReferralState
    effects: tuple[ReferralEffect, ...] = ()


S, T, E = ReferralState, ReferralTrigger, ReferralEffect

# RFC 3515 2.4.4 to 2.4.7. An absent pair changes nothing.
TRANSITIONS: Mapping[tuple[ReferralState, ReferralTrigger], ReferralStep] = MappingProxyType({
    (S.IDLE, T.TELL): ReferralStep(S.TELLING, (E.NOTIFY,)),
    (S.IDLE, T.CLOSE): ReferralStep(S.CLOSING, (E.NOTIFY_LAST,)),
    (S.TELLING, T.TELL): ReferralStep(S.BEHIND),
    (S.TELLING, T.CLOSE): ReferralStep(S.BEHIND),
    (S.TELLING, T.TOLD): ReferralStep(S.IDLE),
    (S.TELLING, T.REFUSED): ReferralStep(S.OVER),
    (S.BEHIND, T.TELL): ReferralStep(S.BEHIND),
    (S.BEHIND, T.CLOSE): ReferralStep(S.BEHIND),
    (S.BEHIND, T.TOLD): ReferralStep(S.TELLING, (E.NOTIFY,)),
    (S.BEHIND, T.TOLD_LAST): ReferralStep(S.CLOSING, (E.NOTIFY_LAST,)),
    (S.BEHIND, T.REFUSED): ReferralStep(S.OVER),
    (S.CLOSING, T.TOLD): ReferralStep(S.OVER),
    (S.CLOSING, T.TOLD_LAST): ReferralStep(S.OVER),
    (S.CLOSING, T.REFUSED): ReferralStep(S.OVER),
})


class Referral:
    """The subscription that a REFER made. It outlives the call whose dialog it uses (RFC 5057 4.2). An OutgoingUser."""

    __slots__ = ("_contact", "_core", "_credentials", "_cseq", "_dialog", "_is_closed", "_state", "_status")

    def __init__(
        self, core: Core, dialog: Dialog, cseq: int, contact: Headers, *, credentials: Credentials | None
    ) -> None:
        """`cseq` is the REFER's: it tells several in one dialog apart (2.4.6)."""
        self._core, self._dialog, self._cseq, self._contact = core, dialog, cseq, contact
        self._credentials = credentials
        self._state = S.IDLE
        self._status = 100
        self._is_closed = False

    @property
    def state(self) -> ReferralState:
        return self._state

    def tell(self, status: int, *, now: float) -> None:
        """News of the call: 100, 180, ... The outcome is for `close`."""
        if not self._is_closed:
            self._status = status
            self._fire(T.TELL, now)

    def close(self, status: int, *, now: float) -> None:
        """The outcome: the final status of the call. Only the first counts."""
        if not self._is_closed:
            self._status, self._is_closed = status, True
            self._fire(T.CLOSE, now)

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        return True

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        if response.status >= 300:
            self._fire(T.REFUSED, now)
        elif response.status >= 200:
            self._fire(T.TOLD_LAST if self._is_closed else T.TOLD, now)

    def fail(self, outgoing: Outgoing, status: int, *, now: float) -> None:
        self._fire(T.REFUSED, now)

    def _fire(self, trigger: ReferralTrigger, now: float) -> None:
        step = TRANSITIONS.get((self._state, trigger))
        if step is None:
            return
        self._state = step.state
        for effect in step.effects:
            self._notify(now, is_last=effect is E.NOTIFY_LAST)

    def _notify(self, now: float, *, is_last: bool) -> None:
        state = "terminated;reason=noresource" if is_last else f"active;expires={LONGEST_EXPIRY}"
        headers = (
            *self._contact,
            ("Event", f"refer;id={self._cseq}"),
            ("Subscription-State", state),
            FRAGMENT,
            self._core.user_agent,
        )
        send_in_dialog(
            self._core,
            self,
            "NOTIFY",
            self._dialog,
            headers=headers,
            body=fragment(self._status),
            credentials=self._credentials,
            now=now,
        )
