"""Requests of ours that are challenged (RFC 3261 §22)."""

from __future__ import annotations

import pytest

from engine.sip.digest import Authorization, Challenge, hash_a1, verify
from engine.sip.events import InviteAnswered, InviteFailed, ReinviteAnswered, ResponseReceived
from engine.sip.messages import Address, Request, Uri
from engine.sip.stack import Credentials
from tests.sip.messages_by_hand import ANSWER, OFFER, request
from tests.sip.peer import Bench

ALICE = Credentials("alice", "secret")
BOB = "<sip:bob@192.0.2.9>"


def challenge(nonce: str = "n1", *, realm: str = "pbx", stale: bool = False, algorithm: str = "MD5", by: int = 401):
    value = str(Challenge(realm=realm, nonce=nonce, qop=("auth",), stale=stale, algorithm=algorithm))
    return (("WWW-Authenticate" if by == 401 else "Proxy-Authenticate", value),)


def is_right(sent: Request, name: str = "Authorization") -> bool:
    authorization = Authorization.parse(sent.header(name) or "")
    assert authorization.uri == sent.uri_text
    ha1 = hash_a1(authorization.algorithm, "alice", authorization.realm, "secret")
    return verify(authorization, ha1=ha1, method=sent.method)


@pytest.mark.parametrize(("status", "name"), [(401, "Authorization"), (407, "Proxy-Authorization")])
def test_a_challenge_is_answered_with_a_new_branch_and_the_next_cseq(status, name):
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    ack, again = bench.answer_from_peer(sent, status, headers=challenge(by=status))
    assert ack.method == "ACK"
    assert is_right(again, name)
    assert (again.cseq, again.body, again.from_) == (2, OFFER, sent.from_)
    assert again.call_id == sent.call_id
    assert again.via.branch != sent.via.branch
    (our_ack,) = bench.answer_from_peer(again, 200, contact=BOB, body=ANSWER)
    assert bench.event(InviteAnswered)
    assert our_ack.header(name) == again.header(name)  # 22.1: the ACK carries the credentials of its INVITE


def test_wrong_credentials_are_told_and_not_tried_again():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    _, again = bench.answer_from_peer(sent, 401, headers=challenge("n1"))
    bench.answer_from_peer(again, 401, headers=challenge("n2"))
    assert bench.event(InviteFailed).status == 401


def test_a_stale_nonce_is_replaced():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    _, again = bench.answer_from_peer(sent, 401, headers=challenge("n1"))
    _, third = bench.answer_from_peer(again, 401, headers=challenge("n2", stale=True))
    assert is_right(third)
    assert Authorization.parse(third.header("Authorization") or "").nonce == "n2"


def test_a_nonce_that_was_answered_is_not_answered_again_whatever_is_stale():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    _, again = bench.answer_from_peer(sent, 401, headers=challenge("n1"))
    bench.answer_from_peer(again, 401, headers=challenge("n1", stale=True))
    assert bench.event(InviteFailed).status == 401


def test_nonces_that_are_always_stale_are_given_up():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    for number in range(4):
        _, sent = bench.answer_from_peer(sent, 401, headers=challenge(f"n{number}", stale=True))
    bench.answer_from_peer(sent, 401, headers=challenge("n9", stale=True))
    assert bench.event(InviteFailed).status == 401


def test_a_proxy_and_the_callee_may_both_challenge():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    _, again = bench.answer_from_peer(sent, 407, headers=challenge("p", realm="edge", by=407))
    _, third = bench.answer_from_peer(again, 401, headers=challenge("c", realm="callee"))
    assert is_right(third, "Authorization")
    assert third.header("Proxy-Authorization") == again.header("Proxy-Authorization")


def test_the_strongest_of_several_challenges_is_answered():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    _, again = bench.answer_from_peer(sent, 401, headers=challenge() + challenge("n2", algorithm="SHA-256"))
    assert Authorization.parse(again.header("Authorization") or "").algorithm == "SHA-256"


@pytest.mark.parametrize("headers", [(), (("WWW-Authenticate", 'Basic realm="pbx"'),)])
def test_a_challenge_that_we_cannot_answer_is_told(headers):
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    bench.answer_from_peer(sent, 401, headers=headers)
    assert bench.event(InviteFailed).status == 401


def test_without_credentials_a_challenge_is_told():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 401, headers=challenge())
    assert bench.event(InviteFailed).status == 401


