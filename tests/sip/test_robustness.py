"""No bytes of a peer make the stack raise, and none of them are kept for ever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.sip.events import InviteReceived, RequestReceived
from engine.sip.stack import Credentials
from tests.sip.messages_by_hand import ANSWER, CONNECTION, FLOW, OFFER, request, response
from tests.sip.network import LONG
from tests.sip.peer import Bench

pieces = st.one_of(
    st.binary(max_size=8),
    st.sampled_from([
        b"\r\n",
        b"\r\n ",
        b"<",
        b">",
        b'"',
        b";tag=",
        b";lr",
        b"\0",
        b"%00",
        b"\xff\xfe",
        b"\xc3\xa9",
        b",",
    ]),
)
mutations = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), pieces), min_size=1, max_size=4)


def mutate(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for where, length, piece in changes:
        start = int(where * len(data))
        data = data[:start] + piece + data[start + length :]
    return data


def carry_on(bench: Bench) -> None:
    """Answer what came up, hang up, and see that it all goes away."""
    for event in bench.events():
        if isinstance(event, InviteReceived):
            bench.stack.ring(event.invite, now=bench.now)
            bench.stack.answer(event.invite, body=ANSWER, now=bench.now)
            bench.stack.hang_up(event.invite, now=bench.now)
        elif isinstance(event, RequestReceived):
            bench.stack.respond(event.transaction, 401, now=bench.now)
    bench.stack.datagrams_to_send()
    bench.stack.close_flow(CONNECTION, now=bench.now)
    end = bench.now + LONG
    while (at := bench.stack.next_deadline()) is not None and at <= end:
        bench.stack.handle_deadline(now=at)
        bench.stack.datagrams_to_send()
    assert bench.is_empty()


@settings(max_examples=400, deadline=None)
@given(
    method=st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO"]),
    flow=st.sampled_from([FLOW, CONNECTION]),
    changes=mutations,
)
def test_requests_that_are_almost_right(method, flow, changes):
    bench = Bench(flow=flow)
    data = mutate(request(method, headers=(("Record-Route", "<sip:192.0.2.50;lr>"),), body=OFFER), changes)
    receive = bench.stack.receive_datagram if flow is FLOW else bench.stack.receive_data
    receive(data, flow, now=0.0)
    receive(data, flow, now=0.0)
    carry_on(bench)


@settings(max_examples=300, deadline=None)
@given(method=st.sampled_from(["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS"]), cseq=st.integers(0, 3), changes=mutations)
def test_requests_inside_a_call_that_are_almost_right(method, cseq, changes):
    bench = Bench()
    invite, _ = bench.answered_call()
    data = mutate(bench.in_dialog(invite, method, cseq=cseq, body=OFFER), changes)
    bench.stack.receive_datagram(data, FLOW, now=0.0)
    bench.stack.answer(invite, body=ANSWER, now=0.0)
    bench.stack.hang_up(invite, now=0.0)
    carry_on(bench)


@settings(max_examples=300, deadline=None)
@given(status=st.sampled_from([100, 180, 200, 302, 401, 407, 486]), changes=mutations)
def test_responses_that_are_almost_right(status, changes):
    bench = Bench()
    invite, sent = bench.place_call(credentials=Credentials("alice", "secret"))
    headers = (("WWW-Authenticate", 'Digest realm="r", nonce="n"'), ("Record-Route", "<sip:192.0.2.50;lr>"))
    data = mutate(response(sent, status, contact="<sip:bob@192.0.2.9>", headers=headers, body=ANSWER), changes)
    bench.stack.receive_datagram(data, FLOW, now=0.0)
    bench.stack.reinvite(invite, body=OFFER, now=0.0)
    bench.stack.hang_up(invite, now=0.0)
    carry_on(bench)
