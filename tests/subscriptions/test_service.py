"""How many subscriptions there may be."""

from __future__ import annotations

import itertools

import pytest

from engine.registrar.authentication import Authentication
from engine.registrar.users import User, Users
from engine.sip.digest import Credentials, authorize, parse_challenges
from engine.sip.events import RequestReceived, SubscriptionEnded
from engine.sip.messages import Request, Response
from engine.subscriptions.mailbox import Mailboxes
from engine.subscriptions.service import Limits, Subscriptions
from tests.sip.messages_by_hand import request
from tests.sip.peer import Bench


class Desk:
    """Subscriptions over a stack without network. Each SUBSCRIBE is a new one of alice's."""

    def __init__(self, limits: Limits) -> None:
        self.bench = Bench(request_methods=("SUBSCRIBE",))
        count = itertools.count(1)
        users = Users([User.of("alice", "secret")])
        self.subscriptions = Subscriptions(
            sip=self,
            authentication=Authentication(
                users, realm="callflow", new_token=lambda: f"{next(count):016x}", clock=lambda: self.bench.now
            ),
            sources={"message-summary": Mailboxes()},
            limits=limits,
        )
        self._count = itertools.count(1)

    def __getattr__(self, verb):
        """The stack's verbs, now."""
        return lambda *args, **options: getattr(self.bench.stack, verb)(*args, **options, now=self.bench.now)

    def ask(self, *headers: tuple[str, str]) -> list[Request | Response]:
        number = next(self._count)
        data = request(
            "SUBSCRIBE",
            "sip:alice@192.0.2.1",
            call_id=f"call-{number}",
            branch=f"z9hG4bK{number}",
            headers=(("Event", "message-summary"), *headers),
        )
        self.bench.send(data)
        self.subscriptions.handle(self.bench.event(RequestReceived))
        return self.bench.sent()

    def subscribe(self) -> list[Request | Response]:
        (challenge,) = self.ask()
        authorization = authorize(
            parse_challenges(challenge.headers("WWW-Authenticate")),
            Credentials("alice", "secret"),
            method="SUBSCRIBE",
            uri="sip:alice@192.0.2.1",
            cnonce="c",
        )
        return self.ask(("Authorization", str(authorization)))


@pytest.mark.parametrize("limits", [Limits(all=1), Limits(of_user=1), Limits(from_address=1)])
def test_beyond_a_limit_a_subscription_is_refused_until_another_is_over(limits: Limits):
    desk = Desk(limits)
    accepted, notify = desk.subscribe()
    assert isinstance(accepted, Response)
    assert isinstance(notify, Request)
    assert accepted.status == 200
    (refused,) = desk.subscribe()
    assert isinstance(refused, Response)
    assert (refused.status, refused.header("Retry-After")) == (503, "60")
    desk.bench.answer_from_peer(notify, 481)
    desk.subscriptions.forget(desk.bench.event(SubscriptionEnded))
    assert len(desk.subscriptions) == 0
    assert isinstance(answer := desk.subscribe()[0], Response)
    assert answer.status == 200
