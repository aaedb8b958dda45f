"""Calls that go out (RFC 3261 §13.2, §9.1, §15)."""

from __future__ import annotations

from engine.sip.events import InviteAnswered, InviteEnded, InviteFailed, InviteProgressed
from engine.sip.messages import Request, Response
from engine.sip.stack import InviteState
from tests.sip.messages_by_hand import ANSWER, CONNECTION, OFFER, request, response
from tests.sip.peer import Bench

BOB = "<sip:bob@192.0.2.9>"


def methods(messages) -> list[str]:
    return [message.method for message in messages if isinstance(message, Request)]


def test_an_invite_says_who_calls_and_where_to_answer():
    bench = Bench()
    invite, sent = bench.place_call()
    assert not invite.is_uas
    assert sent.uri_text == "sip:bob@192.0.2.9"
    assert sent.from_.name == "Alice"
    assert sent.from_.tag == invite.local.tag
    assert sent.to.tag is None
    assert str(sent.contacts[0].uri) == "sip:alice@192.0.2.1:5060"
    assert (sent.via.transport, sent.via.host, sent.via.port, sent.via.wants_rport) == ("UDP", "192.0.2.1", 5060, True)
    assert (sent.cseq, sent.max_forwards, sent.body, sent.body_type) == (1, 70, OFFER, "application/sdp")


def test_over_a_stream_the_contact_says_so():
    _, sent = Bench(flow=CONNECTION).place_call()
    assert sent.via.transport == "TCP"
    assert sent.contacts[0].uri.params == {"transport": "tcp"}


def test_provisionals_are_told_but_for_100():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 100)
    assert bench.events() == []
    bench.answer_from_peer(sent, 183, body=ANSWER)
    assert bench.event(InviteProgressed).response.body == ANSWER
    bench.answer_from_peer(sent, 180, to_tag="another")
    assert bench.event(InviteProgressed).response.status == 180


def test_a_200_is_acknowledged_at_once_with_a_branch_of_its_own():
    bench = Bench()
    invite, sent = bench.place_call()
    (ack,) = bench.answer_from_peer(sent, 200, contact="<sip:bob@192.0.2.9:5070>", body=ANSWER)
    assert bench.event(InviteAnswered).response.body == ANSWER
    assert (ack.method, ack.cseq, ack.to.tag, ack.uri_text) == ("ACK", 1, "bob", "sip:bob@192.0.2.9:5070")
    assert ack.via.branch != sent.via.branch
    assert invite.state is InviteState.CONFIRMED
    assert invite.flow.remote == ("192.0.2.9", 5070)


def test_a_200_that_comes_again_is_acknowledged_again():
    bench = Bench()
    _, sent = bench.place_call()
    first = bench.answer_from_peer(sent, 200, contact=BOB)
    bench.event(InviteAnswered)
    again = bench.answer_from_peer(sent, 200, contact=BOB)
    assert [message.raw for message in first] == [message.raw for message in again]
    assert bench.events() == []


def test_a_200_is_acknowledged_even_after_the_call():
    bench = Bench()
    invite, sent = bench.placed_call()
    bench.stack.hang_up(invite, now=0.0)
    bench.answer_from_peer(bench.sent_request(), 200)
    assert invite.state is InviteState.ENDED
    assert methods(bench.answer_from_peer(sent, 200, contact=BOB)) == ["ACK"]


def test_a_route_set_is_followed_backwards():
    bench = Bench()
    invite, sent = bench.place_call()
    record = (("Record-Route", "<sip:192.0.2.51;lr>"), ("Record-Route", "<sip:192.0.2.50;lr>"))
    (ack,) = bench.answer_from_peer(sent, 200, contact="<sip:bob@198.51.100.7>", headers=record)
    assert ack.values("Route") == ["<sip:192.0.2.50;lr>", "<sip:192.0.2.51;lr>"]
    assert ack.uri_text == "sip:bob@198.51.100.7"
    assert invite.flow.remote == ("192.0.2.50", 5060)


