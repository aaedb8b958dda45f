"""The phone itself: an account, registration, and its calls. It speaks through an `Endpoint` and a `MediaEngine`."""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import trio

from engine.media.session import MediaEngine, PortsExhausted
from engine.sdp.codec import NARROW
from engine.sdp.security import Policy, keys_from
from engine.sip import events as sip
from engine.sip.digest import Credentials
from engine.sip.messages import Address, ParseError, Uri
from engine.sip.refer import read_replaces
from engine.sip.stack import ClientRequest

from .audio import Audio
from .call import CallState, PhoneCall
from .events import Calling, PhoneEvent

if TYPE_CHECKING:
    from engine.sip.events import Flow
    from engine.transport.endpoint import Endpoint

REQUEST_TIMEOUT = 35.0  # seconds; Timer F ends every request before (RFC 3261 §17.1.2.2)


class RegistrationRefused(Exception):
    """The registrar did not accept us: its status and reason; 408 if it never answered."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status} {reason}".strip())
        self.status, self.reason = status, reason


class Phone:
    """A SIP phone. `open_endpoint` makes its endpoint, given where that shall tell its events.

    Run the endpoint and the media engine beside it; the phone has no task of its own. Calls that come in ring at once
    and wait for `wait_call`; without room for media they are refused with 503.
    """

    def __init__(
        self,
        open_endpoint: Callable[[Callable[[sip.SipEvent], None]], Endpoint],
        media: MediaEngine,
        *,
        name: str = "phone",
        credentials: Credentials | None = None,
        domain: str | None = None,
        codecs: Sequence[str] = NARROW,
        srtp: Policy = "off",
        clock: Callable[[], float] = trio.current_time,
        new_token: Callable[[], str] = lambda: secrets.token_hex(8),
        on_event: Callable[[PhoneCall, PhoneEvent], None] = lambda call, event: None,
    ) -> None:
        self._media, self._clock, self._new_token, self._on_event = media, clock, new_token, on_event
        self._credentials, self._domain, self._codecs = credentials, domain, tuple(codecs)
        self._srtp: Policy = srtp
        self._calls: dict[int, PhoneCall] = {}  # by the id of the invite
        self._incoming: deque[PhoneCall] = deque()
        self._requests: dict[ClientRequest, trio.Event] = {}
        self._responses: dict[ClientRequest, sip.ResponseReceived] = {}
        self._held: list[sip.SipEvent] | None = None  # what SIP tells while a call is being placed
        self._has_incoming = trio.Event()
        self._registration: tuple[str, int] | None = None  # Call-ID and CSeq of the last (RFC 3261 §10.2.4)
        self.on_text: Callable[[str, str], int] = lambda sender, text: 405
        """Is given the texts that come outside of calls, and says the SIP status to answer with."""
        self.name = name
        self.endpoint = open_endpoint(self._take)

    @property
    def calls(self) -> tuple[PhoneCall, ...]:
        """The calls that are not over."""
        return tuple(self._calls.values())

    async def register(self, registrar: str | Uri, *, expires: int = 3600) -> int:
        """Register with `sip:HOST[:PORT]` and return for how many seconds; 0 takes it back. Raises RegistrationRefused.

        A second one refreshes the first. Raises Unreachable too.
        """
        uri = Uri.parse(registrar) if isinstance(registrar, str) else registrar
        flow = await self.endpoint.resolve(uri)
        address = Address(Uri(user=self.name, host=self._domain or uri.host))
        call_id, cseq = self._registration or (self._new_token(), 0)
        request = self.endpoint.request(
            "REGISTER",
            Uri(host=uri.host, port=uri.port, params=uri.params),
            flow=flow,
            from_=address,
            to=address,
            headers=[("Contact", f"<{self._contact(flow)}>"), ("Expires", str(expires))],
            credentials=self._credentials,
            call_id=call_id,
            cseq=cseq + 1,
        )
        event = await self._wait_response(request)
        self._registration = (call_id, request.cseq)
        if event.status != 200:
            raise RegistrationRefused(event.status, event.response.reason if event.response else "no answer")
        return _granted(event, self._contact(flow))

    async def write(self, target: str | Uri, text: str) -> int:
        """Send a text to a SIP URI, outside of any call; the status it was answered with. Raises Unreachable."""
        uri = Uri.parse(target) if isinstance(target, str) else target
        flow = await self.endpoint.resolve(uri)
        request = self.endpoint.request(
            "MESSAGE",
            uri,
            flow=flow,
            from_=Address(Uri(user=self.name, host=self._domain or uri.host)),
            to=Address(uri),
            headers=[("Content-Type", "text/plain")],
            body=text.encode(),
            credentials=self._credentials,
        )
        return (await self._wait_response(request)).status

    async def call(
        self,
        target: str | Uri,
        *,
        flow: Flow | None = None,
        from_: Address | None = None,
        headers: Sequence[tuple[str, str]] = (),
    ) -> PhoneCall:
        """Call a SIP URI, under another name if wanted.

        Raises Unreachable, PortsExhausted, and ParseError for what is no URI.
        """
        uri = Uri.parse(target) if isinstance(target, str) else target
        flow = flow or await self.endpoint.resolve(uri)
        call = self._open_call(CallState.CALLING, Address(uri))
        from_ = from_ or Address(Uri(user=self.name, host=self._domain or flow.local[0]))
        self._held = []
        try:
            call.place(
                lambda offer: self.endpoint.invite(
                    uri, flow=flow, from_=from_, body=offer, headers=headers, credentials=self._credentials
                )
            )
        except BaseException:
            call.close()
            raise
        finally:
            held, self._held = self._held, None
        self._calls[call.invite.id] = call
        call.tell(Calling(str(uri)))
        for event in held:
            self._take(event)
        return call

    async def wait_call(self) -> PhoneCall:
        """Wait for a call to come in; it has not been answered."""
        while not self._incoming:
            await self._has_incoming.wait()
        return self._incoming.popleft()

    def hang_up_all(self) -> None:
        """End every call."""
        for call in self.calls:
            call.hang_up()

    def _open_call(self, state: CallState, remote: Address) -> PhoneCall:
        return PhoneCall(
            self.endpoint,
            lambda on_event: Audio(
                self._media,
                session_id=int(self._new_token()[:12], 16),
                codecs=self._codecs,
                srtp=self._srtp,
                new_key=keys_from(self._new_token),
                clock=self._clock,
                on_event=on_event,
            ),
            state=state,
            remote=remote,
            clock=self._clock,
            on_event=self._take_call_event,
        )

    def _contact(self, flow: Flow) -> Uri:
        host, port = flow.local
        params = {} if flow.transport == "udp" else {"transport": flow.transport}
        return Uri(user=self.name, host=host, port=port, params=params)

    async def _wait_response(self, request: ClientRequest) -> sip.ResponseReceived:
        answered = self._requests[request] = trio.Event()
        try:
            with trio.move_on_after(REQUEST_TIMEOUT):
                await answered.wait()
        finally:
            del self._requests[request]
        return self._responses.pop(request, None) or sip.ResponseReceived(request, 408, None)

    def _take(self, event: sip.SipEvent) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        match event:
            case sip.InviteReceived():
                self._take_invite(event)
            case sip.RequestReceived(transaction=transaction, request=message):
                is_text = message.method == "MESSAGE"
                text = message.body.decode(errors="replace")
                self.endpoint.respond(transaction, self.on_text(message.from_.uri.user or "", text) if is_text else 405)
            case sip.ResponseReceived(transaction=request):
                if isinstance(request.owner, PhoneCall):
                    request.owner.take_response(event)
                elif isinstance(request, ClientRequest) and request in self._requests:
                    self._responses[request] = event
                    self._requests[request].set()
            case sip.MalformedReceived() | sip.SubscribeReceived() | sip.SubscriptionEnded():
                pass
            case _:
                if (call := self._calls.get(event.invite.id)) is not None:
                    call.take(event)

    def _take_invite(self, event: sip.InviteReceived) -> None:
        try:
            call = self._open_call(CallState.OFFERED, event.invite.remote)
        except PortsExhausted:
            self.endpoint.reject(event.invite, 503)
            return
        self._calls[event.invite.id] = call
        call.replaced = self._replaced_by(event)
        call.receive(event)
        if call.ended is None:
            if call.replaced is None:
                call.ring()
            else:  # RFC 3891 3: it is answered at once, and the other one ended
                call.answer()
                call.replaced.hang_up()
            self._incoming.append(call)
            self._has_incoming.set()
            self._has_incoming = trio.Event()

    def _replaced_by(self, event: sip.InviteReceived) -> PhoneCall | None:
        """The call in whose place a new one wants to be."""
        try:
            named = read_replaces(event.request.header("Replaces"))
        except ParseError:
            return None
        invite = self.endpoint.find(named) if named is not None else None
        return self._calls.get(invite.id) if invite is not None else None

    def _take_call_event(self, call: PhoneCall, event: PhoneEvent) -> None:
        if call.ended is not None:
            self._calls.pop(call.invite.id, None)
        self._on_event(call, event)


def _granted(event: sip.ResponseReceived, contact: Uri) -> int:
    """The seconds that the registrar grants to our contact (RFC 3261 §10.2.4)."""
    response = event.response
    assert response is not None, "a 200 came from somebody"
    for granted in response.contacts:
        if granted.uri == contact:
            return int(granted.params.get("expires") or response.header("Expires") or 0)
    return 0
