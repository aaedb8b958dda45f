"""Connections: messages cut out of them, and what becomes of half a message (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

from __future__ import annotations

import pytest

from engine.sip.events import InviteCancelled, InviteEnded, InviteReceived, MalformedReceived
from engine.sip.messages import MAX_HEADER_SECTION, Response
from tests.sip.messages_by_hand import ANSWER, CONNECTION, OFFER, parse_request, request, response
from tests.sip.peer import Bench


def test_a_message_in_pieces_is_read_when_it_is_whole():
    bench = Bench(flow=CONNECTION)
    data = request(body=OFFER)
    for number in range(len(data) - 1):
        assert bench.send(data[number : number + 1]) == []
    (trying,) = bench.send(data[-1:])
    assert isinstance(trying, Response)
    assert bench.event(InviteReceived).request.body == OFFER


def test_two_messages_in_one_piece_are_both_read():
    bench = Bench(flow=CONNECTION)
    answers = bench.send(request("OPTIONS", branch="z9hG4bKa") + request("OPTIONS", branch="z9hG4bKb"))
    assert [answer.via.branch for answer in answers] == ["z9hG4bKa", "z9hG4bKb"]


def test_a_keep_alive_is_answered():
    bench = Bench(flow=CONNECTION)
    bench.stack.receive_data(b"\r\n\r\n", CONNECTION, now=0.0)
    assert bench.stack.datagrams_to_send() == [(b"\r\n", CONNECTION)]


def test_a_stream_that_is_no_sip_is_to_be_closed():
    bench = Bench(flow=CONNECTION)
    bench.send(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    assert any(isinstance(event, MalformedReceived) for event in bench.events())
    assert CONNECTION in bench.stack.flows_to_close()
    assert bench.stack.flows_to_close() == []
    bench.stack.close_flow(CONNECTION, now=0.0)
    assert bench.is_empty()


def test_a_sender_who_trickles_a_message_is_waited_for_no_longer_than_another():
    bench = Bench(flow=CONNECTION)
    data = request(body=OFFER)
    for octet in data[:30]:
        bench.send(bytes([octet]))
        bench.wait(1.0)
    assert bench.stack.flows_to_close() == []
    bench.wait(2.0)
    assert bench.stack.flows_to_close() == [CONNECTION]
    assert not bench.event(MalformedReceived).was_answered


def stopped_at(data: bytes, end: bytes) -> tuple[list[Response], MalformedReceived]:
    """What is answered to a message that stops behind `end`, and what is told of it."""
    bench = Bench(flow=CONNECTION)
    assert bench.send(data[: data.index(end) + len(end)]) == []
    answers = [answer for _, answer in bench.wait(32.0)]
    assert bench.stack.flows_to_close() == [CONNECTION]
    assert bench.send(data) == []  # nothing more is read of it
    told = bench.event(MalformedReceived)
    assert told.was_answered == bool(answers)
    bench.stack.close_flow(CONNECTION, now=bench.now)
    assert bench.is_empty()
    return [answer for answer in answers if isinstance(answer, Response)], told


@pytest.mark.parametrize("end", [b"CSeq: 1 INVITE\r\n", b"application/sdp\r\n", b"\r\n\r\n", b"v=0\r\no=-"])
def test_half_a_request_that_says_whose_it_is_is_refused_when_the_rest_does_not_come(end: bytes):
    (answer,), told = stopped_at(request(body=OFFER), end)
    assert (answer.status, answer.via.branch, answer.call_id, answer.cseq) == (400, "z9hG4bKone", "call", 1)
    assert "expected the rest of a message within 32 s, got" in told.error


@pytest.mark.parametrize("end", [b"INVITE sip:bob", b"SIP/2.0\r\n", b"branch=z9", b"From: ", b"Call-ID: call\r\n"])
def test_half_a_request_that_nobody_could_be_answered_about_is_closed_in_silence(end: bytes):
    assert stopped_at(request(body=OFFER), end)[0] == []


def test_half_an_ack_and_half_a_response_are_closed_in_silence():
    assert stopped_at(request("ACK"), b"CSeq: 1 ACK\r\n")[0] == []
    sent = parse_request(request("OPTIONS"))
    assert stopped_at(response(sent, 200), b"CSeq: 1 OPTIONS\r\n")[0] == []


def test_headers_without_an_end_are_refused_before_the_connection_is_closed():
    bench = Bench(flow=CONNECTION)
    endless = request("OPTIONS", headers=(("X-Long", "x" * MAX_HEADER_SECTION),))
    (answer,) = bench.send(endless[: MAX_HEADER_SECTION + 1])
    assert isinstance(answer, Response)
    assert (answer.status, answer.via.branch) == (513, "z9hG4bKone")
    assert bench.stack.flows_to_close() == [CONNECTION]
    assert bench.event(MalformedReceived).was_answered


def test_beyond_so_much_of_unfinished_messages_in_all_the_largest_is_given_up():
    bench = Bench(max_unfinished=10_000)
    flows = [CONNECTION._replace(connection=number) for number in range(1, 5)]
    halves = [request(branch=f"z9hG4bK{size}", body=b"x" * size)[:-1] for size in (1000, 5000, 2000, 1500)]
    answers = [answer for half, flow in zip(halves, flows, strict=True) for answer in bench.send(half, flow)]
    assert [(answer.status, answer.via.branch) for answer in answers] == [(503, "z9hG4bK5000")]
    assert bench.stack.flows_to_close() == [flows[1]]
    assert bench.event(MalformedReceived).flow == flows[1]
    for flow in (flows[0], flows[2], flows[3]):
        assert len(bench.send(b"x", flow)) == 1  # whole now


def test_what_is_whole_or_gone_counts_as_unfinished_no_more():
    bench = Bench(max_unfinished=10_000)
    data = request("OPTIONS", headers=(("Content-Type", "text/plain"),), body=b"x" * 6000)
    for number in range(1, 20):
        flow = CONNECTION._replace(connection=number)
        bench.send(data[:-1], flow)
        if number % 2:
            bench.send(data[-1:], flow)
        else:
            bench.stack.close_flow(flow, now=0.0)
    assert bench.stack.flows_to_close() == []


def test_a_message_that_was_completed_in_time_is_forgotten():
    bench = Bench(flow=CONNECTION)
    data = request("OPTIONS")
    bench.send(data[:30])
    bench.wait(31.0)
    bench.send(data[30:] + data[:30])
    bench.wait(31.0)
    bench.send(data[30:])
    bench.wait(60.0)
    assert bench.stack.flows_to_close() == []


def test_two_connections_of_one_peer_are_read_apart():
    bench = Bench(flow=CONNECTION)
    other = CONNECTION._replace(connection=2)
    data = request("OPTIONS")
    bench.send(data[:30])
    assert len(bench.send(data, other)) == 1
    assert len(bench.send(data[30:])) == 1
    assert bench.stack.counts.streams == 2


def test_a_connection_that_breaks_while_a_call_rings_cancels_it():
    bench = Bench(flow=CONNECTION)
    bench.receive_call()
    bench.stack.close_flow(CONNECTION, now=0.0)
    assert bench.event(InviteCancelled).reason is None
    assert bench.is_empty()


def test_a_connection_that_breaks_before_the_ack_ends_the_call():
    for is_hung_up in (False, True):
        bench = Bench(flow=CONNECTION)
        invite = bench.receive_call()
        bench.stack.answer(invite, body=ANSWER, now=0.0)
        if is_hung_up:
            bench.stack.hang_up(invite, now=0.0)
        bench.stack.close_flow(CONNECTION, now=0.0)
        assert [type(event) for event in bench.events()] == ([] if is_hung_up else [InviteEnded])
        assert bench.is_empty()


def test_a_connection_that_breaks_while_our_bye_is_out_leaves_nothing():
    bench = Bench(flow=CONNECTION)
    invite, _ = bench.answered_call()
    bench.stack.hang_up(invite, now=0.0)
    bench.stack.close_flow(CONNECTION, now=0.0)
    assert bench.events() == []
    assert bench.is_empty()


def test_a_call_moves_to_the_connection_its_peer_uses_now():
    bench = Bench(flow=CONNECTION)
    invite, _ = bench.answered_call()
    newer = CONNECTION._replace(connection=2)
    bench.send(bench.in_dialog(invite, "OPTIONS", cseq=2), newer)
    bench.stack.close_flow(CONNECTION, now=0.0)
    assert bench.events() == []
    bench.stack.hang_up(invite, now=0.0)
    ((_, flow),) = bench.stack.datagrams_to_send()
    assert flow == newer


def test_a_call_that_is_over_is_not_in_the_way_of_its_connection():
    bench = Bench(flow=CONNECTION)
    invite, _ = bench.answered_call()
    bench.send(bench.in_dialog(invite, "BYE", cseq=2))
    assert not bench.stack.is_in_use(CONNECTION)
    bench.stack.close_flow(CONNECTION, now=0.0)
    bench.wait(60.0)
    assert bench.is_empty()
