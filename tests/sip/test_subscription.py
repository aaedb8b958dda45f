"""A subscription at its notifier, without network: RFC 6665 4.2."""

from __future__ import annotations

import pytest

from engine.sip.events import RequestReceived, SubscribeReceived, SubscriptionEnded
from engine.sip.messages import ParseError, Request, Response, parse_datagram
from engine.sip.subscription import EventName, Subscription, SubscriptionState, read_event, read_expires
from tests.sip.messages_by_hand import request
from tests.sip.peer import Bench


def subscribe(*headers: tuple[str, str], **options: object) -> bytes:
    return request("SUBSCRIBE", headers=(("Event", "message-summary;id=7"), *headers), **options)  # type: ignore[arg-type]


def subscribed(expires: int = 60) -> tuple[Bench, Subscription, list[Request | Response]]:
    """The peer has subscribed; what we sent."""
    bench = Bench(request_methods=("SUBSCRIBE",))
    assert bench.send(subscribe()) == []
    event = bench.event(RequestReceived)
    subscription = bench.stack.accept_subscription(
        event.transaction,
        event=read_event(event.request),
        expires=expires,
        content_type="text/plain",
        document=lambda version: b"version %d" % version,
        owner=None,
        now=bench.now,
    )
    return bench, subscription, bench.sent()


def again(bench: Bench, accepted: Response, *, event: str = "message-summary;id=7", cseq: int = 2) -> bytes:
    """A SUBSCRIBE inside the dialog."""
    return request(
        "SUBSCRIBE", headers=(("Event", event),), to=str(accepted.to), cseq=cseq, branch=f"z9hG4bK{cseq}{event[:4]}"
    )


def notified(message: Request | Response) -> tuple[str, str | None, bytes]:
    assert isinstance(message, Request)
    return message.method, message.header("Subscription-State"), message.body


def test_a_subscription_is_accepted_and_told_at_once():
    _, subscription, (accepted, notify) = subscribed()
    assert isinstance(accepted, Response)
    assert (accepted.status, accepted.header("Expires")) == (200, "60")
    assert notified(notify) == ("NOTIFY", "active;expires=60", b"version 0")
    assert isinstance(notify, Request)
    assert notify.header("Event") == "message-summary;id=7"
    assert notify.from_.tag == accepted.to.tag
    assert subscription.state is SubscriptionState.TELLING


def test_news_wait_for_the_answer_and_only_the_last_are_told():
    bench, subscription, (_, first) = subscribed()
    assert isinstance(first, Request)
    bench.stack.tell_subscription(subscription, now=0.0)
    bench.stack.tell_subscription(subscription, now=0.0)
    assert bench.sent() == []
    (second,) = bench.answer_from_peer(first, 200)
    assert notified(second)[2] == b"version 1"
    assert isinstance(second, Request)
    assert bench.answer_from_peer(second, 200) == []
    assert subscription.state is SubscriptionState.IDLE


def test_a_refusal_that_is_for_the_moment_leaves_it():
    bench, subscription, (_, first) = subscribed()
    assert isinstance(first, Request)
    bench.answer_from_peer(first, 500)
    assert subscription.state is SubscriptionState.IDLE


@pytest.mark.parametrize("status", [404, 481, 489])
def test_a_refusal_of_who_does_not_know_it_ends_it(status: int):
    bench, subscription, (_, first) = subscribed()
    assert isinstance(first, Request)
    assert bench.answer_from_peer(first, status) == []
    assert bench.event(SubscriptionEnded).subscription is subscription
    assert subscription.state is SubscriptionState.OVER
    bench.wait(100)
    assert bench.stack.next_deadline() is None


def test_nobody_who_answers_ends_it():
    bench, subscription, _ = subscribed()
    bench.wait(33)
    assert subscription.state is SubscriptionState.OVER