def test_a_strict_router_finds_itself_in_the_request_uri():
    bench = Bench()
    _, sent = bench.place_call()
    record = (("Record-Route", "<sip:192.0.2.51;lr>, <sip:192.0.2.50>"),)
    (ack,) = bench.answer_from_peer(sent, 200, contact="<sip:bob@198.51.100.7>", headers=record)
    assert ack.uri_text == "sip:192.0.2.50"
    assert ack.values("Route") == ["<sip:192.0.2.51;lr>", "<sip:bob@198.51.100.7>"]


def test_a_refusal_is_acknowledged_hop_by_hop_and_told():
    bench = Bench()
    invite, sent = bench.place_call()
    (ack,) = bench.answer_from_peer(sent, 486)
    failed = bench.event(InviteFailed)
    assert (failed.invite, failed.status, failed.reason) == (invite, 486, "Whatever")
    assert (ack.method, ack.via.branch, ack.uri_text, ack.to.tag) == ("ACK", sent.via.branch, sent.uri_text, "bob")
    assert methods(bench.answer_from_peer(sent, 486)) == ["ACK"]
    assert bench.events() == []
    bench.wait(60.0)
    assert bench.is_empty()


def test_a_redirection_is_told_with_its_response():
    bench = Bench()
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 302, contact="<sip:bob@198.51.100.7>")
    failed = bench.event(InviteFailed)
    assert failed.status == 302
    assert failed.response is not None
    assert failed.response.contacts[0].uri.host == "198.51.100.7"


def test_an_invite_nobody_answers_fails_with_408():
    bench = Bench()
    bench.place_call()
    sent = bench.wait(40.0)
    assert [at for at, _ in sent] == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    failed = bench.event(InviteFailed)
    assert (failed.status, failed.response) == (408, None)
    assert bench.is_empty()


def test_a_transport_that_fails_is_503():
    bench = Bench()
    bench.place_call()
    bench.stack.fail_flow(bench.flow, now=0.0)
    assert bench.event(InviteFailed).status == 503
    assert bench.is_empty()


def test_a_transport_that_fails_does_not_end_calls_that_stand():
    bench = Bench()
    invite, _ = bench.placed_call()
    bench.stack.fail_flow(bench.flow, now=0.0)
    assert bench.events() == []
    assert invite.state is InviteState.CONFIRMED


def test_a_connection_that_breaks_is_503():
    bench = Bench(flow=CONNECTION)
    _, sent = bench.place_call()
    bench.answer_from_peer(sent, 180)
    bench.events()
    bench.stack.close_flow(CONNECTION, now=0.0)
    assert bench.event(InviteFailed).status == 503
    assert bench.is_empty()


def test_a_connection_that_breaks_ends_the_call():
    bench = Bench(flow=CONNECTION)
    bench.placed_call()
    assert bench.stack.is_in_use(CONNECTION)
    bench.stack.close_flow(CONNECTION, now=0.0)
    assert bench.event(InviteEnded).by == "transport"
    assert bench.is_empty()


def test_our_cancel_waits_for_the_first_provisional():
    bench = Bench()
    invite, sent = bench.place_call()
    assert bench.stack.hang_up(invite, headers=[("Reason", "SIP;cause=200")], now=0.0)
    assert bench.sent() == []
    (cancel,) = bench.answer_from_peer(sent, 100)
    assert (cancel.method, cancel.via.branch, cancel.cseq, cancel.uri_text) == (
        "CANCEL",
        sent.via.branch,
        1,
        sent.uri_text,
    )
    assert cancel.to.tag is None
    assert cancel.header("Reason") == "SIP;cause=200"
    bench.answer_from_peer(cancel, 200)
    assert methods(bench.answer_from_peer(sent, 487)) == ["ACK"]
    assert bench.event(InviteFailed).status == 487
    bench.wait(60.0)
    assert bench.is_empty()


def test_our_cancel_goes_out_at_once_while_it_rings():
    bench = Bench()
    invite, sent = bench.place_call()
    bench.answer_from_peer(sent, 180)
    bench.stack.hang_up(invite, now=0.0)
    assert methods(bench.sent()) == ["CANCEL"]
    assert not bench.stack.hang_up(invite, now=0.0)


