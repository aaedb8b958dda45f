"""One stack under test, with a peer made by hand on the other side of it."""

from __future__ import annotations

import itertools
from typing import TypeVar

from engine.sip.events import Flow, InviteReceived, SipEvent
from engine.sip.messages import Address, Request, Response, Uri, parse_datagram
from engine.sip.stack import Credentials, Invite, SipStack
from tests.sip.messages_by_hand import ANSWER, FLOW, OFFER, parse_request, request, response

T = TypeVar("T", bound=object)


class Bench:
    """`send` and `wait` make things happen; `sent` takes what the stack sent, `event` what it told."""

    def __init__(self, *, flow: Flow = FLOW, **options: object) -> None:
        count = itertools.count(1)
        self.flow = flow
        self.now = 0.0
        self.stack = SipStack(new_token=lambda: f"{next(count):016x}", **options)  # type: ignore[arg-type]

    def send(self, data: bytes, flow: Flow | None = None) -> list[Request | Response]:
        """Let the peer send something; what the stack sends then."""
        flow = flow or self.flow
        if flow.transport == "udp":
            self.stack.receive_datagram(data, flow, now=self.now)
        else:
            self.stack.receive_data(data, flow, now=self.now)
        return self.sent()

    def sent(self) -> list[Request | Response]:
        return [parse_datagram(data) for data, _ in self.stack.datagrams_to_send()]

    def sent_with_flows(self) -> list[tuple[Request | Response, Flow]]:
        return [(parse_datagram(data), flow) for data, flow in self.stack.datagrams_to_send()]

    def wait(self, seconds: float) -> list[tuple[float, Request | Response]]:
        """Let time pass; what the stack sends meanwhile, and when."""
        end, sent = self.now + seconds, []
        while (at := self.stack.next_deadline()) is not None and at <= end:
            assert at >= self.now, "time runs backwards"
            self.now = at
            self.stack.handle_deadline(now=at)
            sent += [(at, message) for message in self.sent()]
        self.now = end
        return sent

    def events(self) -> list[SipEvent]:
        events = []
        while (event := self.stack.next_event()) is not None:
            events.append(event)
        return events

    def event(self, kind: type[T]) -> T:
        """The only event there is, of this kind."""
        events = self.events()
        assert len(events) == 1, events
        assert isinstance(events[0], kind), events
        return events[0]

    # The peer calls us.

    def receive_call(self, **options: object) -> Invite:
        options.setdefault("body", OFFER)
        self.send(request("INVITE", **options))  # type: ignore[arg-type]
        return self.event(InviteReceived).invite

    def answered_call(self, **options: object) -> tuple[Invite, Response]:
        """A call that the peer made and that is confirmed."""
        invite = self.receive_call(**options)
        self.stack.answer(invite, body=ANSWER, now=self.now)
        (ok,) = self.sent()
        assert isinstance(ok, Response)
        self.send(self.in_dialog(invite, "ACK", cseq=1, branch="z9hG4bKack"))
        self.events()
        return invite, ok

    def in_dialog(self, invite: Invite, method: str, **options: object) -> bytes:
        """A request of the peer inside the call it made."""
        assert invite.dialog is not None
        options.setdefault("to", f"<sip:bob@192.0.2.1>;tag={invite.dialog.local_tag}")
        options.setdefault("branch", f"z9hG4bK{method}{options.get('cseq')}")
        return request(method, **options)  # type: ignore[arg-type]

    # We call the peer.

    def place_call(
        self, *, uri: str = "sip:bob@192.0.2.9", body: bytes = OFFER, credentials: Credentials | None = None
    ) -> tuple[Invite, Request]:
        invite = self.stack.invite(
            Uri.parse(uri),
            flow=self.flow,
            from_=Address.parse('"Alice" <sip:alice@example.com>'),
            body=body,
            credentials=credentials,
            now=self.now,
        )
        return invite, self.sent_request()

    def sent_request(self) -> Request:
        ((data, _),) = self.stack.datagrams_to_send()
        return parse_request(data)

    def answer_from_peer(self, to_request: Request, status: int, **options: object) -> list[Request | Response]:
        return self.send(response(to_request, status, **options))  # type: ignore[arg-type]

    def placed_call(self) -> tuple[Invite, Request]:
        """A call that we made and that is confirmed."""
        invite, sent = self.place_call()
        self.answer_from_peer(sent, 200, contact="<sip:bob@192.0.2.9>", body=ANSWER)
        self.events()
        return invite, sent

    def is_empty(self) -> bool:
        """Nothing is left, and nothing waits."""
        return not any(self.stack.counts) and self.stack.next_deadline() is None
