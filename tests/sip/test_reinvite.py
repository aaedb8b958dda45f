"""re-INVITE both ways (RFC 3261 §14, RFC 5407)."""

from __future__ import annotations

import pytest

from engine.sip.events import (
    AckReceived,
    InviteEnded,
    ReinviteAnswered,
    ReinviteFailed,
    ReinviteReceived,
)
from engine.sip.messages import Request, Response
from engine.sip.reinvite import TRANSITIONS, State
from engine.sip.stack import InviteState
from tests.sip.messages_by_hand import ANSWER, OFFER, request
from tests.sip.peer import Bench

HOLD = b"v=0\r\na=sendonly\r\n"
BOB = "<sip:bob@192.0.2.9>"


def statuses(messages) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def methods(messages) -> list[str]:
    return [message.method for message in messages if isinstance(message, Request)]


def reinvite_by_peer(bench: Bench, *, cseq: int = 2, body: bytes = HOLD, **options):
    invite, _ = bench.answered_call()
    answers = bench.send(bench.in_dialog(invite, "INVITE", cseq=cseq, body=body, **options))
    assert statuses(answers) == [100]
    assert bench.event(ReinviteReceived).request.body == body
    return invite


def ack(bench: Bench, invite, *, cseq: int = 2, body: bytes = b"") -> None:
    bench.send(bench.in_dialog(invite, "ACK", cseq=cseq, body=body))


def test_over_is_reachable_from_every_state_and_left_by_none():
    assert not [state for state, _ in TRANSITIONS if state is State.OVER]
    reach = {State.OVER}
    while new := {state for (state, _), step in TRANSITIONS.items() if step.state in reach} - reach:
        reach |= new
    assert reach == set(State)


# Theirs.


def test_a_reinvite_is_answered_and_acknowledged():
    bench = Bench()
    invite = reinvite_by_peer(bench)
    assert bench.stack.answer(invite, body=ANSWER, now=0.0)
    (ok,) = bench.sent()
    assert (ok.status, ok.cseq, ok.body) == (200, 2, ANSWER)
    assert ok.contacts[0].uri.host == "192.0.2.1"
    ack(bench, invite)
    assert bench.event(AckReceived).invite is invite
    assert bench.wait(20.0) == []


def test_a_reinvite_without_offer_is_answered_in_the_ack():
    bench = Bench()
    invite = reinvite_by_peer(bench, body=b"")
    bench.stack.answer(invite, body=OFFER, now=0.0)
    bench.sent()
    ack(bench, invite, body=ANSWER)
    assert bench.event(AckReceived).body == ANSWER


def test_a_refused_reinvite_leaves_the_call_as_it_was():
    bench = Bench()
    invite = reinvite_by_peer(bench)
    assert bench.stack.reject(invite, 488, now=0.0)
    assert statuses(bench.sent()) == [488]
    assert invite.state is InviteState.CONFIRMED
    assert not bench.stack.reject(invite, 488, now=0.0)


def test_a_reinvite_moves_the_target_once_it_is_accepted():
    bench = Bench()
    invite = reinvite_by_peer(bench, contact="<sip:alice@192.0.2.9:5099>")
    assert invite.dialog.target.port is None
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    assert invite.dialog.target.port == 5099
    assert invite.dialog.flow.remote == ("192.0.2.9", 5099)


def test_a_reinvite_that_nobody_acknowledges_ends_the_call():
    bench = Bench()
    invite = reinvite_by_peer(bench)
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    assert methods([message for _, message in bench.wait(32.0)]) == ["BYE"]
    assert bench.event(InviteEnded).by == "timeout"
    bench.wait(64.0)
    assert bench.is_empty()


def test_a_cancelled_reinvite_gets_487_and_the_call_goes_on():
    bench = Bench()
    invite = reinvite_by_peer(bench)
    answers = bench.send(bench.in_dialog(invite, "CANCEL", cseq=2, branch="z9hG4bKINVITE2"))
    assert [(answer.status, answer.cseq_method) for answer in answers] == [(200, "CANCEL"), (487, "INVITE")]
    assert invite.state is InviteState.CONFIRMED
    assert not bench.stack.answer(invite, body=ANSWER, now=0.0)
    assert bench.events() == []


def test_a_reinvite_meets_one_that_is_not_answered_yet():
    bench = Bench()
    invite = reinvite_by_peer(bench)
    (refusal,) = bench.send(bench.in_dialog(invite, "INVITE", cseq=3, body=HOLD))
    assert refusal.status == 500
    assert refusal.header("Retry-After") is not None


