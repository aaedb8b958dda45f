"""What channels need from their neighbours, and the values that cross: nothing here does anything.

Below: SIP (`SipPort`, fulfilled by `engine.transport.endpoint.Endpoint`) and registrations (`Locator`). Above: where
events go (`EventSink`) and who takes a call (`Router`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from callflow.protocol.commands import Fallback
from callflow.protocol.events import ChannelCreated, Event
from callflow.protocol.records import CallRecord
from engine.speech.text import Speech
from engine.web.web import Web

if TYPE_CHECKING:
    from engine.sip.digest import Credentials
    from engine.sip.events import Flow, InviteReceived, ResponseReceived
    from engine.sip.identity import Identity, IdentityPolicy
    from engine.sip.invite import Invite
    from engine.sip.messages import Address, Request, Uri
    from engine.sip.refer import Refer, Replaces
    from engine.sip.referral import Referral
    from engine.sip.stack import CallRequest, ServerRequest
    from engine.transport.locating import Hop
    from engine.trunks.trunk import Trunk

Headers: TypeAlias = Sequence[tuple[str, str]]


class EventSink(Protocol):
    """Where events go: numbered, kept, and read by every subscriber."""

    @property
    def last_seq(self) -> int:
        """The number of the newest event."""
        ...

    def emit(
        self, event: Event, *, channel: str | None = None, call_seq: int | None = None, owner: str | None = None
    ) -> int:
        """Number and keep an event, and return its number. The session `owner` gets it, whatever it subscribed to."""
        ...


class RecordSink(Protocol):
    """Where records of ended channels go."""

    def write(self, record: CallRecord) -> None:
        """Keep a record, at once: when this returns, it outlives the process. Never raises, never waits."""
        ...


class Files(Protocol):
    """The files of an app on another machine, by the hash of their content."""

    def path(self, name: str, sha256: str) -> Path:
        """Where the file is, or will be once the app has sent it: what plays it waits. Raises CommandError."""
        ...


@dataclass(frozen=True, slots=True)
class Owner:
    """The app session that steers a channel. Without a folder it plays no files; without `recordings` it makes none.

    `files` are those of an app on another machine, `speech` speaks for it, in its
    `language` where its calls have no other; `web` has what it plays by URL.
    """

    app: str
    session: str
    folder: Path | None = None
    recordings: Path | None = None
    files: Files | None = None
    speech: Speech | None = None
    web: Web | None = None
    language: str = "en"


@dataclass(frozen=True, slots=True)
class Admission:
    """The call may come in, for this app. `owner` None: the app is on its way; after `wait` seconds it is 503."""

    app: str
    route: str | None = None
    owner: Owner | None = None
    user: str | None = None  # the authenticated user
    trunk: Trunk | None = None  # by which the call comes
    wait: float = 5.0
    identity: Identity | None = field(default=None, compare=False)  # who calls, as far as he is believed
    variables: Mapping[str, str] = field(default_factory=dict, compare=False)  # of the user
    requires_srtp: bool = False  # whatever the policy with the peer is


@dataclass(frozen=True, slots=True)
class Refusal:
    """The call may not come in, and this is what the caller is answered: 401 with challenges, 404, 503."""

    status: int
    reason: str | None = None
    headers: Headers = ()


class Router(Protocol):
    """Who takes a call that comes in."""

    def route(self, invite: InviteReceived) -> Admission | Refusal:
        """Decide at once: nothing has been answered but 100, and no media is open."""
        ...

    def challenge(self, request: Request) -> Headers:
        """What asks the sender of a request who he is, beside a 407."""
        ...

    def vouch(self, invite: InviteReceived) -> str | Refusal | None:
        """Who wants to take another's place in a call: a user, anybody where anybody may call, or what he is told."""
        ...


@runtime_checkable
class Respondent(Protocol):
    """Who asked something of a peer by a request, and waits for the answer."""

    def receive_response(self, event: ResponseReceived) -> None:
        """The answer, once."""
        ...


class Successors(Protocol):
    """Who takes a call after the app that had it."""

    def successor(self, then: Fallback, facts: ChannelCreated) -> Admission | None:
        """The app named, or that of the route; None if there is none. An app on its way has no owner yet."""
        ...

    def transferred(self, number: str, user: str | None) -> Admission | None:
        """Who takes a call to this number that a user transfers there, as if it were the user's own; None: nobody."""
        ...