def test_it_expires():
    bench, subscription, (_, first) = subscribed()
    assert isinstance(first, Request)
    bench.answer_from_peer(first, 200)
    sent = bench.wait(61)
    assert (sent[0][0], notified(sent[0][1])) == (60.0, ("NOTIFY", "terminated;reason=timeout", b"version 1"))
    assert subscription.state is SubscriptionState.CLOSING


def test_a_subscription_for_no_time_is_told_once():
    bench, subscription, (_, first) = subscribed(expires=0)
    assert notified(first)[1] == "terminated;reason=timeout"
    assert isinstance(first, Request)
    bench.answer_from_peer(first, 200)
    assert subscription.state is SubscriptionState.OVER


def test_the_end_waits_for_the_notify_that_is_on_its_way():
    bench, subscription, (_, first) = subscribed()
    assert isinstance(first, Request)
    bench.stack.end_subscription(subscription, "deactivated", now=0.0)
    bench.stack.end_subscription(subscription, "timeout", now=0.0)
    bench.stack.tell_subscription(subscription, now=0.0)
    assert bench.sent() == []
    (last,) = bench.answer_from_peer(first, 200)
    assert notified(last)[1] == "terminated;reason=deactivated"
    assert isinstance(last, Request)
    assert bench.answer_from_peer(last, 200) == []
    assert subscription.state is SubscriptionState.OVER


def test_a_refresh_is_for_the_layer_above_and_is_followed_by_a_notify():
    bench, subscription, (accepted, first) = subscribed()
    assert isinstance(accepted, Response)
    assert isinstance(first, Request)
    bench.answer_from_peer(first, 200)
    bench.now = 50.0
    assert bench.send(again(bench, accepted)) == []
    event = bench.event(SubscribeReceived)
    assert event.subscription is subscription
    bench.stack.refresh_subscription(subscription, event.transaction, expires=120, now=bench.now)
    answer, notify = bench.sent()
    assert isinstance(answer, Response)
    assert (answer.status, answer.header("Expires")) == (200, "120")
    assert notified(notify) == ("NOTIFY", "active;expires=120", b"version 1")


@pytest.mark.parametrize(
    ("event", "cseq", "status"), [("dialog", 2, 481), ("", 2, 481), ("message-summary;id=7", 0, 500)]
)
def test_what_is_of_another_event_or_out_of_order_is_refused(event: str, cseq: int, status: int):
    bench, _, (accepted, _) = subscribed()
    assert isinstance(accepted, Response)
    (answer,) = bench.send(again(bench, accepted, event=event, cseq=cseq))
    assert isinstance(answer, Response)
    assert answer.status == status


def test_a_subscription_that_is_ending_is_known_no_more():
    bench, subscription, (accepted, _) = subscribed()
    assert isinstance(accepted, Response)
    bench.stack.end_subscription(subscription, "deactivated", now=0.0)
    (answer,) = bench.send(again(bench, accepted))
    assert isinstance(answer, Response)
    assert answer.status == 481


def parsed(*headers: tuple[str, str]) -> Request:
    message = parse_datagram(request("SUBSCRIBE", headers=headers))
    assert isinstance(message, Request)
    return message


def test_an_event_is_a_package_and_an_id():
    assert read_event(parsed(("Event", "dialog; id=a1 ;x=2"))) == EventName("dialog", "a1")
    assert str(EventName("dialog")) == "dialog"
    assert str(EventName("dialog", "2")) == "dialog;id=2"


@pytest.mark.parametrize("value", ["", "two words", "a;id=b c", "x" * 200])
def test_what_is_no_event_is_refused(value: str):
    with pytest.raises(ParseError):
        read_event(parsed(("Event", value)))


@pytest.mark.parametrize(("value", "seconds"), [("60", 60), ("", 3600), ("-1", 3600), ("99999999999", 3600)])
def test_expires_is_read_or_has_its_default(value: str, seconds: int):
    assert read_expires(parsed(("Expires", value)), 3600) == seconds
