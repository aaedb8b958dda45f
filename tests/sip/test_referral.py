"""REFER and its NOTIFYs in a call, as the side that is asked (RFC 3515 2.4), and as the one that asks."""

from __future__ import annotations

from engine.sip.events import InviteEnded, RequestInCall, ResponseReceived
from engine.sip.messages import Request, Response
from engine.sip.refer import read_fragment, read_refer
from engine.sip.referral import Referral, ReferralState
from engine.sip.stack import Invite
from tests.sip.messages_by_hand import request
from tests.sip.peer import Bench

TO_CAROL = ("Refer-To", "<sip:carol@192.0.2.1>")


def referred(*headers: tuple[str, str]) -> tuple[Bench, Invite, Referral | None, list[Request | Response]]:
    """The peer has sent a REFER, which was accepted; what we sent."""
    bench = Bench()
    invite, _ = bench.answered_call()
    assert bench.send(bench.in_dialog(invite, "REFER", cseq=2, headers=(TO_CAROL, *headers))) == []
    event = bench.event(RequestInCall)
    asked = read_refer(event.request)
    referral = bench.stack.accept_refer(event.invite, event.transaction, asked, now=bench.now)
    if referral is not None:
        bench.stack.tell_referral(referral, 100, now=bench.now)
    return bench, invite, referral, bench.sent()


def told(message: Request | Response) -> tuple[int | None, str | None]:
    """What a NOTIFY says."""
    assert isinstance(message, Request)
    assert message.method == "NOTIFY"
    return read_fragment(message.body), message.header("Subscription-State")


def test_a_refer_is_accepted_and_told_of_at_once():
    _, _, _, (accepted, notify) = referred()
    assert isinstance(accepted, Response)
    assert accepted.status == 202
    assert told(notify) == (100, "active;expires=180")
    assert isinstance(notify, Request)
    assert notify.header("Event") == "refer;id=2"
    assert notify.body_type == "message/sipfrag"
    assert notify.contacts[0].uri.host == "192.0.2.1"


def test_notifies_go_one_after_another_and_what_is_stale_is_left_out():
    bench, _, referral, (_, first) = referred()
    assert referral is not None
    assert isinstance(first, Request)
    for status in (180, 183):
        bench.stack.tell_referral(referral, status, now=0.0)
    assert bench.sent() == []
    (second,) = bench.answer_from_peer(first, 200)
    assert told(second) == (183, "active;expires=180")
    assert isinstance(second, Request)
    assert second.cseq == first.cseq + 1


def test_the_outcome_is_told_once_and_last():
    bench, _, referral, (_, first) = referred()
    assert referral is not None
    assert isinstance(first, Request)
    bench.stack.tell_referral(referral, 200, now=0.0)
    bench.stack.tell_referral(referral, 486, now=0.0)
    bench.stack.tell_referral(referral, 180, now=0.0)
    (last,) = bench.answer_from_peer(first, 200)
    assert told(last) == (200, "terminated;reason=noresource")
    assert isinstance(last, Request)
    assert bench.answer_from_peer(last, 200) == []
    assert referral.state is ReferralState.OVER


def test_the_outcome_is_told_at_once_when_nothing_is_on_its_way():
    bench, _, referral, (_, first) = referred()
    assert referral is not None
    assert isinstance(first, Request)
    bench.answer_from_peer(first, 200)
    bench.stack.tell_referral(referral, 180, now=0.0)
    (second,) = bench.sent()
    assert isinstance(second, Request)
    bench.answer_from_peer(second, 200)
    bench.stack.tell_referral(referral, 603, now=0.0)
    assert told(bench.sent_request()) == (603, "terminated;reason=noresource")


def test_a_peer_that_does_not_want_to_know_is_told_no_more_and_its_call_goes_on():
    bench, invite, referral, (_, first) = referred()
    assert referral is not None
    assert isinstance(first, Request)
    bench.answer_from_peer(first, 481)
    bench.stack.tell_referral(referral, 200, now=0.0)
    assert bench.sent() == []
    assert bench.events() == []
    assert bench.stack.hang_up(invite, now=0.0)