def test_a_call_that_was_hung_up_answers_no_challenge():
    bench = Bench()
    invite, sent = bench.place_call(credentials=ALICE)
    bench.stack.hang_up(invite, now=0.0)
    bench.answer_from_peer(sent, 401, headers=challenge())
    assert bench.event(InviteFailed).status == 487


def test_after_a_challenge_our_cancel_waits_for_a_provisional_once_more():
    bench = Bench()
    invite, sent = bench.place_call(credentials=ALICE)
    bench.answer_from_peer(sent, 100)
    _, again = bench.answer_from_peer(sent, 407, headers=challenge(by=407))
    bench.stack.hang_up(invite, now=0.0)
    assert bench.sent() == []
    (cancel,) = bench.answer_from_peer(again, 100)
    assert (cancel.method, cancel.cseq, cancel.via.branch) == ("CANCEL", 2, again.via.branch)


def test_the_old_attempt_is_not_heard_any_more():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    bench.answer_from_peer(sent, 401, headers=challenge())
    (ack,) = bench.answer_from_peer(sent, 401, headers=challenge())
    assert ack.method == "ACK"
    assert bench.events() == []


def test_requests_inside_the_dialog_answer_challenges_too():
    bench = Bench()
    invite, sent = bench.place_call(credentials=ALICE)
    bench.answer_from_peer(sent, 200, contact=BOB)
    bench.events()
    bench.stack.reinvite(invite, body=OFFER, now=0.0)
    _, again = bench.answer_from_peer(bench.sent_request(), 401, headers=challenge())
    assert again.cseq == 3
    assert is_right(again)
    bench.answer_from_peer(again, 200, contact=BOB)
    assert bench.event(ReinviteAnswered)
    bench.stack.hang_up(invite, now=0.0)
    (bye,) = bench.answer_from_peer(bench.sent_request(), 401, headers=challenge("n2"))
    assert (bye.method, bye.cseq) == ("BYE", 5)
    assert is_right(bye)
    bench.answer_from_peer(bye, 200)
    bench.wait(64.0)
    assert bench.is_empty()


def register(bench: Bench, **options) -> Request:
    bench.stack.request(
        "REGISTER",
        Uri.parse("sip:pbx.example"),
        flow=bench.flow,
        from_=Address.parse("<sip:alice@pbx.example>"),
        to=Address.parse("<sip:alice@pbx.example>"),
        headers=[("Contact", "<sip:alice@192.0.2.1>"), ("Expires", "300")],
        now=0.0,
        **options,
    )
    return bench.sent_request()


def test_a_request_outside_of_dialogs_is_answered():
    bench = Bench()
    sent = register(bench, call_id="registration", cseq=7)
    assert (sent.method, sent.cseq, sent.call_id, sent.header("Expires")) == ("REGISTER", 7, "registration", "300")
    bench.answer_from_peer(sent, 100)
    assert bench.events() == []
    bench.answer_from_peer(sent, 200)
    received = bench.event(ResponseReceived)
    assert (received.status, received.transaction.method, received.transaction.cseq) == (200, "REGISTER", 7)


def test_a_challenged_request_goes_on_with_the_next_cseq():
    bench = Bench()
    (again,) = bench.answer_from_peer(register(bench, credentials=ALICE, cseq=7), 401, headers=challenge())
    assert again.cseq == 8
    assert is_right(again)
    bench.answer_from_peer(again, 200)
    assert bench.event(ResponseReceived).transaction.cseq == 8


def test_a_request_nobody_answers_is_408_and_a_transport_that_fails_503():
    bench = Bench()
    register(bench)
    bench.wait(32.0)
    assert bench.event(ResponseReceived).status == 408
    register(bench)
    bench.stack.fail_flow(bench.flow, now=bench.now)
    received = bench.event(ResponseReceived)
    assert (received.status, received.response) == (503, None)
    assert bench.is_empty()


def test_a_fork_that_is_ended_answers_the_challenge_to_its_bye():
    bench = Bench()
    _, sent = bench.place_call(credentials=ALICE)
    bench.answer_from_peer(sent, 200, contact=BOB)
    _, bye = bench.answer_from_peer(sent, 200, to_tag="carol", contact=BOB)
    (again,) = bench.answer_from_peer(bye, 401, headers=challenge())
    assert is_right(again)
    bench.answer_from_peer(again, 200)
    _, lost = bench.answer_from_peer(sent, 200, to_tag="dave", contact=BOB)
    assert lost.method == "BYE"
    bench.send(request("BYE", from_=f"{BOB};tag=bob", to=str(sent.from_), call_id=sent.call_id))
    bench.wait(64.0)
    assert bench.is_empty()
