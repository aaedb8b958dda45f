"""Requests that are no INVITE, outside a dialog: those the layer above answers, and those it makes."""

from __future__ import annotations

from .core import Core, with_content_type
from .dialog import Headers
from .digest import Credentials
from .events import Flow, RequestReceived, ResponseReceived
from .messages import Address, Request, Response
from .next_hop import response_flow
from .outgoing import Outgoing
from .transaction_layer import Key


class ServerRequest:
    """A request that waits for `SipStack.respond`; after 64*T1 nobody is there to hear it."""

    __slots__ = ("_core", "_to_tag", "_transaction", "flow", "request")

    def __init__(self, core: Core, request: Request, flow: Flow, *, merge: Key, now: float) -> None:
        self._core = core
        self._to_tag = core.new_token()
        self._transaction = core.transactions.open_server(request, response_flow(request, flow), merge=merge, now=now)
        self.request = request
        self.flow = flow
        core.events.append(RequestReceived(self, request, flow))

    def respond(self, status: int, *, reason: str | None, headers: Headers, body: bytes, now: float) -> None:
        self._core.respond(
            self._transaction,
            self.request,
            status,
            reason=reason,
            to_tag=self._to_tag,
            headers=with_content_type((*headers, self._core.server), body),
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
        now: float,
    ) -> None:
        self._core = core
        self.owner: object = None
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
