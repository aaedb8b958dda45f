"""Reliable provisional responses and PRACK, in both roles (RFC 3262)."""

from __future__ import annotations

import pytest

from engine.sip.events import (
    AckReceived,
    InviteAnswered,
    InviteCancelled,
    InviteEnded,
    InviteProgressed,
    PrackReceived,
    RequestInCall,
)
from engine.sip.messages import Request, Response
from engine.sip.reliable import read_rack
from engine.sip.stack import Invite, InviteState
from tests.sip.messages_by_hand import ANSWER, OFFER, parse_request, request
from tests.sip.peer import Bench

BOB = "<sip:bob@192.0.2.9>"
SUPPORTED, REQUIRED = ("Supported", "timer, 100rel"), ("Require", "100rel")


def statuses(messages: list[Request | Response]) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def number_of(response: Request | Response) -> int:
    return int(response.header("RSeq") or 0)


def prack(bench: Bench, invite: Invite, number: int, *, cseq: int = 2, body: bytes = b"") -> list[Request | Response]:
    rack = ("RAck", f"{number} 1 INVITE")
    return bench.send(bench.in_dialog(invite, "PRACK", cseq=cseq, headers=(rack,), body=body))


def early_call(
    *headers: tuple[str, str], body: bytes = OFFER, answer: bytes = ANSWER
) -> tuple[Bench, Invite, Response]:
    """A caller hears us before we answer: the call, and our 183."""
    bench = Bench()
    invite = bench.receive_call(headers=headers or (SUPPORTED,), body=body)
    bench.sent()
    assert bench.stack.ring(invite, status=183, body=answer, now=0.0)
    (progress,) = bench.sent()
    assert isinstance(progress, Response)
    return bench, invite, progress


# As UAS


def test_a_description_goes_out_reliably_to_who_understands_it():
    _, _, progress = early_call()
    assert (progress.status, progress.header("Require"), progress.body) == (183, "100rel", ANSWER)
    assert 0 < number_of(progress) < 2**31


def test_who_does_not_understand_it_gets_it_as_ever():
    _, _, progress = early_call(("Supported", "timer"))
    assert (progress.header("Require"), progress.header("RSeq")) == (None, None)


def test_ringing_is_reliable_only_for_who_insists():
    for headers, is_reliable in (((SUPPORTED,), False), ((REQUIRED,), True)):
        bench = Bench()
        invite = bench.receive_call(headers=headers)
        bench.sent()
        bench.stack.ring(invite, now=0.0)
        (ringing,) = bench.sent()
        assert (ringing.header("RSeq") is not None) is is_reliable


def test_it_is_sent_again_until_the_prack():
    bench, invite, progress = early_call()
    assert [at for at, _ in bench.wait(4)] == [0.5, 1.5, 3.5]
    assert statuses(prack(bench, invite, number_of(progress))) == [200]
    assert bench.wait(60) == []
    assert invite.state is InviteState.RECEIVED


def test_a_caller_that_never_acknowledges_is_refused():
    bench, invite, progress = early_call()
    sent = bench.wait(33)
    assert {message.raw for at, message in sent if at < 32} == {progress.raw}
    assert [(at, message.status) for at, message in sent if isinstance(message, Response)][6] == (32.0, 504)
    assert bench.event(InviteCancelled).invite is invite


@pytest.mark.parametrize("rack", [None, "x", "999 1 INVITE", "{} 2 INVITE", "{} 1 BYE", "{} 1 INVITE x"])
def test_a_prack_for_nothing_is_not_accepted(rack: str | None):
    bench, invite, progress = early_call()
    headers = (("RAck", rack.format(number_of(progress))),) if rack else ()
    assert statuses(bench.send(bench.in_dialog(invite, "PRACK", cseq=2, headers=headers))) == [481]


def test_a_second_prack_for_the_same_is_for_nothing():
    bench, invite, progress = early_call()
    prack(bench, invite, number_of(progress))
    assert statuses(prack(bench, invite, number_of(progress), cseq=3)) == [481]


def test_the_next_one_waits_for_the_prack_and_has_the_next_number():
    bench, invite, progress = early_call()
    bench.stack.ring(invite, status=183, body=ANSWER, now=0.0)
    assert bench.sent() == []
    following, ok = prack(bench, invite, number_of(progress))
    assert statuses([following, ok]) == [183, 200]
    assert number_of(following) == number_of(progress) + 1


def test_a_200_waits_for_the_prack_and_says_nothing_twice():
    bench, invite, progress = early_call()
    assert bench.stack.answer(invite, body=ANSWER, now=0.0)
    assert bench.sent() == []
    acknowledged, ok = prack(bench, invite, number_of(progress))
    assert statuses([acknowledged, ok]) == [200, 200]
    assert isinstance(ok, Response)
    assert (ok.cseq_method, ok.body) == ("INVITE", b"")
    bench.send(bench.in_dialog(invite, "ACK", cseq=1))
    assert bench.event(AckReceived).body == b""
    assert invite.state is InviteState.CONFIRMED


def test_a_200_does_not_wait_for_the_prack_of_ringing():
    bench = Bench()
    invite = bench.receive_call(headers=(REQUIRED,))
    bench.stack.ring(invite, now=0.0)
    bench.sent()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    (ok,) = bench.sent()
    assert isinstance(ok, Response)
    assert (ok.status, ok.body) == (200, ANSWER)
    bench.send(bench.in_dialog(invite, "ACK", cseq=1))
    assert bench.wait(60) == []