def test_a_200_that_crosses_our_cancel_is_acknowledged_and_ended():
    bench = Bench()
    invite, sent = bench.place_call()
    bench.answer_from_peer(sent, 180)
    bench.events()
    bench.stack.hang_up(invite, now=0.0)
    cancel = bench.sent_request()
    bench.answer_from_peer(cancel, 200)
    ack, bye = bench.answer_from_peer(sent, 200, contact=BOB)
    assert methods([ack, bye]) == ["ACK", "BYE"]
    assert bye.cseq == 2
    assert bench.event(InviteFailed).status == 487
    bench.answer_from_peer(bye, 200)
    bench.wait(60.0)
    assert bench.is_empty()


def test_a_200_without_a_provisional_is_ended_when_we_had_hung_up():
    bench = Bench()
    invite, sent = bench.place_call()
    bench.stack.hang_up(invite, now=0.0)
    assert methods(bench.answer_from_peer(sent, 200, contact=BOB)) == ["ACK", "BYE"]
    assert bench.event(InviteFailed).status == 487


def test_a_cancel_that_nobody_answers_is_over_after_64_t1():
    bench = Bench()
    invite, sent = bench.place_call()
    bench.answer_from_peer(sent, 180)
    bench.events()
    bench.stack.hang_up(invite, now=0.0)
    bench.wait(31.9)
    assert bench.events() == []
    bench.wait(0.1)
    assert bench.event(InviteFailed).status == 487
    bench.wait(10.0)
    assert bench.is_empty()


def test_hanging_up_a_call_that_nobody_took_note_of_ends_with_timer_b():
    bench = Bench()
    invite, _ = bench.place_call()
    bench.stack.hang_up(invite, now=0.0)
    bench.wait(32.0)
    assert bench.event(InviteFailed).status == 487
    assert bench.is_empty()


def test_a_200_of_another_branch_is_acknowledged_and_ended():
    bench = Bench()
    invite, sent = bench.placed_call()
    other = bench.answer_from_peer(sent, 200, to_tag="carol", contact="<sip:carol@192.0.2.9>")
    assert methods(other) == ["ACK", "BYE"]
    assert [message.to.tag for message in other] == ["carol", "carol"]
    assert bench.events() == []
    assert methods(bench.answer_from_peer(sent, 200, to_tag="carol", contact="<sip:carol@192.0.2.9>")) == ["ACK"]
    assert invite.state is InviteState.CONFIRMED


def test_a_peer_that_forks_without_end_is_not_helped():
    bench = Bench()
    _, sent = bench.placed_call()
    answers = [bench.answer_from_peer(sent, 200, to_tag=f"t{number}", contact=BOB) for number in range(50)]
    assert sum(bool(answer) for answer in answers) == 15


def test_a_bye_from_the_peer_ends_the_call():
    bench = Bench()
    invite, sent = bench.placed_call()
    bye = request("BYE", from_=f"{BOB};tag=bob", to=str(sent.from_), call_id=sent.call_id, cseq=9)
    (ok,) = bench.send(bye)
    assert isinstance(ok, Response)
    assert ok.status == 200
    assert bench.event(InviteEnded).by == "peer"
    assert invite.state is InviteState.ENDED


def test_a_200_without_a_contact_still_makes_a_call_that_can_be_ended():
    bench = Bench()
    _, sent = bench.place_call()
    (ack,) = bench.answer_from_peer(sent, 200)
    assert ack.uri_text == sent.uri_text


def test_responses_that_are_not_for_us_are_dropped():
    bench = Bench()
    _, sent = bench.place_call()
    data = response(sent, 200, contact=BOB)
    assert bench.send(data.replace(b"192.0.2.1:5060;branch", b"192.0.2.77:5060;branch")) == []
    assert bench.send(data.replace(b"CSeq: 1 INVITE", b"CSeq: 1 BYE")) == []
    assert bench.send(data.replace(b"Via:", b"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx\r\nVia:")) == []
    assert bench.events() == []


def test_a_call_to_a_uri_is_addressed_to_it_unless_said_otherwise():
    bench = Bench()
    _, sent = bench.place_call(uri="sip:bob@192.0.2.9;transport=udp")
    assert sent.to.uri.user == "bob"
