"""The SIP stack: bytes, connections and time go in; bytes, events and deadlines come out (RFC 3261).

It reads no clock, opens no socket, makes no random number::

    stack = SipStack(new_token=lambda: secrets.token_hex(8))
    stack.receive_datagram(data, flow, now=now)  # or receive_data for a stream, close_flow, handle_deadline
    for message, flow in stack.datagrams_to_send():
        ...
    while (event := stack.next_event()) is not None:
        ...  # answer it with a verb: ring, answer, reject, ..., then drain again
    wake_at = stack.next_deadline()

The verbs on a call return False when they come too late (the peer has cancelled or hung up meanwhile) or too
early; that is never an error. What needs no decision is answered here; see `_receive_request`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import NamedTuple, Protocol
from zlib import crc32

from .core import Core
from .dialog import DialogKey, Headers
from .digest import Credentials
from .events import Flow, MalformedReceived, PrackReceived, SipEvent
from .exchange import CallRequest, ClientRequest, ServerRequest
from .incoming import IncomingInvite
from .invite import Invite
from .invite_usage import InviteState
from .messages import Address, ParseError, Request, Response, Uri, parse_datagram, response
from .next_hop import response_flow
from .refer import Refer, Replaces
from .referral import Referral
from .screening import ACCEPT, refuse
from .streams import MAX_UNFINISHED, Streams
from .subscription import Document, EventName, Reason, Subscription, read_event
from .transaction import State, Transaction, Trigger
from .transaction_layer import merge_key, server_key

__all__ = [
    "CallRequest",
    "ClientRequest",
    "Counts",
    "Credentials",
    "Invite",
    "InviteState",
    "ServerRequest",
    "SipStack",
]

# What has no meaning outside of a call, and what is not allowed there.
OUTSIDE: Mapping[str, tuple[int, str | None]] = MappingProxyType({
    "BYE": (481, None),
    "INFO": (481, None),
    "MESSAGE": (405, None),
    "NOTIFY": (481, None),
    "PRACK": (481, None),
    "REFER": (403, "REFER Outside of a Dialog"),  # whose call it would be is not to be known
    "UPDATE": (481, None),
})
CALL_METHODS = ("INFO", "MESSAGE", "NOTIFY", "REFER", "UPDATE")
CORE_METHODS = ("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK")
RETRY_AFTER_PENDING = (("Retry-After", "1"),)  # 14.2 wants 0 to 10 seconds
RETRY_AFTER_OVERLOAD = (("Retry-After", "5"),)
_LONGEST_KEEP_ALIVE = 4  # octets (RFC 5626 3.5.1), and whatever else NATs are kept open with


class Counts(NamedTuple):
    """What a stack holds. All zero: nothing is left of any call."""

    transactions: int
    invites: int
    dialogs: int
    streams: int


class Wire(Protocol):
    """Who is shown the messages: see `wire_log.WireLog`."""

    def received(self, data: bytes, flow: Flow) -> None:
        """A whole message came in."""
        ...

    def sent(self, data: bytes, flow: Flow) -> None:
        """A message goes out."""
        ...


class SipStack:
    """One user agent, any number of calls."""

    def __init__(
        self,
        *,
        new_token: Callable[[], str],
        user_agent: str = "callflow/0.1.0",
        request_methods: Iterable[str] = ("REGISTER",),
        call_methods: Iterable[str] = CALL_METHODS,
        session_expires: int = 1800,
        max_transactions: int = 200_000,
        max_invites: int = 50_000,
        max_unfinished: int = MAX_UNFINISHED,
        wire: Wire | None = None,
        gate: Callable[[Request, Flow], Headers | None] = lambda request, flow: None,
        is_banned: Callable[[str], bool] = lambda host: False,
    ) -> None:
        """`new_token` makes at least 64 random bits in hex. `request_methods` come up as RequestReceived,
        `call_methods` inside a call as RequestInCall.

        `max_unfinished`: octets of messages that are not complete, on all connections together; beyond it the
        largest is given up.

        `wire` is shown every message, as it is on the wire. `gate` is asked about every request outside of
        calls: with headers it is refused by 503, at once. Of an address that `is_banned` only what belongs to
        calls that are up is heeded.
        """
        self._request_methods = frozenset(request_methods)
        self._call_methods = frozenset(call_methods)
        methods = (*CORE_METHODS, *sorted((self._request_methods | self._call_methods) - {*CORE_METHODS}))
        self._methods = frozenset(methods)
        self._core = Core(
            new_token=new_token,
            user_agent=user_agent,
            max_transactions=max_transactions,
            allow=("Allow", ", ".join(methods)),
            session_expires=session_expires,
        )
        self._max_invites = max_invites
        self._wire = wire
        self._gate = gate
        self._is_banned = is_banned
        self._streams = Streams(
            self._core.transactions.schedule, refuse=self._refuse_malformed, max_unfinished=max_unfinished
        )
        self._tag_secret = new_token()[:8]

    # What the shell does.

    def use_streams(self, find: Callable[[Flow], Flow | None]) -> None:
        """Requests too large for a flow by UDP go by the flow that `find` gives for it, without a connection's number.

        None: by UDP all the same. If it leads nowhere, `close_flow` says so, and the request goes by UDP.
        """
        self._core.find_stream = find

    def receive_datagram(self, data: bytes, flow: Flow, *, now: float) -> None:
        """Read a whole message: a datagram, or what came in a frame."""
        if self._is_banned(flow.remote[0]):
            self._receive_banned(data, flow, now)
            return
        if self._wire is not None and len(data) > _LONGEST_KEEP_ALIVE:
            self._wire.received(data, flow)
        try:
            message = parse_datagram(data)
        except ParseError as error:
            if data.strip(b"\r\n\0 "):  # else a keep-alive of a phone behind a NAT
                self._refuse_malformed(error, flow)
            elif flow.transport != "udp" and data == b"\r\n\r\n":  # RFC 5626 3.5.1, in a frame of its own
                self._core.transactions.send(b"\r\n", flow)
            return
        self._receive(message, flow, now)

    def receive_data(self, data: bytes, flow: Flow, *, now: float) -> None:
        """Read a piece of a stream. What cannot be framed any more shows up in `flows_to_close`."""
        is_banned = self._is_banned(flow.remote[0])
        if is_banned and not self._core.invites:
            self._streams.give_up(flow)
            return
        for message in self._streams.feed(data, flow, now=now):
            if is_banned and not (isinstance(message, Request | Response) and self._is_of_call(message)):
                self._turn_away(flow)
            elif isinstance(message, ParseError):
                self._refuse_malformed(message, flow)
            elif isinstance(message, Request | Response):
                if self._wire is not None:
                    self._wire.received(message.raw, flow)
                self._receive(message, flow, now)
            else:
                self._core.transactions.send(b"\r\n", flow)

    def close_flow(self, flow: Flow, *, now: float) -> None:
        """The connection is gone: what waits on it fails, the calls on it have ended."""
        self._streams.forget(flow)
        self._core.transactions.close_connection(flow, now=now)
        for invite in self._core.invites_on(flow):
            invite.lose_connection(now=now)

    def fail_flow(self, flow: Flow, *, now: float) -> None:
        """A datagram could not be sent: our unanswered requests to there fail with 503, all else goes on."""
        self._core.transactions.fail_requests(flow, now=now)

    def is_in_use(self, flow: Flow) -> bool:
        """Whether a call would be lost with this connection."""
        return bool(self._core.invites_on(flow))

    def handle_deadline(self, *, now: float) -> None:
        self._core.transactions.handle_deadline(now=now)

    def next_deadline(self) -> float | None:
        return self._core.transactions.schedule.next_deadline()

    def datagrams_to_send(self) -> list[tuple[bytes, Flow]]:
        """Everything to be sent since the last time, in order."""
        outbox = self._core.transactions.take_outbox()
        if self._wire is not None:
            for data, flow in outbox:
                self._wire.sent(data, flow)
        return outbox

    def flows_to_close(self) -> list[Flow]:
        """Streams that can be read no further. Closing one ends in `close_flow`."""
        return self._streams.take_broken()

    def next_event(self) -> SipEvent | None:
        events = self._core.events
        return events.popleft() if events else None

    @property
    def is_idle(self) -> bool:
        """Nothing is to be sent, closed or told."""
        core = self._core
        return not (core.transactions.has_outgoing or core.events or self._streams.has_broken)

    @property
    def counts(self) -> Counts:
        core = self._core
        return Counts(len(core.transactions), len(core.invites), len(core.dialogs), len(self._streams))

    # What the layer above does, as UAS.

    def ring(
        self,
        invite: Invite,
        *,
        status: int = 180,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        now: float,
    ) -> bool:
        """Send a provisional response: 180, 183, ..."""
        if not 100 < status < 200:
            raise ValueError(f"expected a status of 101 to 199 to ring with, got {status}")
        return invite.ring(status, headers=tuple(headers), body=body, now=now)

    def answer(self, invite: Invite, *, body: bytes, headers: Iterable[tuple[str, str]] = (), now: float) -> bool:
        """Send 200 to the INVITE, or to the pending re-INVITE."""
        return invite.answer(headers=tuple(headers), body=body, now=now)

    def reject(
        self,
        invite: Invite,
        status: int,
        *,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        now: float,
    ) -> bool:
        """Send 300-699 to the INVITE, or to the pending re-INVITE."""
        if not 300 <= status < 700:
            raise ValueError(f"expected a status of 300 to 699 to reject with, got {status}")
        return invite.reject(status, phrase=reason, headers=tuple(headers), now=now)

    def respond(
        self,
        transaction: ServerRequest,
        status: int,
        *,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        now: float,
    ) -> None:
        """Answer what came as RequestReceived."""
        transaction.respond(status, reason=reason, headers=tuple(headers), body=body, now=now)

    def accept_refer(self, invite: Invite, transaction: ServerRequest, asked: Refer, *, now: float) -> Referral | None:
        """Answer a REFER with 202. None: the peer wants to hear nothing of it, and is told that it will not (4488 4).

        What becomes of it is for `tell_referral`: 100 at once, or the outcome if it is known already (3515 2.4.4).
        """
        referral = invite.refer(cseq=transaction.request.cseq) if asked.wants_notifies else None
        told = () if asked.wants_notifies else (("Refer-Sub", "false"),)
        transaction.respond(202, reason=None, headers=(*told, *invite.contact), body=b"", now=now)
        return referral

    def tell_referral(self, referral: Referral, status: int, *, now: float) -> None:
        """NOTIFY who sent the REFER of what became of it: a status of 200 and more is the last."""
        if status < 200:
            referral.tell(status, now=now)
        else:
            referral.close(status, now=now)

    def accept_subscription(
        self,
        transaction: ServerRequest,
        *,
        event: EventName,
        expires: int,
        content_type: str,
        document: Document,
        owner: object,
        now: float,
    ) -> Subscription:
        """Answer a SUBSCRIBE that came as RequestReceived with 200, and send its first NOTIFY (RFC 6665 4.2.1.2).

        `document` is given the version, 0 and up, when a NOTIFY is sent. `expires`: 0 is told once, and over.
        """
        subscription = Subscription(
            self._core,
            transaction.request,
            transaction.flow,
            local_tag=transaction.to_tag,
            event=event,
            content_type=content_type,
            document=document,
            owner=owner,
        )
        self.refresh_subscription(subscription, transaction, expires=expires, now=now)
        return subscription

    def refresh_subscription(
        self, subscription: Subscription, transaction: ServerRequest, *, expires: int, now: float
    ) -> None:
        """Answer what came as SubscribeReceived with 200; the NOTIFY follows."""
        headers = (("Expires", str(expires)), *subscription.contact)
        transaction.respond(200, reason=None, headers=headers, body=b"", now=now)
        subscription.refresh(transaction.request, expires, now=now)

    def tell_subscription(self, subscription: Subscription, *, now: float) -> None:
        """There is something new: its document goes out, now or when the NOTIFY before it has been answered."""
        subscription.tell(now=now)

    def end_subscription(self, subscription: Subscription, reason: Reason, *, now: float) -> None:
        """Send the last NOTIFY. SubscriptionEnded follows."""
        subscription.close(reason, now=now)

    def find(self, replaces: Replaces) -> Invite | None:
        """The call that a Replaces names (RFC 3891 3)."""
        return self._core.dialogs.get(replaces.key)

    # What the layer above does, as UAC.

    def invite(
        self,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address | None = None,
        body: bytes,
        headers: Iterable[tuple[str, str]] = (),
        routes: Iterable[tuple[str, str]] = (),
        credentials: Credentials | None = None,
        call_id: str | None = None,
        max_forwards: int = 70,
        now: float,
    ) -> Invite:
        """Call `uri` by `flow`, with the offer in `body`. `max_forwards`: what is left of a call that we pass on.

        `routes`: the Route headers for the proxies on the way, the first of which is at the end of `flow`.
        """
        return Invite.send(
            self._core,
            uri,
            flow=flow,
            from_=from_,
            to=to or Address(uri),
            body=body,
            headers=tuple(headers),
            routes=tuple(routes),
            credentials=credentials,
            call_id=call_id or self._core.new_token(),
            max_forwards=max_forwards,
            now=now,
        )

    def hang_up(
        self, invite: Invite, *, headers: Iterable[tuple[str, str]] = (), status: int = 480, now: float
    ) -> bool:
        """End a call in any state: `status` to an unanswered one, CANCEL or BYE in due time. False: it is over."""
        if not 300 <= status < 700:
            raise ValueError(f"expected a status of 300 to 699 to hang up with, got {status}")
        return invite.hang_up(status, headers=tuple(headers), now=now)

    def reinvite(self, invite: Invite, *, body: bytes, now: float) -> bool:
        """Offer something new inside a call. False while another re-INVITE is pending, or there is no call."""
        return invite.reinvite(body=body, now=now)

    def request(
        self,
        method: str,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        credentials: Credentials | None = None,
        call_id: str | None = None,
        cseq: int = 1,
        owner: object = None,
        now: float,
    ) -> ClientRequest:
        """Send a request outside of dialogs; its outcome comes as ResponseReceived. A REGISTER names its Contact."""
        return ClientRequest(
            self._core,
            method,
            str(uri),
            flow=flow,
            from_=from_,
            to=to,
            call_id=call_id or self._core.new_token(),
            cseq=cseq,
            headers=tuple(headers),
            body=body,
            credentials=credentials,
            owner=owner,
            now=now,
        )

    def request_in_call(
        self,
        invite: Invite,
        method: str,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
        owner: object = None,
        now: float,
    ) -> CallRequest | None:
        """Send a request inside a confirmed call; its outcome comes as ResponseReceived. None: there is none."""
        return invite.send_request(method, headers=tuple(headers), body=body, owner=owner, now=now)

    # What comes in.

    def _receive_banned(self, data: bytes, flow: Flow, now: float) -> None:
        """A whole message of who is banned. Without calls not even that much is read of it."""
        message = None
        if self._core.invites:
            with suppress(ParseError):
                message = parse_datagram(data)
        if message is None or not self._is_of_call(message):
            self._turn_away(flow)
            return
        if self._wire is not None:
            self._wire.received(data, flow)
        self._receive(message, flow, now)

    def _is_of_call(self, message: Request | Response) -> bool:
        """Whether it has to do with a call that is up: a ban costs nobody the calls that he has already."""
        if isinstance(message, Response):
            return self._core.transactions.find((message.via.branch, message.cseq_method)) is not None
        if self._find_invite(message) is not None:
            return True
        method = "INVITE" if message.method in ("ACK", "CANCEL") else message.method
        return self._core.transactions.find(server_key(message, method)) is not None

    def _turn_away(self, flow: Flow) -> None:
        """No answer: a connection is closed, unless a call would be lost with it."""
        if flow.transport != "udp" and not self.is_in_use(flow):
            self._streams.give_up(flow)

    def _receive(self, message: Request | Response, flow: Flow, now: float) -> None:
        if isinstance(message, Response):
            if len(message.vias) == 1:  # 8.1.3.3: more were meant for a proxy
                self._core.transactions.receive_response(message, now=now)
        else:
            self._receive_request(message, flow, now)

    def _receive_request(self, request: Request, flow: Flow, now: float) -> None:
        method, transactions = request.method, self._core.transactions
        transaction = transactions.find(server_key(request, "INVITE" if method == "ACK" else method))
        if method == "ACK":
            self._receive_ack(request, transaction, now)
        elif transaction is not None:
            transactions.fire(transaction, Trigger.REQUEST, now=now)
        elif method == "CANCEL":
            self._receive_cancel(request, flow, now)
        elif (refusal := refuse(request, allowed=self._methods, allow=self._core.allow)) is not None:
            self._refuse(request, flow, refusal.status, refusal.headers)
        elif request.to.tag is not None:
            self._receive_in_dialog(request, flow, now)
        elif transactions.is_merged(merge_key(request)):
            self._refuse(request, flow, 482)
        else:
            self._receive_first(request, flow, now)

    def _receive_first(self, request: Request, flow: Flow, now: float) -> None:
        """A request outside of dialogs that is new."""
        method, core = request.method, self._core
        if (headers := self._gate(request, flow)) is not None:
            self._refuse(request, flow, 503, headers)
        elif method == "OPTIONS":
            self._refuse(request, flow, 200, self._capabilities())
        elif method in OUTSIDE and method not in self._request_methods:
            status, reason = OUTSIDE[method]
            self._refuse(request, flow, status, (core.allow,) if status == 405 else (), reason)
        elif core.transactions.is_full or (method == "INVITE" and len(core.invites) >= self._max_invites):
            self._refuse(request, flow, 503, RETRY_AFTER_OVERLOAD)
        elif method == "INVITE":
            Invite.receive(core, request, flow, now=now)
        else:
            ServerRequest(core, request, flow, now=now)

    def _receive_in_dialog(self, request: Request, flow: Flow, now: float) -> None:
        invite = self._find_invite(request)
        subscription = self._core.subscriptions.get(_key_of(request)) if invite is None else None
        if subscription is not None and request.method == "SUBSCRIBE":
            self._receive_subscribe(subscription, request, flow, now)
            return
        if invite is None or request.method in self._request_methods - self._call_methods:
            self._refuse(request, flow, 481)
            return
        if not invite.accept_request(request, flow):
            self._respond(request, flow, 500, now, headers=())  # 12.2.2: out of order
        elif request.method == "INVITE":
            status = invite.receive_reinvite(request, flow, now=now)
            if status is not None:
                self._respond(request, flow, status, now, headers=RETRY_AFTER_PENDING if status == 500 else ())
        elif request.method == "BYE":
            self._respond(request, flow, 200, now)
            invite.receive_bye(request.header("Reason"), now=now)
        elif request.method == "PRACK":
            self._receive_prack(invite, request, flow, now)
        elif request.method == "UPDATE":
            self._receive_update(invite, request, flow, now)
        elif request.method in self._call_methods:
            ServerRequest(self._core, request, flow, invite=invite, now=now)
        else:
            self._respond(request, flow, 200, now, headers=self._capabilities())

    def _receive_subscribe(self, subscription: Subscription, request: Request, flow: Flow, now: float) -> None:
        """Inside a subscription (RFC 6665 4.4.1): of the same event, or it knows of none."""
        try:
            is_same = read_event(request) == subscription.event
        except ParseError:
            is_same = False
        if not subscription.accept_request(request, flow):
            self._respond(request, flow, 500, now)
        elif not is_same or not subscription.is_live:
            self._respond(request, flow, 481, now)
        else:
            ServerRequest(self._core, request, flow, subscription=subscription, now=now)

    def _receive_prack(self, invite: Invite, request: Request, flow: Flow, now: float) -> None:
        """RFC 3262 3: it brings the answer to an offer of ours, or an offer for the layer above, or nothing (5)."""
        brings_answer = invite.reliable is not None and invite.reliable.wants_answer
        if not invite.receive_prack(request, now=now):
            self._respond(request, flow, 481, now)
        elif request.body and not brings_answer:
            ServerRequest(self._core, request, flow, invite=invite, now=now)
        else:
            self._respond(request, flow, 200, now)
            if brings_answer:
                self._core.events.append(PrackReceived(invite, request.body))
        invite.go_on(now=now)

    def _receive_update(self, invite: Invite, request: Request, flow: Flow, now: float) -> None:
        """One without an offer refreshes the call; one with an offer is for the layer above (RFC 3311)."""
        status = invite.refuse_update(request)
        if status:
            self._respond(request, flow, status, now, headers=RETRY_AFTER_PENDING if status == 500 else ())
            return
        accepting = invite.accept_update(request, now=now)
        if request.body:
            ServerRequest(self._core, request, flow, invite=invite, accepting=accepting, now=now)
        else:
            self._respond(request, flow, 200, now, headers=accepting)

    def _receive_ack(self, request: Request, transaction: Transaction | None, now: float) -> None:
        """The ACK of a refusal has its transaction; that of a 2xx finds its dialog; a stray one nobody (17.1.1.2)."""
        if transaction is not None and transaction.state is not State.ACCEPTED:
            self._core.transactions.fire(transaction, Trigger.ACK, now=now)
        elif (invite := self._find_invite(request)) is not None:
            invite.receive_ack(request, now=now)

    def _receive_cancel(self, request: Request, flow: Flow, now: float) -> None:
        """9.2: 200 if the INVITE is known, whether it can still be cancelled or not."""
        cancelled = self._core.transactions.find(server_key(request, "INVITE"))
        if cancelled is None:
            self._refuse(request, flow, 481)
            return
        incoming = cancelled.user
        self._respond(request, flow, 200, now, to_tag=cancelled.to_tag)
        if isinstance(incoming, IncomingInvite):
            incoming.cancel(request.header("Reason"), now=now)

    def _find_invite(self, request: Request) -> Invite | None:
        return self._core.dialogs.get(_key_of(request))

    # Answers that need no decision.

    def _capabilities(self) -> Headers:
        return (self._core.allow, ACCEPT, self._core.supported)

    def _respond(
        self,
        request: Request,
        flow: Flow,
        status: int,
        now: float,
        *,
        to_tag: str | None = None,
        headers: Headers = (),
    ) -> None:
        """Answer within a transaction, which absorbs what comes again."""
        core = self._core
        transaction = core.transactions.open_server(request, response_flow(request, flow), now=now)
        core.respond(
            transaction,
            request,
            status,
            to_tag=to_tag or self._stateless_tag(request),
            headers=(*headers, core.server),
            source=flow,
            now=now,
        )

    def _refuse(
        self, request: Request, flow: Flow, status: int, headers: Headers = (), reason: str | None = None
    ) -> None:
        """Answer without state (8.2.7): a flood of nonsense costs no memory, and a retransmission is answered alike."""
        message = response(
            request,
            status,
            reason,
            to_tag=self._stateless_tag(request),
            headers=(*headers, self._core.server),
            received=flow.remote,
        )
        self._core.transactions.send(message, response_flow(request, flow))

    def _refuse_malformed(self, error: ParseError, flow: Flow) -> None:
        partial = error.partial
        was_answered = False
        if partial is not None and partial.method != "ACK":
            message = response(partial, error.status, error.reason, to_tag=self._tag_secret, received=flow.remote)
            self._core.transactions.send(message, flow)
            was_answered = True
        self._core.events.append(MalformedReceived(flow, str(error), was_answered))

    def _stateless_tag(self, request: Request) -> str:
        """A To tag that is the same for every retransmission, and unlike that of any other element."""
        return f"{self._tag_secret}{crc32(f'{request.call_id} {request.cseq}'.encode()):08x}"


def _key_of(request: Request) -> DialogKey:
    return (request.call_id, request.to.tag or "", request.from_.tag or "")
