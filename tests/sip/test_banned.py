"""What is read of an address that is banned, and who is asked about requests outside of calls."""

from __future__ import annotations

import itertools

import pytest

from engine.sip.events import Flow, InviteEnded
from engine.sip.messages import Request, Response
from engine.sip.stack import SipStack
from tests.sip.messages_by_hand import CONNECTION, FLOW, OFFER, request
from tests.sip.peer import Bench

WEBSOCKET = Flow("ws", FLOW.local, FLOW.remote, 1)


def new_stack(**options) -> SipStack:
    count = itertools.count(1)
    return SipStack(new_token=lambda: f"{next(count):016x}", **options)


@pytest.mark.parametrize(("flow", "closed"), [(FLOW, []), (WEBSOCKET, [WEBSOCKET])])
def test_a_message_of_who_is_banned_is_not_read(flow: Flow, closed: list[Flow]):
    stack = new_stack(is_banned=lambda host: host == FLOW.remote[0])
    stack.receive_datagram(request("OPTIONS"), flow, now=0.0)
    assert stack.datagrams_to_send() == []
    assert stack.flows_to_close() == closed


def test_the_connection_of_who_is_banned_is_closed():
    stack = new_stack(is_banned=lambda host: host == FLOW.remote[0])
    stack.receive_data(request("OPTIONS"), CONNECTION, now=0.0)
    assert stack.datagrams_to_send() == []
    assert stack.flows_to_close() == [CONNECTION]


@pytest.mark.parametrize("flow", [FLOW, CONNECTION, WEBSOCKET], ids=lambda flow: flow.transport)
def test_a_ban_costs_nobody_the_call_that_is_up(flow: Flow):
    banned: set[str] = set()
    bench = Bench(flow=flow, is_banned=banned.__contains__)
    invite, _ = bench.answered_call()
    banned.add(flow.remote[0])

    assert bench.send(request("OPTIONS", branch="z9hG4bKstranger", call_id="stranger")) == []
    assert bench.stack.flows_to_close() == []
    (ok,) = bench.send(bench.in_dialog(invite, "BYE", cseq=2))
    assert isinstance(ok, Response)
    assert ok.status == 200
    assert bench.event(InviteEnded).invite is invite


def test_what_was_asked_before_a_ban_is_answered_again_and_can_be_cancelled():
    banned: set[str] = set()
    bench = Bench(is_banned=banned.__contains__)
    bench.receive_call()
    banned.add(FLOW.remote[0])
    assert [message.status for message in bench.send(request(body=OFFER)) if isinstance(message, Response)] == [100]
    sent = bench.send(request("CANCEL"))
    assert [message.status for message in sent if isinstance(message, Response)] == [200, 487]


def test_who_is_banned_may_answer_what_he_is_asked():
    banned: set[str] = set()
    bench = Bench(is_banned=banned.__contains__)
    invite, _ = bench.answered_call()
    banned.add(FLOW.remote[0])
    bench.stack.hang_up(invite, now=bench.now)
    bench.answer_from_peer(bench.sent_request(), 200)
    assert bench.wait(60.0) == []
    assert bench.is_empty()


def test_nonsense_of_who_is_banned_is_told_to_nobody_while_calls_are_up():
    banned: set[str] = set()
    bench = Bench(is_banned=banned.__contains__)
    bench.answered_call()
    banned.add(FLOW.remote[0])
    assert bench.send(b"no SIP at all\r\n\r\n") == []
    assert bench.events() == []


def test_every_request_outside_of_calls_may_be_refused_by_its_source():
    asked: list[tuple[str, Flow]] = []

    def refuse(request: Request, flow: Flow) -> tuple[tuple[str, str], ...]:
        asked.append((request.method, flow))
        return (("Retry-After", "3"),)

    stack = new_stack(gate=refuse)
    methods = ["INVITE", "OPTIONS", "REGISTER", "MESSAGE"]
    for number, method in enumerate(methods):
        stack.receive_datagram(request(method, branch=f"z9hG4bK{number}", call_id=method), FLOW, now=0.0)
    sent = stack.datagrams_to_send()
    assert asked == [(method, FLOW) for method in methods]
    assert all(data.startswith(b"SIP/2.0 503 ") and b"Retry-After: 3\r\n" in data for data, _ in sent)
    assert len(sent) == len(methods)
