"""Calls that come in (RFC 3261 §13.3, §9.2, §15)."""

from __future__ import annotations

import pytest

from engine.sip.events import AckReceived, InviteCancelled, InviteEnded, InviteReceived
from engine.sip.messages import Response
from engine.sip.stack import InviteState
from tests.sip.messages_by_hand import ANSWER, OFFER, parse_request, request
from tests.sip.peer import Bench


def statuses(messages) -> list[int]:
    return [message.status for message in messages if isinstance(message, Response)]


def test_an_invite_gets_100_at_once_and_comes_up():
    bench = Bench()
    assert statuses(bench.send(request(body=OFFER))) == [100]
    received = bench.event(InviteReceived)
    assert received.invite.is_uas
    assert received.invite.call_id == "call"
    assert received.invite.remote.uri.user == "alice"
    assert received.request.body == OFFER


def test_100_has_no_to_tag_and_180_has_the_one_of_the_dialog():
    bench = Bench()
    (trying,) = bench.send(request(body=OFFER))
    invite = bench.event(InviteReceived).invite
    bench.stack.ring(invite, headers=[("X-Colour", "blue")], now=0.0)
    (ringing,) = bench.sent()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    (ok,) = bench.sent()
    assert trying.to.tag is None
    assert ringing.to.tag == ok.to.tag == invite.dialog.local_tag
    assert ringing.status == 180
    assert ringing.header("X-Colour") == "blue"
    assert str(ringing.contacts[0].uri) == "sip:bob@192.0.2.1:5060"


def test_200_carries_what_a_dialog_needs():
    bench = Bench()
    invite = bench.receive_call(headers=(("Record-Route", "<sip:192.0.2.50;lr>"),))
    bench.stack.answer(invite, body=ANSWER, headers=[("X-A", "1")], now=0.0)
    (ok,) = bench.sent()
    assert ok.body == ANSWER
    assert ok.body_type == "application/sdp"
    assert (
        ok.header("Allow") == "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, MESSAGE, NOTIFY, REFER, REGISTER, UPDATE"
    )
    assert ok.headers("Record-Route") == ["<sip:192.0.2.50;lr>"]
    assert ok.header("X-A") == "1"


def test_early_media_goes_out_with_183():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.ring(invite, status=183, body=ANSWER, now=0.0)
    (progress,) = bench.sent()
    assert (progress.status, progress.body, progress.body_type) == (183, ANSWER, "application/sdp")


def test_a_retransmitted_invite_is_answered_again_and_comes_up_once():
    bench = Bench()
    invite = bench.receive_call()
    assert statuses(bench.send(request(body=OFFER))) == [100]
    bench.stack.ring(invite, now=0.0)
    bench.sent()
    assert statuses(bench.send(request(body=OFFER))) == [180]
    assert bench.events() == []


def test_200_is_retransmitted_until_the_ack():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    assert statuses(bench.sent()) == [200]
    assert [at for at, _ in bench.wait(8.0)] == [0.5, 1.5, 3.5, 7.5]
    bench.send(bench.in_dialog(invite, "ACK", cseq=1))
    assert bench.event(AckReceived).body == b""
    assert invite.state is InviteState.CONFIRMED
    assert bench.wait(20.0) == []


def test_a_delayed_offer_is_answered_in_the_ack():
    bench = Bench()
    invite = bench.receive_call(body=b"")
    bench.stack.answer(invite, body=OFFER, now=0.0)
    (ok,) = bench.sent()
    assert ok.body == OFFER
    bench.send(bench.in_dialog(invite, "ACK", cseq=1, body=ANSWER))
    assert bench.event(AckReceived).body == ANSWER


def test_a_200_that_nobody_acknowledges_ends_in_a_bye():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    sent = bench.wait(32.0)
    assert [at for at, _ in sent] == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5, 32.0]
    assert sent[-1][1].method == "BYE"
    assert bench.event(InviteEnded).by == "timeout"
    bench.answer_from_peer(sent[-1][1], 481)
    bench.wait(40.0)
    assert bench.is_empty()


def test_an_ack_that_comes_again_is_absorbed():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.send(bench.in_dialog(invite, "ACK", cseq=1, branch="z9hG4bKack"))
    bench.send(bench.in_dialog(invite, "ACK", cseq=7, branch="z9hG4bKwrong"))
    assert bench.events() == []


