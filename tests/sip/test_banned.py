"""What is read of an address that is banned, and who is asked about requests outside of calls."""

from __future__ import annotations

import itertools

import pytest

from engine.sip.events import Flow
from engine.sip.messages import Request
from engine.sip.stack import SipStack
from tests.sip.messages_by_hand import CONNECTION, FLOW, request

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
