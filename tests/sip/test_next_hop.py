"""Where messages go (RFC 3261 12.2.1.1, 18.2.2; RFC 3581)."""

from __future__ import annotations

import pytest

from engine.sip.events import Flow
from engine.sip.messages import Uri
from engine.sip.next_hop import dialog_flow, is_literal, is_translated, response_flow
from tests.sip.messages_by_hand import CONNECTION, OURS, parse_request, request

SOURCE = ("198.51.100.7", 40000)
FLOW = Flow("udp", OURS, SOURCE)


@pytest.mark.parametrize(
    ("host", "is_it"),
    [
        ("192.0.2.1", True),
        ("2001:db8::1", True),
        ("::ffff:192.0.2.1", True),
        ("fe80::1%eth0", True),
        ("fe80::1%" + 60 * "e", False),  # longer than any
        ("example.com", False),
        ("host1", False),
        ("1.2.3", False),
        ("", False),
    ],
)
def test_an_address_is_literal_or_a_name(host, is_it):
    assert is_literal(host) is is_it


@pytest.mark.parametrize(
    ("via", "remote"),
    [
        ("SIP/2.0/UDP 10.0.0.1:5062;rport", SOURCE),
        ("SIP/2.0/UDP 10.0.0.1:5062", SOURCE),  # translated: its port means nothing outside
        ("SIP/2.0/UDP phone.example:5062", SOURCE),
        ("SIP/2.0/UDP 198.51.100.7:5062;rport", SOURCE),
        ("SIP/2.0/UDP 198.51.100.7:5062", ("198.51.100.7", 5062)),
        ("SIP/2.0/UDP 198.51.100.7", ("198.51.100.7", 5060)),
    ],
)
def test_a_response_goes_to(via, remote):
    assert response_flow(parse_request(request(via=via)), FLOW).remote == remote


def test_a_response_goes_by_the_connection_of_its_request():
    assert response_flow(parse_request(request(via="SIP/2.0/TCP 10.0.0.1:5062")), CONNECTION) is CONNECTION


@pytest.mark.parametrize(
    ("via", "is_it"),
    [
        ("SIP/2.0/UDP 10.0.0.1:5062", True),
        ("SIP/2.0/UDP 198.51.100.7:9", False),
        ("SIP/2.0/UDP phone.example", False),
    ],
)
def test_a_via_tells_whether_its_sender_is_translated(via, is_it):
    assert is_translated(parse_request(request(via=via)), FLOW) is is_it


@pytest.mark.parametrize(
    ("target", "remote"),
    [
        ("sip:a@198.51.100.7:40000", SOURCE),
        ("sip:a@198.51.100.7:5062", ("198.51.100.7", 5062)),
        ("sip:a@203.0.113.5", ("203.0.113.5", 5060)),
        ("sip:a@phone.example", SOURCE),
        ("sip:a@203.0.113.5;transport=tcp", SOURCE),
        ("sip:a@10.0.0.1:5062", SOURCE),  # private, said from a public address
        ("sip:a@[2001:db8::1]", SOURCE),  # no socket of the flow can send there
        ("sip:a@224.0.0.1", SOURCE),
        ("sip:a@0.0.0.0", SOURCE),
        ("tel:+1", SOURCE),
    ],
)
def test_a_request_inside_a_dialog_goes_to(target, remote):
    assert dialog_flow(Uri.parse(target), FLOW, has_routes=False, peer_is_translated=False).remote == remote


def test_a_translated_peer_is_reached_where_it_came_from():
    flow = dialog_flow(Uri.parse("sip:a@203.0.113.5"), FLOW, has_routes=False, peer_is_translated=True)
    assert flow is FLOW


def test_a_route_is_followed_whatever_the_peer_behind_it():
    flow = dialog_flow(Uri.parse("sip:203.0.113.5;lr"), FLOW, has_routes=True, peer_is_translated=True)
    assert flow.remote == ("203.0.113.5", 5060)


def test_a_connection_is_its_own_way():
    flow = dialog_flow(Uri.parse("sip:a@203.0.113.5"), CONNECTION, has_routes=False, peer_is_translated=False)
    assert flow is CONNECTION


def test_a_private_peer_of_a_private_peer_is_reached_directly():
    flow = Flow("udp", ("10.0.0.1", 5060), ("10.0.0.2", 5060))
    target = Uri.parse("sip:a@10.0.0.3")
    assert dialog_flow(target, flow, has_routes=False, peer_is_translated=False).remote == ("10.0.0.3", 5060)
