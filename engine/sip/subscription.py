"""A subscription, at who notifies: SUBSCRIBE makes it, NOTIFYs tell what there is, one at a time (RFC 6665 4.2).

Only the last news count: what became true while a NOTIFY was on its way is told after it, and what is stale is not.
A document is made when it is sent, with the number of NOTIFYs before it as its version.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

from .core import Core, contact_value
from .dialog import Dialog, DialogKey, Headers
from .events import Flow, SubscriptionEnded
from .messages import ParseError, Request, Response
from .outgoing import Outgoing, send_in_dialog
from .schedule import Alarm
from .timers import NEVER

Document: TypeAlias = Callable[[int], bytes]
Reason: TypeAlias = Literal["timeout", "deactivated", "rejected", "noresource"]

# RFC 6665 4.2.2: after these the peer knows nothing of the subscription, or cannot be told.
_FATAL = frozenset({404, 405, 408, 410, 416, *range(480, 486), 489, 501, 604})
_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]{1,128}")
_SECONDS = re.compile(r"[0-9]{1,10}", re.ASCII)


class EventName(NamedTuple):
    """What an Event header says: an event package, and the `id` that tells several subscriptions apart."""

    package: str
    id: str = ""

    def __str__(self) -> str:
        return f"{self.package};id={self.id}" if self.id else self.package


def read_event(request: Request) -> EventName:
    """The Event header. Raises ParseError: 400 without one (RFC 6665 8.2.1), or for one that is no token."""
    package, *rest = (part.strip() for part in (request.header("Event") or "").split(";"))
    ids = [value.strip() for name, _, value in (part.partition("=") for part in rest) if name.strip().lower() == "id"]
    id = ids[0] if ids else ""
    if not _TOKEN.fullmatch(package) or (id and not _TOKEN.fullmatch(id)):
        raise ParseError(f"expected an event package in Event, got {package[:64]!r}")
    return EventName(package, id)


def read_expires(request: Request, default: int) -> int:
    """The seconds that a SUBSCRIBE or PUBLISH asks for; `default` where it names none, or what is no number."""
    text = (request.header("Expires") or "").strip()
    return int(text) if _SECONDS.fullmatch(text) else default


class SubscriptionState(enum.Enum):
    IDLE = enum.auto()  # all is told
    TELLING = enum.auto()  # a NOTIFY is on its way
    BEHIND = enum.auto()  # and there is newer to tell
    ENDING = enum.auto()  # a NOTIFY is on its way, and the last one is to follow
    CLOSING = enum.auto()  # the last one is on its way
    OVER = enum.auto()

    __hash__ = object.__hash__


class SubscriptionTrigger(enum.Enum):
    TELL = enum.auto()
    CLOSE = enum.auto()
    TOLD = enum.auto()
    REFUSED = enum.auto()  # the peer does not know it any more, or is not there

    __hash__ = object.__hash__


class SubscriptionEffect(enum.Enum):
    NOTIFY = enum.auto()
    NOTIFY_LAST = enum.auto()
    FORGET = enum.auto()

    __hash__ = object.__hash__


class SubscriptionStep(NamedTuple):
    state: SubscriptionState
    effects: tuple[SubscriptionEffect, ...] = ()


S, T, E = SubscriptionState, SubscriptionTrigger, SubscriptionEffect

# RFC 6665 4.2.2, figure 3 as far as nobody waits to be authorized. An absent pair changes nothing.
TRANSITIONS: Mapping[tuple[SubscriptionState, SubscriptionTrigger], SubscriptionStep] = MappingProxyType({
    (S.IDLE, T.TELL): SubscriptionStep(S.TELLING, (E.NOTIFY,)),
    (S.IDLE, T.CLOSE): SubscriptionStep(S.CLOSING, (E.NOTIFY_LAST,)),
    (S.TELLING, T.TELL): SubscriptionStep(S.BEHIND),
    (S.TELLING, T.CLOSE): SubscriptionStep(S.ENDING),
    (S.TELLING, T.TOLD): SubscriptionStep(S.IDLE),
    (S.TELLING, T.REFUSED): SubscriptionStep(S.OVER, (E.FORGET,)),
    (S.BEHIND, T.CLOSE): SubscriptionStep(S.ENDING),
    (S.BEHIND, T.TOLD): SubscriptionStep(S.TELLING, (E.NOTIFY,)),
    (S.BEHIND, T.REFUSED): SubscriptionStep(S.OVER, (E.FORGET,)),
    (S.ENDING, T.TOLD): SubscriptionStep(S.CLOSING, (E.NOTIFY_LAST,)),
    (S.ENDING, T.REFUSED): SubscriptionStep(S.OVER, (E.FORGET,)),
    (S.CLOSING, T.TOLD): SubscriptionStep(S.OVER, (E.FORGET,)),
    (S.CLOSING, T.REFUSED): SubscriptionStep(S.OVER, (E.FORGET,)),
})
_LIVE = frozenset({S.IDLE, S.TELLING, S.BEHIND})


class Subscription(Alarm):
    """One subscription, with a dialog of its own. An OutgoingUser of its NOTIFYs."""

    __slots__ = (
        "_contact",
        "_content_type",
        "_core",
        "_dialog",
        "_document",
        "_expires_at",
        "_reason",
        "_state",
        "_version",
        "event",
        "owner",
    )

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        *,
        local_tag: str,
        event: EventName,
        content_type: str,
        document: Document,
        owner: object,
    ) -> None:
        """`owner` is for whoever accepts it; `refresh` comes next."""
        super().__init__()
        self._core, self._content_type, self._document = core, content_type, document
        self._dialog = Dialog.from_request(request, flow, local_tag)
        self._contact: Headers = (("Contact", contact_value(request.uri.user, flow)),)
        self._expires_at = NEVER
        self._reason: Reason = "timeout"
        self._state = S.IDLE
        self._version = 0
        self.event = event
        self.owner = owner
        core.subscriptions[self._dialog.key] = self

    @property
    def state(self) -> SubscriptionState:
        return self._state

    @property
    def is_live(self) -> bool:
        """It can be refreshed: its last NOTIFY is not on its way."""
        return self._state in _LIVE

    @property
    def key(self) -> DialogKey:
        return self._dialog.key

    @property
    def flow(self) -> Flow:
        """Where its NOTIFYs go."""
        return self._dialog.flow

    @property
    def contact(self) -> Headers:
        """Our Contact, for the 2xx of a SUBSCRIBE (8.2.1 of RFC 3261: it makes the dialog)."""
        return self._contact

    def accept_request(self, request: Request, flow: Flow) -> bool:
        """Note a SUBSCRIBE inside the dialog; False if it is out of order."""
        return self._dialog.accept_request(request, flow)

    def refresh(self, request: Request, expires: int, *, now: float) -> None:
        """A SUBSCRIBE was answered with so many seconds; 0 ends it. Each is followed by a NOTIFY (4.2.1.2)."""
        self._dialog.refresh_target(request)
        if expires == 0:
            self.close("timeout", now=now)
            return
        self._expires_at = now + expires
        self._core.transactions.schedule.set(self, self._expires_at)
        self._fire(T.TELL, now)

    def tell(self, *, now: float) -> None:
        """There is something new."""
        self._fire(T.TELL, now)

    def close(self, reason: Reason, *, now: float) -> None:
        """End it: its last NOTIFY says why."""
        if self.is_live:
            self._reason = reason
            self._core.transactions.schedule.set(self, NEVER)
            self._fire(T.CLOSE, now)

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        return True

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        if response.status >= 200:
            self._fire(T.REFUSED if response.status in _FATAL else T.TOLD, now)

    def fail(self, outgoing: Outgoing, status: int, *, now: float) -> None:
        self._fire(T.REFUSED, now)

    def ring(self, now: float) -> None:
        self.close("timeout", now=now)

    def _fire(self, trigger: SubscriptionTrigger, now: float) -> None:
        step = TRANSITIONS.get((self._state, trigger))
        if step is None:
            return
        self._state = step.state
        for effect in step.effects:
            if effect is E.FORGET:
                self._forget()
            else:
                self._notify(now, is_last=effect is E.NOTIFY_LAST)

    def _notify(self, now: float, *, is_last: bool) -> None:
        left = max(0, round(self._expires_at - now)) if not is_last else 0
        headers = (
            *self._contact,
            ("Event", str(self.event)),
            ("Subscription-State", f"terminated;reason={self._reason}" if is_last else f"active;expires={left}"),
            ("Content-Type", self._content_type),
            self._core.user_agent,
        )
        body = self._document(self._version)
        self._version += 1
        send_in_dialog(self._core, self, "NOTIFY", self._dialog, headers=headers, body=body, now=now)

    def _forget(self) -> None:
        self._core.transactions.schedule.set(self, NEVER)
        self._core.subscriptions.pop(self._dialog.key, None)
        self._core.events.append(SubscriptionEnded(self))