def test_a_refusal_is_retransmitted_until_its_ack():
    bench = Bench()
    invite = bench.receive_call()
    assert bench.stack.reject(invite, 302, reason="Elsewhere", headers=[("Contact", "<sip:c@d.example>")], now=0.0)
    (moved,) = bench.sent()
    assert (moved.status, moved.reason, moved.header("Contact")) == (302, "Elsewhere", "<sip:c@d.example>")
    assert [at for at, _ in bench.wait(2.0)] == [0.5, 1.5]
    bench.send(bench.in_dialog(invite, "ACK", cseq=1, branch="z9hG4bKone"))
    assert bench.wait(60.0) == []
    assert bench.is_empty()


def test_a_cancel_ends_the_call_with_487():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.ring(invite, now=0.0)
    bench.sent()
    answers = bench.send(request("CANCEL", headers=(("Reason", "SIP;cause=200"),)))
    assert [(answer.status, answer.cseq_method) for answer in answers] == [(200, "CANCEL"), (487, "INVITE")]
    assert answers[0].to.tag == answers[1].to.tag
    cancelled = bench.event(InviteCancelled)
    assert cancelled.invite is invite
    assert cancelled.reason == "SIP;cause=200"
    bench.send(request("ACK", to=str(answers[1].to)))
    bench.wait(60.0)
    assert bench.is_empty()


def test_a_cancel_after_the_200_is_answered_and_changes_nothing():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    assert statuses(bench.send(request("CANCEL"))) == [200]
    assert bench.events() == []
    assert invite.state is InviteState.ANSWERED


def test_a_cancel_after_a_refusal_is_answered_and_changes_nothing():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.reject(invite, 486, now=0.0)
    bench.sent()
    assert statuses(bench.send(request("CANCEL"))) == [200]
    assert bench.events() == []


def test_a_cancel_for_nothing_gets_481():
    assert statuses(Bench().send(request("CANCEL"))) == [481]


def test_a_retransmitted_cancel_is_absorbed():
    bench = Bench()
    bench.receive_call()
    bench.send(request("CANCEL"))
    assert statuses(bench.send(request("CANCEL"))) == [200]
    assert len(bench.events()) == 1


def test_verbs_on_a_cancelled_call_come_too_late():
    bench = Bench()
    invite = bench.receive_call()
    bench.send(request("CANCEL"))
    assert not bench.stack.ring(invite, now=0.0)
    assert not bench.stack.answer(invite, body=ANSWER, now=0.0)
    assert not bench.stack.reject(invite, 486, now=0.0)
    assert not bench.stack.hang_up(invite, now=0.0)
    assert bench.sent() == []


@pytest.mark.parametrize(("verb", "status"), [("ring", 200), ("ring", 100), ("reject", 200), ("hang_up", 700)])
def test_a_status_of_the_wrong_kind_is_refused(verb, status):
    bench = Bench()
    invite = bench.receive_call()
    with pytest.raises(ValueError, match=f"got {status}"):
        getattr(bench.stack, verb)(invite, status=status, now=0.0)


def test_hanging_up_an_unanswered_call_refuses_it():
    bench = Bench()
    invite = bench.receive_call()
    assert bench.stack.hang_up(invite, status=603, headers=[("Reason", "Q.850;cause=21")], now=0.0)
    (declined,) = bench.sent()
    assert (declined.status, declined.header("Reason")) == (603, "Q.850;cause=21")
    assert not bench.stack.hang_up(invite, now=0.0)


def test_a_bye_from_the_peer_ends_the_call():
    bench = Bench()
    invite, _ = bench.answered_call()
    bye = bench.in_dialog(invite, "BYE", cseq=2, headers=(("Reason", "Q.850;cause=16"),))
    assert statuses(bench.send(bye)) == [200]
    ended = bench.event(InviteEnded)
    assert (ended.by, ended.reason) == ("peer", "Q.850;cause=16")
    assert statuses(bench.send(bye)) == [200]
    assert bench.events() == []
    bench.wait(60.0)
    assert bench.is_empty()


def test_a_bye_of_ours_ends_the_call():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.stack.hang_up(invite, headers=[("Reason", "Q.850;cause=16")], now=0.0)
    bye = bench.sent_request()
    assert (bye.method, bye.cseq, str(bye.uri)) == ("BYE", 1, "sip:alice@192.0.2.9")
    assert (bye.from_.tag, bye.to.tag) == (invite.dialog.local_tag, "alice")
    assert bye.header("Reason") == "Q.850;cause=16"
    bench.answer_from_peer(bye, 200)
    assert bench.events() == []
    bench.wait(60.0)
    assert bench.is_empty()


