"""What the parts of a user agent share: transactions, the events for the layer above, tokens, dialogs.

The UA core of RFC 3261 §6, less the decisions: those are in stack.py, invite.py and reinvite.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from .dialog import DialogKey, Headers
from .events import Flow, SipEvent
from .messages import Request, Uri, response
from .transaction import Transaction
from .transaction_layer import TransactionLayer

if TYPE_CHECKING:
    from .invite import Invite
    from .subscription import Subscription

ALLOW = ("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK")
SUPPORTED = ("Supported", "100rel, norefersub, replaces, timer")
SDP = ("Content-Type", "application/sdp")


class Core:
    """Shared by the invites and requests of one stack."""

    def __init__(
        self,
        *,
        new_token: Callable[[], str],
        user_agent: str,
        max_transactions: int,
        allow: tuple[str, str] = ALLOW,
        session_expires: int = 1800,
    ) -> None:
        self.new_token = new_token
        self.transactions = TransactionLayer(max_transactions=max_transactions)
        self.events: deque[SipEvent] = deque()
        self.invites: dict[int, Invite] = {}
        self.dialogs: dict[DialogKey, Invite] = {}
        self.subscriptions: dict[DialogKey, Subscription] = {}
        self.user_agent = ("User-Agent", user_agent)
        self.server = ("Server", user_agent)
        self.allow = allow
        self.supported = SUPPORTED
        self.session_expires = session_expires
        self.find_stream: Callable[[Flow], Flow | None] = lambda flow: None  # by TCP, to the end of one by UDP
        self._of_connection: dict[Flow, dict[Invite, None]] = {}
        self._last_id = 0

    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def new_branch(self) -> str:
        return "z9hG4bK" + self.new_token()

    def remember(self, invite: Invite, key: DialogKey, flow: Flow) -> None:
        """Let requests inside the dialog find their invite, and let it know when its connection is gone."""
        self.invites[invite.id] = invite
        self.dialogs[key] = invite
        if flow.transport != "udp":
            self._of_connection.setdefault(flow, {})[invite] = None

    def forget(self, invite: Invite, key: DialogKey | None, flow: Flow) -> None:
        self.invites.pop(invite.id, None)
        if key is not None:
            self.dialogs.pop(key, None)
        self.leave_connection(invite, flow)

    def drop_dialogs(self, keys: Iterable[DialogKey]) -> None:
        """Early dialogs that are nothing any more."""
        for key in list(keys):
            self.dialogs.pop(key, None)

    def leave_connection(self, invite: Invite, flow: Flow) -> None:
        if flow.transport != "udp" and (invites := self._of_connection.get(flow)) is not None:
            invites.pop(invite, None)
            if not invites:
                del self._of_connection[flow]

    def invites_on(self, flow: Flow) -> list[Invite]:
        return list(self._of_connection.get(flow, ()))

    def respond(
        self,
        transaction: Transaction,
        request: Request,
        status: int,
        *,
        reason: str | None = None,
        to_tag: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
        source: Flow,
        now: float,
    ) -> bytes:
        """Answer a request through its server transaction; the bytes, for who sends them again."""
        message = response(request, status, reason, to_tag=to_tag, headers=headers, body=body, received=source.remote)
        self.transactions.respond(transaction, status, message, now=now)
        return message


def host_port(address: tuple[str, int]) -> str:
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def via_value(flow: Flow, branch: str) -> str:
    """Our Via, with the question for our address of RFC 3581."""
    return f"SIP/2.0/{flow.transport.upper()} {host_port(flow.local)};branch={branch};rport"


def contact_value(user: str | None, flow: Flow) -> str:
    """Where the peer reaches us in this dialog: the local end of the flow."""
    host, port = flow.local
    # "wss" stands in Via only: RFC 7118 5.4 knows no such parameter.
    transport = "ws" if flow.transport == "wss" else flow.transport
    params = {} if transport == "udp" else {"transport": transport}
    return f"<{Uri(user=user, host=host, port=port, params=params)}>"


def with_content_type(headers: Headers, body: bytes) -> Headers:
    """`headers`, and what the body is: SDP, unless they say something else."""
    if not body or any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return (*headers, SDP)