class Contact(Protocol):
    """Where a registered user is reached."""

    @property
    def uri(self) -> Uri:
        """The Request-URI to use (RFC 3261 10.3)."""
        ...

    @property
    def flow(self) -> Flow:
        """The way its registration came (RFC 5626)."""
        ...

    @property
    def routes(self) -> Headers:
        """The Route headers for the proxies on the way there (RFC 3327)."""
        ...

    @property
    def instance(self) -> str:
        """The phone, which may have several flows (RFC 5626); empty if it does not say."""
        ...

    @property
    def reg_id(self) -> int:
        """Which of its flows; 0 if this is none of several."""
        ...


class Locator(Protocol):
    """Where registered users are."""

    def contacts(self, user: str) -> Sequence[Contact]:
        """The live contacts of a user, most preferred first; empty if not registered or not known."""
        ...

    def members(self, group: str) -> Sequence[str]:
        """The users of a group; empty if there is none of that name."""
        ...

    def is_local(self, host: str, port: int | None) -> bool:
        """Is this host one of ours, so that `sip:alice@host` means our user alice?"""
        ...


class Identities(Protocol):
    """What users are told of who calls."""

    def __call__(self, user: str) -> IdentityPolicy:
        """How that user and the engine tell each other."""
        ...


class Trunks(Protocol):
    """The trunks, by name."""

    def get(self, name: str) -> Trunk | None:
        """The trunk of that name."""
        ...

    def cheapest(self, number: str) -> Sequence[Trunk]:
        """The trunks that have a price for a number, the cheapest first."""
        ...


class SipPort(Protocol):
    """What a channel asks of SIP. Each verb takes effect at once; only `locate` and `reach` wait."""

    def ring(self, invite: Invite, *, status: int = 180, headers: Headers = (), body: bytes = b"") -> None:
        """A provisional response to an INVITE that came in."""
        ...

    def answer(self, invite: Invite, *, body: bytes, headers: Headers = ()) -> None:
        """200 to the INVITE, or to the re-INVITE that is pending."""
        ...

    def reject(self, invite: Invite, status: int, *, reason: str | None = None, headers: Headers = ()) -> None:
        """300-699 to the INVITE, or to the re-INVITE that is pending."""
        ...

    def invite(
        self,
        uri: Uri,
        *,
        flow: Flow,
        from_: Address,
        to: Address | None = None,
        body: bytes,
        headers: Headers = (),
        routes: Headers = (),
        credentials: Credentials | None = None,
        max_forwards: int = 70,
    ) -> Invite:
        """Place a call: our INVITE with our offer."""
        ...

    def respond(
        self,
        transaction: ServerRequest,
        status: int,
        *,
        reason: str | None = None,
        headers: Headers = (),
        body: bytes = b"",
    ) -> None:
        """Answer a request that came inside a call."""
        ...

    def reinvite(self, invite: Invite, *, body: bytes) -> bool:
        """Offer something new inside a call. False while another re-INVITE is pending."""
        ...

    def request_in_call(
        self, invite: Invite, method: str, *, headers: Headers = (), body: bytes = b"", owner: object = None
    ) -> CallRequest | None:
        """Send a request inside a confirmed call; the answer comes as an event with that owner. None: no such call."""
        ...

    def accept_refer(self, invite: Invite, transaction: ServerRequest, asked: Refer) -> Referral | None:
        """202 to a REFER; None if the peer does not want to hear what becomes of it."""
        ...

    def tell_referral(self, referral: Referral, status: int) -> None:
        """NOTIFY the peer of it; a status of 200 and more is the last."""
        ...

    def find(self, replaces: Replaces) -> Invite | None:
        """The call that a Replaces names."""
        ...

    def hang_up(self, invite: Invite, *, headers: Headers = (), status: int = 480) -> None:
        """End a call in whatever state it is: CANCEL, BYE, or the final `status`. More than once does no harm."""
        ...

    async def look_up(self, number: str) -> Sequence[Uri]:
        """The addresses of a phone number, the most wanted first (ENUM). Raises Unreachable."""
        ...

    async def locate(self, uri: Uri) -> Sequence[Hop]:
        """The servers of a URI, in the order in which to try them (RFC 3263). Raises Unreachable."""
        ...

    async def reach(self, hop: Hop) -> Flow:
        """The way to one of them. Raises Unreachable."""
        ...
