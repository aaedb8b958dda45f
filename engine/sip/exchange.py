"""Requests that are no INVITE: those the layer above answers, and those it makes, outside of calls and inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .core import Core, with_content_type
from .dialog import Dialog, Headers
from .digest import Credentials
from .events import Flow, RequestInCall, RequestReceived, ResponseReceived, SubscribeReceived
from .messages import Address, Request, Response
from .next_hop import response_flow
from .outgoing import Outgoing, send_in_dialog
from .transaction_layer import merge_key

if TYPE_CHECKING:
    from .invite import Invite
    from .subscription import Subscription


class ServerRequest:
    """A request that waits for `SipStack.respond`; after 64*T1 nobody is there to hear it."""

    __slots__ = ("_accepting", "_core", "_to_tag", "_transaction", "flow", "request")

    def __init__(
        self,
        core: Core,
        request: Request,
        flow: Flow,
        *,
        invite: Invite | None = None,
        subscription: Subscription | None = None,
        accepting: Headers = (),
        now: float,
    ) -> None:
        """With `invite`, or `subscription`: it came inside of that; `accepting` is what a 2xx says besides."""
        self._core = core
        self._accepting = accepting
        is_first = invite is None and subscription is None
        self._to_tag = core.new_token() if is_first else None
        merge = merge_key(request) if is_first else None
        self._transaction = core.transactions.open_server(request, response_flow(request, flow), merge=merge, now=now)
        self.request = request
        self.flow = flow
        if invite is not None:
            core.events.append(RequestInCall(invite, self, request))
        elif subscription is not None:
            core.events.append(SubscribeReceived(subscription, self, request))
        else:
            core.events.append(RequestReceived(self, request, flow))

    @property
    def to_tag(self) -> str:
        """Ours, of the dialog that this may make; empty if it came inside of one."""
        return self._to_tag or ""

    def respond(self, status: int, *, reason: str | None, headers: Headers, body: bytes, now: float) -> None:
        self._core.respond(
            self._transaction,
            self.request,
            status,
            reason=reason,
            to_tag=self._to_tag,
            headers=with_content_type((*headers, *(self._accepting if status < 300 else ()), self._core.server), body),
            body=body,
            source=self.flow,
            now=now,
        )


class ClientRequest:
    """A request of ours; its final response comes as ResponseReceived. An OutgoingUser."""

    __slots__ = ("_core", "_outgoing", "owner")

    def __init__(
        self,
        core: Core,
        method: str,
        uri: str,
        *,
        flow: Flow,
        from_: Address,
        to: Address,
        call_id: str,
        cseq: int,
        headers: Headers,
        body: bytes,
        credentials: Credentials | None,
        owner: object = None,
        now: float,
    ) -> None:
        self._core = core
        self.owner = owner
        self._outgoing = Outgoing(
            core,
            self,
            method,
            uri,
            flow=flow,
            from_=str(from_.with_tag(core.new_token())),
            to=str(to),
            call_id=call_id,
            cseq=cseq,
            headers=with_content_type((*headers, core.user_agent), body),
            body=body,
            credentials=credentials,
            now=now,
        )

    @property
    def method(self) -> str:
        return self._outgoing.method

    @property
    def cseq(self) -> int:
        """That of the last attempt: a refresh with the same Call-ID goes on from it (10.2.4)."""
        return self._outgoing.cseq

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        return True

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        if response.status >= 200:
            self._core.events.append(ResponseReceived(self, response.status, response))

    def fail(self, outgoing: Outgoing, status: int, *, now: float) -> None:
        self._core.events.append(ResponseReceived(self, status, None))


class CallRequest:
    """A request of ours inside a call; its final response comes as ResponseReceived, with `owner`. An OutgoingUser."""

    __slots__ = ("_body", "_core", "_headers", "_invite", "_outgoing", "method", "owner")

    def __init__(
        self, core: Core, method: str, *, invite: Invite, headers: Headers, body: bytes, owner: object
    ) -> None:
        """`invite` sends it in due time, and hears when its call is gone on the other side (481, or no answer)."""
        self._core, self._invite, self.owner = core, invite, owner
        self._headers, self._body = headers, body
        self._outgoing: Outgoing | None = None
        self.method = method

    @property
    def cseq(self) -> int | None:
        """None: it is not sent yet."""
        return self._outgoing.cseq if self._outgoing is not None else None

    def send(self, dialog: Dialog, contact: Headers, *, credentials: Credentials | None, now: float) -> None:
        fields = with_content_type((*self._headers, *contact, self._core.user_agent), self._body)
        self._outgoing = send_in_dialog(
            self._core, self, self.method, dialog, headers=fields, body=self._body, credentials=credentials, now=now
        )

    def drop(self) -> None:
        """The call has ended before it could be sent."""
        self._core.events.append(ResponseReceived(self, 481, None))

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        return True

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        if response.status >= 200:
            self._settle(response.status, response, now)

    def fail(self, outgoing: Outgoing, status: int, *, now: float) -> None:
        self._settle(status, None, now)

    def _settle(self, status: int, response: Response | None, now: float) -> None:
        self._core.events.append(ResponseReceived(self, status, response))
        if self.method == "UPDATE" and response is not None and status < 300:
            self._invite.learn_update(response, now=now)
        if status == 481 or response is None:
            self._invite.lose_dialog(status, now=now)  # 12.2.1.2
