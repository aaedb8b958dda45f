"""What the stack answers by itself, and what it drops (RFC 3261 §8.2, §18)."""

from __future__ import annotations

import pytest

from engine.sip.events import Flow, InviteReceived, MalformedReceived, RequestReceived
from engine.sip.messages import Response, parse_datagram
from tests.sip.messages_by_hand import CONNECTION, FLOW, OFFER, OURS, PEER, request
from tests.sip.peer import Bench


def only(messages) -> Response:
    (message,) = messages
    assert isinstance(message, Response)
    return message


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"method": "DANCE"}, 501),
        ({"method": "invite"}, 501),
        ({"method": "PUBLISH"}, 405),
        ({"method": "MESSAGE"}, 405),
        ({"uri": "tel:+15551234"}, 416),
        ({"uri": "unknown:something"}, 416),
        ({"headers": (("Require", "100rel, foo"),)}, 420),
        ({"headers": (("Content-Type", "text/plain"),), "body": b"hello"}, 415),
        ({"headers": (("Content-Type", "multipart/mixed;boundary=b"),), "body": b"--b"}, 415),
        ({"headers": (("Content-Encoding", "gzip"),), "body": OFFER}, 415),
        ({"headers": (("Accept", "text/plain"),), "body": OFFER}, 406),
        ({"headers": (("Max-Forwards", "0"),), "body": OFFER}, 483),
        ({"to": "<sip:bob@192.0.2.1>;tag=unknown"}, 481),
        ({"method": "BYE"}, 481),
        ({"method": "BYE", "to": "<sip:bob@192.0.2.1>;tag=unknown"}, 481),
        ({"method": "REGISTER", "to": "<sip:bob@192.0.2.1>;tag=unknown"}, 481),
        ({"cseq_method": "OPTIONS"}, 400),
    ],
)
def test_what_cannot_be_served_is_refused(options, status):
    bench = Bench()
    answer = only(bench.send(request(**options)))
    assert answer.status == status
    assert answer.to.tag is not None
    assert [event for event in bench.events() if not isinstance(event, MalformedReceived)] == []
    assert bench.is_empty()


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        (
            {"method": "DANCE"},
            "Allow",
            "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, MESSAGE, NOTIFY, REFER, REGISTER, UPDATE",
        ),
        ({"headers": (("Require", "100rel, foo"),)}, "Unsupported", "foo"),
        ({"headers": (("Content-Type", "text/plain"),), "body": b"hello"}, "Accept", "application/sdp"),
        ({"headers": (("Content-Encoding", "gzip"),), "body": OFFER}, "Accept-Encoding", "identity"),
        ({"headers": (("Accept", "text/plain"),)}, "Accept", "application/sdp"),
    ],
)
def test_a_refusal_says_what_would_have_been_served(options, name, value):
    assert only(Bench().send(request(**options))).header(name) == value


@pytest.mark.parametrize(
    "headers",
    [
        (("Accept", "application/*"),),
        (("Accept", "text/plain, */*;q=0.1"),),
        (("Accept", "application/sdp;level=1"),),
        (("Accept", ""),),
        (("Content-Encoding", "identity"),),
        (("Require", ""),),
        (("Proxy-Require", "foo"),),
    ],
)
def test_an_invite_that_can_be_served_comes_up(headers):
    bench = Bench()
    bench.send(request(headers=headers, body=OFFER))
    assert bench.event(InviteReceived)


@pytest.mark.parametrize("flow", [FLOW, CONNECTION])
def test_options_are_answered_with_what_we_can_do(flow):
    bench = Bench(flow=flow)
    answer = only(bench.send(request("OPTIONS")))
    assert (answer.status, answer.header("Accept"), answer.header("Supported")) == (
        200,
        "application/sdp",
        "100rel, norefersub, replaces, timer",
    )
    assert (
        answer.header("Allow")
        == "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, MESSAGE, NOTIFY, REFER, REGISTER, UPDATE"
    )


def test_options_inside_a_call_are_answered_and_absorbed():
    bench = Bench()
    invite, _ = bench.answered_call()
    options = bench.in_dialog(invite, "OPTIONS", cseq=2)
    assert only(bench.send(options)).status == 200
    assert only(bench.send(options)).status == 200
    assert only(bench.send(bench.in_dialog(invite, "PUBLISH", cseq=3))).status == 405


def test_a_refusal_without_state_is_the_same_for_a_retransmission():
    bench = Bench()
    first, again = (only(bench.send(request("DANCE"))) for _ in range(2))
    assert first.raw == again.raw
    other = only(bench.send(request("DANCE", call_id="another")))
    assert other.to.tag != first.to.tag


def test_a_register_comes_up_and_is_answered():
    bench = Bench()
    register = request("REGISTER", "sip:192.0.2.1", headers=(("Expires", "60"),))
    assert bench.send(register) == []
    received = bench.event(RequestReceived)
    assert bench.send(register) == []
    bench.stack.respond(received.transaction, 401, headers=[("WWW-Authenticate", "Digest x=y")], now=0.0)
    answer = only(bench.sent())
    assert (answer.status, answer.header("WWW-Authenticate")) == (401, "Digest x=y")
    assert only(bench.send(register)).raw == answer.raw
    assert bench.events() == []
    bench.wait(32.0)
    assert bench.is_empty()


