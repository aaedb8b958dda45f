"""The last messages as they were on the wire: which are found, and what is kept of them."""

import pytest

from engine.sip.events import Flow
from engine.sip.stack import SipStack
from engine.sip.wire_log import WireLog, call_id_of, without_keys

FLOW = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 40000))


def message(call_id: str, *, method: str = "OPTIONS", name: str = "Call-ID", body: str = "") -> bytes:
    return (
        f"{method} sip:1000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9:40000;branch=z9hG4bK{call_id}\r\n"
        f"From: <sip:a@192.0.2.9>;tag=1\r\nTo: <sip:1000@192.0.2.1>\r\n{name}: {call_id}\r\nCSeq: 1 {method}\r\n"
        f"Max-Forwards: 70\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def log(**bounds) -> WireLog:
    return WireLog(iter(range(1_000_000)).__next__, **bounds)


def find(wire: WireLog, *call_ids: str, after: int = 0, count: int = 1000, max_octets: int = 1 << 20):
    found, looked = wire.find(call_ids, after=after, count=count, max_octets=max_octets)
    return [each.seq for each in found], looked


def test_the_messages_of_some_calls_are_found_in_their_order():
    wire = log()
    for call_id in ("a", "b", "a", "c"):
        wire.received(message(call_id), FLOW)
    wire.sent(message("b"), FLOW)
    assert find(wire, "a", "b") == ([1, 2, 3, 5], 5)
    assert find(wire, "a") == ([1, 3], 5)
    assert find(wire, "nobody") == ([], 5)


def test_one_goes_on_after_what_was_seen_and_looks_at_so_many():
    wire = log()
    for number in range(10):
        wire.sent(message("ab"[number % 2]), FLOW)
    assert find(wire, "a", count=4) == ([1, 3], 4)
    assert find(wire, "a", after=4, count=4) == ([5, 7], 8)
    assert find(wire, "a", after=10) == ([], 10)
    size = len(message("a"))
    assert find(wire, "a", max_octets=size + 1) == ([1, 3], 3)


def test_the_oldest_go_when_there_are_too_many():
    wire = log(max_messages=3)
    for _ in range(5):
        wire.received(message("a"), FLOW)
    assert len(wire) == 3
    assert find(wire, "a") == ([3, 4, 5], 5)
    assert find(wire, "a", after=1, count=2) == ([3, 4], 4)


def test_the_oldest_go_when_their_octets_are_too_many():
    wire = log(max_octets=1000)
    for number in range(50):
        wire.received(message("a", body="x" * number), FLOW)
    assert wire.octets <= 1000
    assert wire.octets == sum(len(each.data) for each in wire.find(["a"], after=0, count=99, max_octets=9999)[0])


@pytest.mark.parametrize("name", ["Call-ID", "call-id", "CALL-ID", "i", "I", "Call-ID  "])
def test_the_call_id_is_read_however_it_is_written(name):
    assert call_id_of(message("x1@host", name=name)) == b"x1@host"


def test_a_body_has_no_call_id():
    assert call_id_of(b"OPTIONS sip:a SIP/2.0\r\nVia: x\r\n\r\ni: 5\r\n") == b""
    assert call_id_of(b"") == b""
    assert call_id_of(b"Call-ID: first line\r\n") == b""


def test_a_stack_shows_what_it_receives_and_sends():
    wire = log()
    stack = SipStack(new_token=iter(f"{number:016x}" for number in range(100)).__next__, wire=wire)
    stack.receive_datagram(b"\r\n\r\n", FLOW, now=0.0)
    stack.receive_datagram(b"no SIP at all\r\n\r\n", FLOW, now=0.0)
    stack.receive_datagram(message("a"), FLOW, now=0.0)
    stack.datagrams_to_send()
    found, _ = wire.find(["a"], after=0, count=99, max_octets=9999)
    assert [(each.is_sent, each.data.split(b"\r\n")[0]) for each in found] == [
        (False, b"OPTIONS sip:1000@192.0.2.1 SIP/2.0"),
        (True, b"SIP/2.0 200 OK"),
    ]
    assert len(wire) >= 3, "what is malformed is kept, too"


def test_messages_of_a_stream_are_shown_whole():
    wire = log()
    stack = SipStack(new_token=iter(f"{number:016x}" for number in range(100)).__next__, wire=wire)
    flow = Flow("tcp", FLOW.local, FLOW.remote, 1)
    octets = message("a", body="first") + message("b", body="second")
    for at in range(0, len(octets), 7):
        stack.receive_data(octets[at : at + 7], flow, now=0.0)
    found, _ = wire.find(["a", "b"], after=0, count=99, max_octets=9999)
    assert [each.data for each in found if not each.is_sent] == [
        message("a", body="first"),
        message("b", body="second"),
    ]


def test_keys_of_media_are_not_shown_and_nothing_moves():
    body = (
        "v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1+/w==|2^20|1:4;inline:QUJD|2:4 WSH=64\r\n"
        "A=Crypto:2 AEAD_AES_128_GCM INLINE:d0/g\r\na=x:inline\r\n"
    )
    wire = log()
    wire.received(message("a", body=body), FLOW)
    (found,), _ = wire.find(["a"], after=0, count=10, max_octets=1 << 20)
    assert len(found.data) == len(message("a", body=body))
    assert found.data.endswith(
        b"inline:xxxxxxxxxxxxxxxx|2^20|1:4;inline:xxxx|2:4 WSH=64\r\n"
        b"A=Crypto:2 AEAD_AES_128_GCM INLINE:xxxx\r\na=x:inline\r\n"
    )
    assert without_keys(message("b")) == message("b")
