"""An INVITE that came in, first or within a dialog, from 100 Trying to the ACK (RFC 3261 §13.3, §14.2)."""

from __future__ import annotations

from typing import Protocol

from .core import Core, with_content_type
from .dialog import Headers
from .events import Flow
from .messages import Request, Response
from .next_hop import response_flow
from .transaction import State, Transaction, Trigger
from .transaction_layer import Key


class IncomingUser(Protocol):
    """Who answers an INVITE."""

    def cancel(self, incoming: IncomingInvite, reason: str | None, *, now: float) -> None:
        """A CANCEL came for it (9.2); it has been answered 200."""

    def fail(self, incoming: IncomingInvite, status: int, *, now: float) -> None:
        """408: our 2xx was never acknowledged; 503: the connection is gone."""


class IncomingInvite:
    """One INVITE to be answered; a TransactionUser. 100 Trying goes out at once (8.2.6.1)."""

    __slots__ = ("_acceptance", "_core", "_transaction", "_user", "cseq", "flow", "request", "to_tag")

    def __init__(
        self,
        core: Core,
        user: IncomingUser,
        request: Request,
        flow: Flow,
        *,
        to_tag: str | None,
        merge: Key | None = None,
        now: float,
    ) -> None:
        self._core, self._user, self.to_tag = core, user, to_tag
        self.request, self.flow, self.cseq = request, flow, request.cseq
        self._acceptance: Transaction | None = None
        self._transaction = core.transactions.open_server(
            request, response_flow(request, flow), self, merge=merge, now=now
        )
        self._transaction.to_tag = to_tag
        core.respond(self._transaction, request, 100, source=flow, now=now)

    @property
    def is_offerless(self) -> bool:
        """It asks for our offer: the answer comes in the ACK (13.2.1)."""
        return not self.request.body

    @property
    def response_flow(self) -> Flow:
        """Where its responses go."""
        return self._transaction.flow

    @property
    def is_open(self) -> bool:
        """It can still be answered."""
        return self._transaction.state is State.PROCEEDING

    def respond(
        self,
        status: int,
        *,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        now: float,
    ) -> bytes:
        """A provisional, or a final response that is no 2xx. The bytes, for who sends them again."""
        return self._respond(status, reason, with_content_type(headers, body), body, now)

    def accept(self, *, headers: Headers, body: bytes, now: float) -> None:
        """Send the 200, and again until `acknowledge`."""
        message = self._respond(200, None, with_content_type(headers, body), body, now)
        key = ("2xx", self._transaction.key, self.cseq)
        self._acceptance = self._core.transactions.open_acceptance(key, self._transaction.flow, message, self, now=now)

    def acknowledge(self, *, now: float) -> None:
        """Send the 200 no more: its ACK came, or nobody waits for it any longer."""
        if self._acceptance is not None:
            self._core.transactions.fire(self._acceptance, Trigger.ACK, now=now)

    def cancel(self, reason: str | None, *, now: float) -> None:
        if self.is_open:
            self._user.cancel(self, reason, now=now)

    def receive_response(self, transaction: Transaction, response: Response, *, now: float) -> None:
        raise AssertionError("a server transaction has no responses to pass up")

    def encode_ack(self, response: Response) -> bytes:
        raise AssertionError("a server transaction acknowledges nothing")

    def fail(self, transaction: Transaction, status: int, *, now: float) -> None:
        self._user.fail(self, status, now=now)

    def _respond(self, status: int, reason: str | None, headers: Headers, body: bytes, now: float) -> bytes:
        return self._core.respond(
            self._transaction,
            self.request,
            status,
            reason=reason,
            to_tag=self.to_tag,
            headers=(*headers, self._core.server),
            body=body,
            source=self.flow,
            now=now,
        )