def test_a_reinvite_meets_the_first_invite_that_is_not_answered_yet():
    bench = Bench()
    invite = bench.receive_call()
    (refusal,) = bench.send(bench.in_dialog(invite, "INVITE", cseq=2, body=HOLD))
    assert refusal.status == 500
    assert refusal.header("Retry-After") is not None


def test_a_reinvite_in_place_of_a_lost_ack_implies_it():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    bench.send(bench.in_dialog(invite, "INVITE", cseq=2, body=HOLD))
    assert [type(event) for event in bench.events()] == [AckReceived, ReinviteReceived]
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    bench.send(bench.in_dialog(invite, "INVITE", cseq=3, body=HOLD))
    assert [type(event) for event in bench.events()] == [AckReceived, ReinviteReceived]


def test_a_reinvite_before_the_ack_that_brings_the_answer_gets_491():
    bench = Bench()
    invite = bench.receive_call(body=b"")
    bench.stack.answer(invite, body=OFFER, now=0.0)
    bench.sent()
    assert statuses(bench.send(bench.in_dialog(invite, "INVITE", cseq=2, body=HOLD))) == [491]
    ack(bench, invite, cseq=1, body=ANSWER)
    bench.events()
    bench.send(bench.in_dialog(invite, "INVITE", cseq=3))
    bench.event(ReinviteReceived)
    bench.stack.answer(invite, body=OFFER, now=0.0)
    bench.sent()
    assert statuses(bench.send(bench.in_dialog(invite, "INVITE", cseq=4, body=HOLD))) == [491]


def test_a_bye_during_a_reinvite_ends_both():
    bench = Bench()
    invite = reinvite_by_peer(bench)
    answers = bench.send(bench.in_dialog(invite, "BYE", cseq=3))
    assert [(answer.status, answer.cseq_method) for answer in answers] == [(200, "BYE"), (487, "INVITE")]
    assert bench.event(InviteEnded).by == "peer"


@pytest.mark.parametrize("is_answered", [False, True])
def test_our_bye_during_their_reinvite_leaves_nothing(is_answered):
    bench = Bench()
    invite = reinvite_by_peer(bench)
    if is_answered:
        bench.stack.answer(invite, body=ANSWER, now=0.0)
        bench.sent()
    bench.stack.hang_up(invite, now=0.0)
    sent = bench.sent()
    assert methods(sent) == ["BYE"]
    assert statuses(sent) == ([] if is_answered else [487])
    assert statuses(bench.send(bench.in_dialog(invite, "INVITE", cseq=3, body=HOLD))) == [481]
    bench.wait(100.0)
    assert bench.is_empty()


# Ours.


def reinvite_by_us(bench: Bench):
    invite, first = bench.placed_call()
    assert bench.stack.reinvite(invite, body=HOLD, now=bench.now)
    return invite, bench.sent_request(), first


def in_their_dialog(first: Request, method: str, **options) -> bytes:
    return request(method, from_=f"{BOB};tag=bob", to=str(first.from_), call_id=first.call_id, contact=BOB, **options)


def test_our_reinvite_goes_to_the_remote_target_and_is_acknowledged():
    bench = Bench()
    invite, sent, _ = reinvite_by_us(bench)
    assert (sent.method, sent.cseq, sent.to.tag, sent.body) == ("INVITE", 2, "bob", HOLD)
    assert not bench.stack.reinvite(invite, body=HOLD, now=0.0)
    bench.answer_from_peer(sent, 100)
    (our_ack,) = bench.answer_from_peer(sent, 200, contact="<sip:bob@192.0.2.9:5077>", body=ANSWER)
    assert (our_ack.method, our_ack.cseq, our_ack.uri.port) == ("ACK", 2, 5077)
    assert bench.event(ReinviteAnswered).response.body == ANSWER
    assert methods(bench.answer_from_peer(sent, 200, contact=BOB)) == ["ACK"]
    assert bench.stack.reinvite(invite, body=HOLD, now=0.0)


def test_our_reinvite_needs_a_confirmed_call():
    bench = Bench()
    invite = bench.receive_call()
    assert not bench.stack.reinvite(invite, body=HOLD, now=0.0)


