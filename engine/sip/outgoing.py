"""A request on its way out, with what it takes to send it once more: with credentials (RFC 3261 §22.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .core import Core, via_value
from .dialog import Dialog, Headers
from .digest import Credentials, authorize, parse_challenges
from .events import Flow
from .messages import Response, request
from .session_timer import with_longer_interval
from .transaction import Transaction, Trigger

MAX_FORWARDS = 70
MAX_DATAGRAM = 1300  # octets of a request by UDP, where nothing is known of the path (RFC 3261 18.1.1)
MAX_ATTEMPTS = 5  # nonces may go stale under our hands, but not for ever

# Which header answers which challenge (22.2, 22.3).
_CHALLENGES = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}


class OutgoingUser(Protocol):
    """Who made a request, and wants to know what becomes of it."""

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        """A challenge came that can be answered, or a 422: shall it be sent once more?"""

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None: ...

    def fail(self, outgoing: Outgoing, status: int, *, now: float) -> None:
        """No answer: 408 after Timer B or F, 503 if the transport failed."""


class Outgoing:
    """One request of ours; a TransactionUser. A second attempt has a new branch, a new CSeq, the same user."""

    __slots__ = (
        "_answered",
        "_authorizations",
        "_core",
        "_credentials",
        "_datagrams",
        "_next_cseq",
        "_user",
        "acks",
        "attempts",
        "body",
        "branch",
        "call_id",
        "cseq",
        "flow",
        "from_",
        "headers",
        "max_forwards",
        "method",
        "routes",
        "to",
        "transaction",
        "uri",
    )

    def __init__(
        self,
        core: Core,
        user: OutgoingUser,
        method: str,
        uri: str,
        *,
        flow: Flow,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        next_cseq: Callable[[], int] | None = None,
        routes: Headers = (),
        headers: Headers = (),
        body: bytes = b"",
        credentials: Credentials | None = None,
        max_forwards: int = MAX_FORWARDS,
        now: float,
    ) -> None:
        self.max_forwards = max_forwards
        self._core, self._user, self._credentials, self._next_cseq = core, user, credentials, next_cseq
        self.method, self.uri, self.flow = method, uri, flow
        self.from_, self.to, self.call_id, self.cseq = from_, to, call_id, cseq
        self.routes, self.headers, self.body = routes, headers, body
        self._answered: dict[tuple[str, str], str] = {}  # (header, realm): the nonce we answered
        self._authorizations: dict[tuple[str, str], str] = {}
        self.acks: dict[str, tuple[bytes, Flow]] = {}  # of an INVITE, by the To tag of the 2xx
        self.attempts = 0
        self._datagrams: Flow | None = None  # where to send it if there is no connection to be had
        self._send(now, may_switch=True)

    @property
    def authorizations(self) -> Headers:
        """The credentials it went out with: an ACK to its 2xx carries the same (22.1)."""
        return tuple((name, value) for (name, _), value in self._authorizations.items())

    def abandon(self, *, now: float) -> None:
        """Wait for the final response no longer than 64*T1 (9.1)."""
        self._datagrams = None
        self._core.transactions.fire(self.transaction, Trigger.ABANDON, now=now)

    def cancel(self, headers: Headers, *, now: float) -> None:
        """Send a CANCEL: the Via, the CSeq number and the route of the INVITE, and a transaction of its own (9.1).

        Nobody hears what becomes of that: what matters comes as the response to the INVITE.
        """
        message = self._encode("CANCEL", self.to, (*headers, self._core.user_agent))
        self.abandon(now=now)
        self._core.transactions.open_client(self.branch, "CANCEL", self.flow, message, None, now=now)

    def acknowledge(self, dialog: Dialog) -> None:
        """Send the ACK to the 2xx that made or refreshed `dialog`, end to end (13.2.2.4), and again when asked to."""
        uri, routes = dialog.request_uri()
        fields = [
            ("Via", via_value(dialog.flow, self._core.new_branch())),
            ("Max-Forwards", str(MAX_FORWARDS)),
            *routes,
            ("From", dialog.local),
            ("To", dialog.remote),
            ("Call-ID", dialog.call_id),
            ("CSeq", f"{self.cseq} ACK"),
            *self.authorizations,
        ]
        message = request("ACK", uri, headers=fields)
        self.acks[dialog.remote_tag] = (message, dialog.flow)
        self._core.transactions.send(message, dialog.flow)

    def receive_response(self, transaction: Transaction, response: Response, *, now: float) -> None:
        self._datagrams = None
        if self.acks and response.status < 300 and (ack := self.acks.get(response.to.tag or "")) is not None:
            self._core.transactions.send(*ack)  # the 2xx again: its ACK was lost (13.2.2.4)
            return
        can_retry = response.status in _CHALLENGES and self._answer_challenge(response)
        can_retry = can_retry or (response.status == 422 and self._lengthen_interval(response))
        if can_retry and self._user.wants_retry(self, now=now):
            self.cseq = self._next_cseq() if self._next_cseq is not None else self.cseq + 1
            self._send(now, may_switch=True)  # credentials make it longer
            return
        user = self._user
        if response.status >= (300 if self.method == "INVITE" else 200):
            self._user = _UNHEARD  # it has heard all there is, and may hold us
        user.receive_response(self, response, now=now)

    def encode_ack(self, response: Response) -> bytes:
        return self._encode("ACK", str(response.to), ())  # 17.1.1.3: as the INVITE, with the To of the response

    def fail(self, transaction: Transaction, status: int, *, now: float) -> None:
        if self._datagrams is not None and status == 503:  # no connection: 18.1.1 wants it sent by UDP then
            self.flow, self._datagrams = self._datagrams, None
            self._send(now)
            return
        user, self._user = self._user, _UNHEARD
        user.fail(self, status, now=now)

    def _send(self, now: float, *, may_switch: bool = False) -> None:
        self.attempts += 1
        self.branch = self._core.new_branch()
        message = self._encode_attempt()
        if may_switch and self.flow.transport == "udp" and len(message) > MAX_DATAGRAM:
            stream = self._core.find_stream(self.flow)
            if stream is not None:
                self.flow, self._datagrams = stream, self.flow
                message = self._encode_attempt()
        self.transaction = self._core.transactions.open_client(
            self.branch, self.method, self.flow, message, self, now=now
        )

    def _encode_attempt(self) -> bytes:
        return self._encode(self.method, self.to, (*self.headers, *self.authorizations), self.body)

    def _encode(self, method: str, to: str, headers: Headers, body: bytes = b"") -> bytes:
        fields = [
            ("Via", via_value(self.flow, self.branch)),
            ("Max-Forwards", str(self.max_forwards)),
            *self.routes,
            ("From", self.from_),
            ("To", to),
            ("Call-ID", self.call_id),
            ("CSeq", f"{self.cseq} {method}"),
            *headers,
        ]
        return request(method, self.uri, headers=fields, body=body)

    def _lengthen_interval(self, response: Response) -> bool:
        """Offer the session timer that the peer bears (RFC 4028 7.3)."""
        headers = with_longer_interval(self.headers, response) if self.attempts < MAX_ATTEMPTS else None
        self.headers = headers or self.headers
        return headers is not None

    def _answer_challenge(self, response: Response) -> bool:
        """Have credentials for the next attempt; False if there are none, or they were refused already."""
        if self._credentials is None or self.attempts >= MAX_ATTEMPTS:
            return False
        challenge_name, name = _CHALLENGES[response.status]
        challenges = parse_challenges(response.headers(challenge_name))
        authorization = authorize(
            challenges,
            self._credentials,
            method=self.method,
            uri=self.uri,
            cnonce=self._core.new_token(),
            body=self.body,
        )
        if authorization is None:
            return False
        key = (name, authorization.realm)
        answered = self._answered.get(key)
        if answered is not None:
            is_stale = any(challenge.stale for challenge in challenges)
            if not is_stale or answered == authorization.nonce:
                return False  # they were wrong, and would be again
        self._answered[key] = authorization.nonce
        self._authorizations[key] = str(authorization)
        return True


class Unheard:
    """The user of a request that nobody waits for."""

    __slots__ = ()

    def wants_retry(self, outgoing: Outgoing, *, now: float) -> bool:
        return True

    def receive_response(self, outgoing: Outgoing, response: Response, *, now: float) -> None:
        pass

    def fail(self, outgoing: Outgoing, status: int, *, now: float) -> None:
        pass


_UNHEARD = Unheard()


def send_in_dialog(
    core: Core,
    user: OutgoingUser,
    method: str,
    dialog: Dialog,
    *,
    headers: Headers = (),
    body: bytes = b"",
    credentials: Credentials | None = None,
    now: float,
) -> Outgoing:
    """Send a request inside a dialog (RFC 3261 12.2.1.1)."""
    uri, routes = dialog.request_uri()
    return Outgoing(
        core,
        user,
        method,
        uri,
        flow=dialog.flow,
        from_=dialog.local,
        to=dialog.remote,
        call_id=dialog.call_id,
        cseq=dialog.next_cseq(),
        next_cseq=dialog.next_cseq,
        routes=routes,
        headers=headers,
        body=body,
        credentials=credentials,
        now=now,
    )