def test_our_bye_waits_for_the_ack():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    assert bench.stack.hang_up(invite, headers=[("Reason", "later")], now=0.0)
    assert bench.sent() == []
    (bye,) = bench.send(bench.in_dialog(invite, "ACK", cseq=1))
    assert (bye.method, bye.header("Reason")) == ("BYE", "later")
    assert bench.events() == []


def test_our_bye_waits_for_an_ack_that_never_comes_no_longer_than_64_t1():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.stack.hang_up(invite, now=0.0)
    bench.sent()
    at, bye = bench.wait(32.0)[-1]
    assert (at, bye.method) == (32.0, "BYE")
    bench.wait(64.0)
    assert bench.is_empty()


def test_a_bye_that_overtakes_its_ack_ends_the_call():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.sent()
    assert statuses(bench.send(bench.in_dialog(invite, "BYE", cseq=2))) == [200]
    assert bench.event(InviteEnded).by == "peer"
    assert bench.send(bench.in_dialog(invite, "ACK", cseq=1)) == []
    assert bench.wait(10.0) == []


def test_a_bye_of_an_early_dialog_cancels_it():
    bench = Bench()
    invite = bench.receive_call()
    answers = bench.send(bench.in_dialog(invite, "BYE", cseq=2))
    assert [(answer.status, answer.cseq_method) for answer in answers] == [(200, "BYE"), (487, "INVITE")]
    assert bench.event(InviteCancelled).reason is None


def test_byes_that_cross_are_both_answered():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.stack.hang_up(invite, now=0.0)
    ours = bench.sent_request()
    assert statuses(bench.send(bench.in_dialog(invite, "BYE", cseq=2))) == [200]
    bench.answer_from_peer(ours, 481)
    assert bench.events() == []
    bench.wait(60.0)
    assert bench.is_empty()


def test_our_bye_that_nobody_answers_is_given_up():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.stack.hang_up(invite, now=0.0)
    bench.wait(32.0)
    assert invite.state is InviteState.ENDED
    bench.wait(10.0)
    assert bench.is_empty()


def test_a_request_out_of_order_gets_500():
    bench = Bench()
    invite, _ = bench.answered_call()
    bench.send(bench.in_dialog(invite, "OPTIONS", cseq=5))
    assert statuses(bench.send(bench.in_dialog(invite, "BYE", cseq=4))) == [500]
    assert invite.state is InviteState.CONFIRMED


def test_an_invite_of_rfc_2543_is_a_call_like_any_other():
    bench = Bench()
    old = {"branch": "", "from_": "<sip:alice@192.0.2.9>", "contact": None, "via": "SIP/2.0/UDP 192.0.2.9"}
    invite = bench.receive_call(**old)
    assert statuses(bench.send(request(body=OFFER, **old))) == [100]
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    (ok,) = bench.sent()
    bench.send(request("ACK", to=str(ok.to), **old))
    bench.event(AckReceived)
    bench.stack.hang_up(invite, now=0.0)
    bye = bench.sent_request()
    assert (str(bye.uri), bye.to.tag) == ("sip:alice@192.0.2.9", None)


def test_a_refusal_of_an_invite_of_rfc_2543_is_acknowledged_by_its_ack():
    bench = Bench()
    old = {"branch": "", "from_": "<sip:alice@192.0.2.9>", "contact": None, "via": "SIP/2.0/UDP 192.0.2.9"}
    invite = bench.receive_call(**old)
    bench.stack.reject(invite, 486, now=0.0)
    (busy,) = bench.sent()
    bench.send(request("ACK", to=str(busy.to), **old))
    assert bench.wait(60.0) == []
    assert bench.is_empty()


def test_an_invite_with_a_contact_that_is_none_gets_400_and_leaves_nothing():
    bench = Bench()
    assert statuses(bench.send(request(contact="<sip:alice@>>", body=OFFER))) == [400]
    assert bench.is_empty()


def test_the_layer_above_hangs_what_it_likes_on_an_invite():
    invite = Bench().receive_call()
    assert invite.owner is None
    invite.owner = "channel"
    assert invite.owner == "channel"


def test_the_request_of_our_making_holds_no_route_that_was_not_recorded():
    bench = Bench()
    invite, _ = bench.answered_call(headers=(("Record-Route", "<sip:192.0.2.50;lr>, <sip:192.0.2.51;lr>"),))
    bench.stack.hang_up(invite, now=0.0)
    ((data, flow),) = bench.stack.datagrams_to_send()
    bye = parse_request(data)
    assert bye.values("Route") == ["<sip:192.0.2.50;lr>", "<sip:192.0.2.51;lr>"]
    assert str(bye.uri) == "sip:alice@192.0.2.9"
    assert flow.remote == ("192.0.2.50", 5060)
