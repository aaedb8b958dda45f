"""Phones behind a NAT: reached where they came from, whatever address they say is theirs; a proxy at its own."""

from __future__ import annotations

import pytest

from engine.sip.events import Flow
from engine.sip.messages import Request
from tests.sip.messages_by_hand import ANSWER, OURS
from tests.sip.peer import Bench

SOURCE = ("198.51.100.7", 40000)
UDP, TCP = Flow("udp", OURS, SOURCE), Flow("tcp", OURS, SOURCE, connection=7)
PRIVATE = "<sip:alice@10.0.0.1:5062>"
ROUTE = "<sip:203.0.113.5:5070;lr>"


def hung_up_on(flow: Flow, *headers: tuple[str, str]) -> tuple[Request, Flow]:
    """Our BYE to a caller with a private Contact, and the flow it goes by."""
    bench = Bench(flow=flow)
    nat = {"via": f"SIP/2.0/{flow.transport.upper()} 10.0.0.1:5062;rport", "contact": PRIVATE}
    invite, _ = bench.answered_call(**nat, headers=headers)
    bench.stack.hang_up(invite, now=0.0)
    ((bye, by),) = bench.sent_with_flows()
    assert isinstance(bye, Request)
    assert (bye.method, str(bye.uri)) == ("BYE", PRIVATE.strip("<>"))
    return bye, by


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_a_caller_with_a_private_contact_is_reached_where_he_came_from(flow: Flow):
    bye, by = hung_up_on(flow)
    assert by == flow
    assert bye.header("Route") is None


def test_a_caller_with_a_private_contact_behind_a_proxy_is_reached_by_the_proxy():
    bye, by = hung_up_on(UDP, ("Record-Route", ROUTE))
    assert by.remote == ("203.0.113.5", 5070)
    assert bye.header("Route") == ROUTE


def test_a_proxy_that_came_by_a_connection_is_reached_by_it():
    bye, by = hung_up_on(TCP, ("Record-Route", ROUTE))
    assert by == TCP
    assert bye.header("Route") == ROUTE


@pytest.mark.parametrize("flow", [UDP, TCP], ids=["udp", "tcp"])
def test_a_callee_whose_answer_names_a_private_contact_is_reached_where_he_was_called(flow: Flow):
    bench = Bench(flow=flow)
    invite, sent = bench.place_call(uri="sip:bob@10.0.0.2:5062")
    bench.answer_from_peer(sent, 200, contact="<sip:bob@10.0.0.2:5062>", body=ANSWER)
    bench.stack.hang_up(invite, now=0.0)
    ((bye, by),) = bench.sent_with_flows()
    assert isinstance(bye, Request)
    assert (bye.method, by) == ("BYE", flow)
