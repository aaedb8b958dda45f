"""Trunks are found by the address that a call comes from."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest

from engine.sip.events import Flow
from engine.trunks.sources import Sources
from engine.trunks.spec import TargetSpec, TrunkSpec
from engine.trunks.trunk import Trunk
from tests.trunks.test_trunks import Unheard

HOST = "203.0.113.9"


def trunk(name: str, *, allow: Sequence[str] = (), on_moved=lambda: None) -> Trunk:
    networks = tuple(ipaddress.ip_network(network) for network in allow)
    spec = TrunkSpec(name=name, targets=(TargetSpec(host="sip.example"),), allow=networks or None)
    return Trunk(spec, events=Unheard(), clock=lambda: 0.0, chance=lambda: 0.0, on_moved=on_moved)


def move(trunk: Trunk, host: str) -> None:
    trunk.note_way(trunk.targets[0], Flow("udp", ("192.0.2.1", 5060), (host, 5060)))


@pytest.mark.parametrize(
    ("host", "found"),
    [
        (HOST, ["wide", "one"]),
        ("203.0.113.10", ["wide"]),
        ("2001:db8::9", ["six"]),
        ("2001:db8::9%eth0", ["six"]),
        ("198.51.100.1", []),
    ],
)
def test_those_are_found_in_their_order_that_may_call_from_there(host: str, found: list[str]):
    allowed = {"wide": ["203.0.113.0/24", HOST], "one": [HOST], "six": ["2001:db8::/32"], "none": []}
    sources = Sources([trunk(name, allow=networks) for name, networks in allowed.items()])
    assert [each.name for each in sources.candidates(host)] == found


def test_a_trunk_is_found_where_its_target_has_moved_to():
    carrier = trunk("carrier", on_moved=lambda: sources.forget())
    sources = Sources([carrier])
    assert sources.candidates(HOST) == ()
    move(carrier, HOST)
    assert sources.candidates(HOST) == [carrier]
    move(carrier, "203.0.113.10")
    assert sources.candidates(HOST) == ()
