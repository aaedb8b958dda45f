"""What the SIP stack tells the layer above. Plain values; see `SipStack.next_event`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .invite import Invite
    from .messages import Request, Response
    from .stack import CallRequest, ClientRequest, ServerRequest
    from .subscription import Subscription


TransportName: TypeAlias = Literal["udp", "tcp", "tls", "ws", "wss"]


class Flow(NamedTuple):
    """Where a message came from or goes to: the transport 5-tuple, seen from us (RFC 5626 §3)."""

    transport: TransportName
    local: tuple[str, int]  # what the peer can reach us by: it stands in Via and Contact
    remote: tuple[str, int]
    connection: int = 0  # tells two connections of one address pair apart; 0 for UDP


@dataclass(frozen=True, slots=True)
class InviteReceived:
    """A new call comes in. Nothing but 100 Trying has been answered."""

    invite: Invite
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class InviteCancelled:
    """The caller gave up before an answer; 487 has been sent."""

    invite: Invite
    reason: str | None  # the Reason header (RFC 3326)


@dataclass(frozen=True, slots=True)
class AckReceived:
    """The ACK to our 200 came. `body` is the answer when our 200 carried the offer."""

    invite: Invite
    body: bytes


@dataclass(frozen=True, slots=True)
class InviteProgressed:
    """Our INVITE got a provisional response above 100."""

    invite: Invite
    response: Response


@dataclass(frozen=True, slots=True)
class InviteAnswered:
    """Our INVITE got its 200, and the ACK has been sent. `body` is its answer, or that of its early dialog."""

    invite: Invite
    response: Response
    body: bytes


@dataclass(frozen=True, slots=True)
class InviteFailed:
    """Our INVITE is over without an answer: its final status, 408 after Timer B, 503 when the transport failed.

    After our own CANCEL it is 487, also when the peer never answered that.
    """

    invite: Invite
    status: int
    reason: str
    response: Response | None


@dataclass(frozen=True, slots=True)
class ReinviteReceived:
    """A re-INVITE wants an answer (`answer` or `reject` with the same invite). An empty body asks for our offer."""

    invite: Invite
    request: Request


@dataclass(frozen=True, slots=True)
class ReinviteAnswered:
    """Our re-INVITE got its 200, and the ACK has been sent."""

    invite: Invite
    response: Response


@dataclass(frozen=True, slots=True)
class ReinviteFailed:
    """Our re-INVITE was refused; the session goes on as it was (RFC 3261 §14.1)."""

    invite: Invite
    status: int
    response: Response | None


@dataclass(frozen=True, slots=True)
class RefreshDue:
    """The session timer wants a re-INVITE with what was said last: the peer knows no UPDATE (RFC 4028 7.4)."""

    invite: Invite


@dataclass(frozen=True, slots=True)
class InviteEnded:
    """An answered call is over: BYE from the peer, or nobody acknowledged, or the dialog is gone there (481, 408)."""

    invite: Invite
    by: Literal["peer", "timeout", "transport"]
    reason: str | None  # the Reason header (RFC 3326)


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request outside a dialog that the layer above answers with `stack.respond`: REGISTER and the like."""

    transaction: ServerRequest
    request: Request
    flow: Flow


@dataclass(frozen=True, slots=True)
class RequestInCall:
    """A request inside a call that the layer above answers by `respond`: REFER, NOTIFY, an offer in UPDATE, PRACK."""

    invite: Invite
    transaction: ServerRequest
    request: Request


@dataclass(frozen=True, slots=True)
class SubscribeReceived:
    """A SUBSCRIBE refreshes a subscription, or ends it: for `refresh_subscription`, or `respond` (RFC 6665 4.2.1.2)."""

    subscription: Subscription
    transaction: ServerRequest
    request: Request


@dataclass(frozen=True, slots=True)
class SubscriptionEnded:
    """Its last NOTIFY was told, or who subscribed cannot be told any more."""

    subscription: Subscription


@dataclass(frozen=True, slots=True)
class PrackReceived:
    """The PRACK to a reliable provisional with our offer came; `body` is the answer (RFC 3262 5)."""

    invite: Invite
    body: bytes


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """A final response to a request of ours that was no INVITE; 408 and 503 may be our own (then without message)."""

    transaction: ClientRequest | CallRequest
    status: int
    response: Response | None


@dataclass(frozen=True, slots=True)
class MalformedReceived:
    """Bytes that are no SIP; they were answered 400 where an answer was possible."""

    flow: Flow
    error: str
    was_answered: bool


SipEvent: TypeAlias = (
    InviteReceived
    | InviteCancelled
    | AckReceived
    | InviteProgressed
    | InviteAnswered
    | InviteFailed
    | ReinviteReceived
    | ReinviteAnswered
    | ReinviteFailed
    | RefreshDue
    | InviteEnded
    | RequestReceived
    | RequestInCall
    | SubscribeReceived
    | SubscriptionEnded
    | PrackReceived
    | ResponseReceived
    | MalformedReceived
)