def test_a_refusal_does_not_wait():
    bench, invite, _ = early_call()
    bench.stack.reject(invite, 486, now=0.0)
    assert statuses(bench.sent()) == [486]
    bench.send(request("ACK", to=f"<sip:bob@192.0.2.1>;tag={invite.dialog.local_tag}", cseq=1))  # type: ignore[union-attr]
    assert bench.wait(60) == []
    assert bench.is_empty()


def test_a_caller_that_cancels_meanwhile_is_let_go():
    bench, invite, _ = early_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    assert statuses(bench.send(request("CANCEL", cseq=1))) == [200, 487]
    assert bench.event(InviteCancelled)
    assert not bench.stack.answer(invite, body=ANSWER, now=0.0)


def test_our_offer_is_answered_in_the_prack():
    bench, invite, progress = early_call(body=b"", answer=OFFER)
    assert statuses(prack(bench, invite, number_of(progress), body=ANSWER)) == [200]
    assert bench.event(PrackReceived).body == ANSWER
    bench.stack.answer(invite, body=OFFER, now=0.0)
    (ok,) = bench.sent()
    assert isinstance(ok, Response)
    assert ok.body == b""


def test_an_offer_in_the_prack_is_for_the_layer_above():
    bench, invite, progress = early_call()
    assert prack(bench, invite, number_of(progress), body=OFFER) == []
    event = bench.event(RequestInCall)
    assert event.request.method == "PRACK"
    bench.stack.respond(event.transaction, 200, body=ANSWER, now=0.0)
    (ok,) = bench.sent()
    assert isinstance(ok, Response)
    assert (ok.cseq_method, ok.body) == ("PRACK", ANSWER)


def test_after_the_first_exchange_an_update_may_bring_an_offer():
    bench, invite, progress = early_call()
    update = bench.in_dialog(invite, "UPDATE", cseq=2, body=OFFER)
    assert statuses(bench.send(update)) == [500]
    prack(bench, invite, number_of(progress), cseq=3)
    bench.send(bench.in_dialog(invite, "UPDATE", cseq=4, body=OFFER))
    assert bench.event(RequestInCall).request.method == "UPDATE"


# As UAC


def reliable(number: int, *, body: bytes = b"") -> dict[str, object]:
    return {"headers": (("Require", "100rel"), ("RSeq", str(number))), "body": body, "contact": BOB}


def test_we_say_that_we_understand():
    _, sent = Bench().place_call()
    assert "100rel" in sent.values("Supported")


def test_a_reliable_provisional_is_acknowledged_in_its_dialog():
    bench = Bench()
    _, sent = bench.place_call()
    (sent_prack,) = bench.answer_from_peer(sent, 183, **reliable(776, body=ANSWER))
    assert isinstance(sent_prack, Request)
    assert (sent_prack.method, sent_prack.header("RAck"), sent_prack.cseq) == ("PRACK", "776 1 INVITE", 2)
    assert (sent_prack.to.tag, sent_prack.uri_text) == ("bob", "sip:bob@192.0.2.9")
    assert bench.event(InviteProgressed).response.body == ANSWER
    bench.answer_from_peer(sent_prack, 200)
    bench.answer_from_peer(sent, 200, contact=BOB)
    assert bench.event(InviteAnswered).body == ANSWER


def test_what_comes_again_or_out_of_order_is_not_heard():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 183, **reliable(5))
    bench.events()
    assert bench.answer_from_peer(sent, 183, **reliable(5)) == []
    assert bench.answer_from_peer(sent, 183, **reliable(7)) == []
    assert bench.events() == []
    (second,) = bench.answer_from_peer(sent, 183, **reliable(6))
    assert second.header("RAck") == "6 1 INVITE"


def test_each_fork_counts_for_itself():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 183, **reliable(5))
    (other,) = bench.answer_from_peer(sent, 183, to_tag="carol", **reliable(900))
    assert (other.to.tag, other.header("RAck")) == ("carol", "900 1 INVITE")
    assert isinstance(other, Request)
    assert other.cseq == 2


def test_the_numbers_go_on_in_the_call():
    bench = Bench()
    invite, sent = bench.place_call()
    bench.answer_from_peer(sent, 183, **reliable(5, body=ANSWER))
    (ack,) = bench.answer_from_peer(sent, 200, contact=BOB)
    assert isinstance(ack, Request)
    assert ack.cseq == 1
    bench.stack.hang_up(invite, now=0.0)
    messages = [parse_request(data) for data, _ in bench.stack.datagrams_to_send()]
    assert [(message.method, message.cseq) for message in messages] == [("BYE", 3)]


def test_after_the_answer_the_callee_may_offer_by_update():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 183, **reliable(5, body=ANSWER))
    bench.events()
    update = request("UPDATE", from_=f"{BOB};tag=bob", to=str(sent.from_), call_id=sent.call_id, cseq=9, body=OFFER)
    assert bench.send(update) == []
    assert bench.event(RequestInCall).request.body == OFFER


def test_a_prack_that_nobody_answers_ends_nothing():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 183, **reliable(5))
    bench.events()
    bench.wait(40)
    assert not [event for event in bench.events() if isinstance(event, InviteEnded)]


def test_a_rack_is_three_words():
    assert read_rack(parse_request(request("PRACK", headers=(("RAck", "776656 1 INVITE"),)))) == (776656, 1, "INVITE")