def test_our_refused_reinvite_is_told_and_the_call_goes_on():
    bench = Bench()
    invite, sent, _ = reinvite_by_us(bench)
    assert methods(bench.answer_from_peer(sent, 488)) == ["ACK"]
    assert bench.event(ReinviteFailed).status == 488
    assert invite.state is InviteState.CONFIRMED


def test_a_reinvite_to_a_dialog_that_is_gone_there_ends_the_call():
    bench = Bench()
    invite, sent, _ = reinvite_by_us(bench)
    bench.answer_from_peer(sent, 481)
    failed, ended = bench.events()
    assert isinstance(failed, ReinviteFailed)
    assert isinstance(ended, InviteEnded)
    assert ended.by == "timeout"
    assert invite.state is InviteState.ENDED


@pytest.mark.parametrize("silence", ["408", "nothing"])
def test_a_reinvite_without_an_answer_ends_the_call_with_a_bye(silence):
    bench = Bench()
    invite, sent, _ = reinvite_by_us(bench)
    out = bench.answer_from_peer(sent, 408) if silence == "408" else [message for _, message in bench.wait(32.0)]
    assert methods(out)[-1] == "BYE"
    assert invite.state is InviteState.ENDING
    bench.wait(64.0)
    assert bench.is_empty()


def test_glare_is_491_on_both_sides_and_the_owner_of_the_call_id_waits_longer():
    bench = Bench()
    invite, sent, first = reinvite_by_us(bench)
    assert statuses(bench.send(in_their_dialog(first, "INVITE", branch="z9hG4bKglare", body=HOLD))) == [491]
    bench.send(in_their_dialog(first, "ACK", branch="z9hG4bKglare"))
    assert methods(bench.answer_from_peer(sent, 491)) == ["ACK"]
    assert bench.events() == []
    assert not bench.stack.reinvite(invite, body=HOLD, now=0.0)
    ((at, again),) = [(at, message) for at, message in bench.wait(4.0) if message.cseq == 3][:1]
    assert 2.1 <= at <= 4.0
    assert again.body == HOLD
    bench.answer_from_peer(again, 200, contact=BOB, body=ANSWER)
    assert bench.event(ReinviteAnswered).invite is invite


def test_the_other_side_of_a_glare_waits_less_than_two_seconds():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.stack.reinvite(invite, body=HOLD, now=0.0)
    bench.answer_from_peer(bench.sent_request(), 491)
    at, again = bench.wait(2.0)[0]
    assert at <= 2.0
    assert again.cseq == 2


def test_theirs_that_comes_while_ours_waits_goes_first():
    bench = Bench()
    invite, sent, first = reinvite_by_us(bench)
    bench.answer_from_peer(sent, 491)
    bench.send(in_their_dialog(first, "INVITE", cseq=5, branch="z9hG4bKfirst", body=HOLD))
    bench.event(ReinviteReceived)
    assert [message for _, message in bench.wait(5.0) if isinstance(message, Request)] == []
    bench.stack.answer(invite, body=ANSWER, now=bench.now)
    bench.sent()
    bench.send(in_their_dialog(first, "ACK", cseq=5, branch="z9hG4bKack"))
    bench.event(AckReceived)
    assert methods([message for _, message in bench.wait(4.0)])[0] == "INVITE"


def test_a_bye_while_ours_waits_ends_the_waiting():
    bench = Bench()
    _, sent, first = reinvite_by_us(bench)
    bench.answer_from_peer(sent, 491)
    bench.send(in_their_dialog(first, "BYE", cseq=5))
    assert bench.wait(60.0) == []
    assert bench.is_empty()


def test_hanging_up_while_ours_is_on_its_way_leaves_nothing():
    bench = Bench()
    invite, sent, _ = reinvite_by_us(bench)
    bench.answer_from_peer(sent, 100)
    bench.stack.hang_up(invite, now=0.0)
    bye = bench.sent_request()
    bench.answer_from_peer(bye, 200)
    assert methods(bench.answer_from_peer(sent, 200, contact=BOB)) == ["ACK"]
    bench.wait(64.0)
    assert bench.is_empty()


def test_a_reinvite_that_rings_for_ever_is_forgotten_after_the_call():
    bench = Bench()
    invite, sent, _ = reinvite_by_us(bench)
    bench.answer_from_peer(sent, 100)
    bench.stack.hang_up(invite, now=0.0)
    bench.answer_from_peer(bench.sent_request(), 200)
    bench.wait(64.0)
    assert bench.is_empty()
