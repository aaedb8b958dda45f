"""Connections: messages cut out of them, and what becomes of half a message (RFC 3261 §18.3, RFC 5626 §3.5.1)."""

from __future__ import annotations

from engine.sip.events import InviteCancelled, InviteEnded, InviteReceived, MalformedReceived
from engine.sip.messages import Response
from tests.sip.messages_by_hand import ANSWER, CONNECTION, OFFER, request
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


def test_half_a_message_is_not_waited_for_without_end():
    bench = Bench(flow=CONNECTION)
    data = request(body=OFFER)
    for octet in data[:30]:
        bench.send(bytes([octet]))
        bench.wait(1.0)
    assert bench.stack.flows_to_close() == []
    bench.wait(2.0)
    assert bench.stack.flows_to_close() == [CONNECTION]
    assert not bench.event(MalformedReceived).was_answered


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