def test_a_peer_that_has_hung_up_is_told_all_the_same():
    bench, invite, referral, (_, first) = referred()
    assert referral is not None
    assert isinstance(first, Request)
    bench.send(bench.in_dialog(invite, "BYE", cseq=3))
    assert bench.event(InviteEnded).by == "peer"
    bench.stack.tell_referral(referral, 200, now=0.0)
    (last,) = bench.answer_from_peer(first, 200)
    assert told(last)[0] == 200
    assert isinstance(last, Request)
    bench.answer_from_peer(last, 200)
    bench.wait(60.0)
    assert bench.is_empty()


def test_a_peer_that_answers_no_notify_is_given_up():
    bench, _, referral, _ = referred()
    assert referral is not None
    bench.stack.tell_referral(referral, 200, now=0.0)
    bench.wait(40.0)
    assert referral.state is ReferralState.OVER


def test_who_wants_no_notifies_gets_none_and_is_told():
    _, _, referral, sent = referred(("Refer-Sub", "false"))
    assert referral is None
    (accepted,) = sent
    assert isinstance(accepted, Response)
    assert (accepted.status, accepted.header("Refer-Sub")) == (202, "false")


def test_a_refer_outside_of_a_call_is_forbidden_and_a_notify_belongs_to_nothing():
    bench = Bench()
    (refused,) = bench.send(request("REFER", headers=(TO_CAROL,)))
    (stray,) = bench.send(request("NOTIFY", branch="z9hG4bKtwo"))
    assert isinstance(refused, Response)
    assert isinstance(stray, Response)
    assert (refused.status, stray.status) == (403, 481)


def test_a_refer_may_require_what_we_support():
    _, _, referral, (accepted, *_) = referred(("Require", "norefersub"), ("Refer-Sub", "false"))
    assert referral is None
    assert isinstance(accepted, Response)
    assert accepted.status == 202


def test_a_refer_of_ours_is_a_request_in_the_call_and_its_answer_finds_who_asked():
    bench = Bench()
    invite, _ = bench.answered_call()
    owner = object()
    asked = bench.stack.request_in_call(invite, "REFER", headers=(TO_CAROL,), owner=owner, now=0.0)
    sent = bench.sent_request()
    assert asked is not None
    assert (sent.method, sent.header("Refer-To"), asked.cseq) == ("REFER", TO_CAROL[1], sent.cseq)
    assert sent.contacts[0].uri.user == "bob"
    bench.answer_from_peer(sent, 202)
    answered = bench.event(ResponseReceived)
    assert answered.transaction is asked
    assert (answered.status, answered.transaction.owner) == (202, owner)


def test_a_request_in_a_call_that_is_gone_on_the_other_side_ends_it_here():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.stack.request_in_call(invite, "REFER", headers=(TO_CAROL,), now=0.0)
    bench.answer_from_peer(bench.sent_request(), 481)
    assert [type(event) for event in bench.events()] == [ResponseReceived, InviteEnded]


def test_a_request_waits_for_the_ack_to_our_200():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=b"", now=0.0)
    bench.sent()
    assert bench.stack.request_in_call(invite, "REFER", headers=(TO_CAROL,), now=0.0) is not None
    assert bench.sent() == []
    (sent,) = bench.send(bench.in_dialog(invite, "ACK", cseq=1))
    assert isinstance(sent, Request)
    assert sent.method == "REFER"


def test_a_request_that_waits_ends_with_the_call():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=b"", now=0.0)
    bench.stack.request_in_call(invite, "REFER", headers=(TO_CAROL,), now=0.0)
    bench.stack.hang_up(invite, now=0.0)
    assert bench.event(ResponseReceived).status == 481


def test_nothing_is_asked_inside_a_call_that_is_not_confirmed():
    bench = Bench()
    invite = bench.receive_call()
    assert bench.stack.request_in_call(invite, "REFER", headers=(TO_CAROL,), now=0.0) is None