def test_a_register_that_is_never_answered_is_forgotten():
    bench = Bench()
    bench.send(request("REGISTER"))
    received = bench.event(RequestReceived)
    bench.wait(32.0)
    assert bench.is_empty()
    bench.stack.respond(received.transaction, 200, now=bench.now)
    assert bench.sent() == []


def test_a_phone_allows_no_register():
    bench = Bench(request_methods=())
    answer = only(bench.send(request("REGISTER")))
    assert (answer.status, answer.header("Allow")) == (
        405,
        "INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, INFO, MESSAGE, NOTIFY, REFER, UPDATE",
    )


def test_a_request_that_came_by_two_ways_is_served_once():
    bench = Bench()
    bench.receive_call()
    assert only(bench.send(request(body=OFFER, branch="z9hG4bKother"))).status == 482
    assert bench.events() == []


def test_the_same_request_with_credentials_is_not_merged_even_with_an_old_cseq():
    bench = Bench()
    invite = bench.receive_call()
    bench.stack.reject(invite, 401, headers=[("WWW-Authenticate", "Digest x=y")], now=0.0)
    bench.sent()
    bench.send(request(body=OFFER, branch="z9hG4bKother"))
    assert bench.event(InviteReceived)


def test_too_many_calls_get_503_without_state():
    bench = Bench(max_invites=1)
    bench.receive_call()
    answer = only(bench.send(request(call_id="second", branch="z9hG4bKtwo", body=OFFER)))
    assert answer.status == 503
    assert answer.header("Retry-After") is not None
    assert bench.stack.counts.transactions == 1


def test_too_many_transactions_get_503_but_calls_go_on():
    bench = Bench(max_transactions=1)
    invite, _ = bench.answered_call()
    assert only(bench.send(request("REGISTER", call_id="second", branch="z9hG4bKtwo"))).status == 503
    assert only(bench.send(bench.in_dialog(invite, "BYE", cseq=2))).status == 200


def test_stray_acks_and_responses_are_dropped():
    bench = Bench()
    assert bench.send(request("ACK")) == []
    assert bench.send(request("ACK", to="<sip:bob@192.0.2.1>;tag=unknown")) == []
    assert bench.send(b"SIP/2.0 200 OK\r\n" + request("OPTIONS").partition(b"\r\n")[2]) == []
    assert bench.events() == []
    assert bench.is_empty()


def test_what_is_no_sip_is_counted_and_dropped():
    bench = Bench()
    assert bench.send(b"GET / HTTP/1.1\r\n\r\n") == []
    malformed = bench.event(MalformedReceived)
    assert (malformed.was_answered, malformed.flow) == (False, FLOW)
    assert malformed.error


def test_a_malformed_request_gets_400_with_the_fault_named():
    bench = Bench()
    answer = only(bench.send(request(contact="<sip:>")))
    assert answer.status == 400
    assert answer.reason.startswith("Bad Contact")
    assert bench.event(MalformedReceived).was_answered


def test_a_malformed_ack_is_not_answered():
    bench = Bench()
    assert bench.send(request("ACK", contact="<sip:>")) == []
    assert not bench.event(MalformedReceived).was_answered


@pytest.mark.parametrize("data", [b"\r\n\r\n", b"\0\0\0\0", b"", b"\r\n"])
def test_a_keep_alive_over_udp_is_nothing(data):
    bench = Bench()
    assert bench.send(data) == []
    assert bench.events() == []


def test_the_answer_goes_to_the_source_and_says_which_that_was():
    bench = Bench()
    behind_nat = Flow("udp", OURS, ("198.51.100.7", 40000))
    bench.send(request("OPTIONS", via="SIP/2.0/UDP 10.0.0.1:5062;rport"), behind_nat)
    bench.stack.receive_datagram(request("OPTIONS", via="SIP/2.0/UDP 10.0.0.1:5062;rport"), behind_nat, now=0.0)
    ((data, flow),) = bench.stack.datagrams_to_send()
    assert flow == behind_nat
    via = parse_datagram(data).via
    assert (via.received, via.rport) == ("198.51.100.7", 40000)


def test_without_rport_the_answer_goes_to_the_port_of_the_via():
    bench = Bench()
    from_elsewhere = Flow("udp", OURS, (PEER[0], 40000))
    bench.stack.receive_datagram(request("OPTIONS", via="SIP/2.0/UDP 192.0.2.9:5066"), from_elsewhere, now=0.0)
    ((_, flow),) = bench.stack.datagrams_to_send()
    assert flow.remote == (PEER[0], 5066)


def test_events_come_in_order_and_none_is_left():
    bench = Bench()
    bench.send(request("REGISTER", branch="z9hG4bKr", call_id="r"))
    bench.send(request(body=OFFER))
    assert [type(event) for event in bench.events()] == [RequestReceived, InviteReceived]
    assert bench.stack.next_event() is None


def test_a_refer_outside_of_a_dialog_is_refused_with_the_reason():
    """Whose call it would be is not to be known (RFC 3515 2.4.2 leaves it to us)."""
    (refusal,) = Bench().send(request("REFER", headers=(("Refer-To", "<sip:carol@example.com>"),)))
    assert (refusal.status, refusal.reason) == (403, "REFER Outside of a Dialog")
