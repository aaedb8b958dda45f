"""At which addresses trunks are."""

from __future__ import annotations

import ipaddress

import pytest

from callflow.protocol.events import Event
from engine.sip.events import Flow
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from engine.trunks.spec import TargetSpec, TrunkSpec
from engine.trunks.trunks import Trunks
from tests.trio_tests import run_trio

from .peer import tokens

CARRIER = "198.51.100.1"


class Unheard:
    def emit(self, event: Event) -> int:
        return 0


def trunks(**options) -> Trunks:
    endpoint = Endpoint(SipStack(new_token=tokens(1)), on_event=lambda event: None)
    spec = TrunkSpec(name="carrier", targets=(TargetSpec(host="sip.carrier.example"),), **options)
    return Trunks([spec], sip=endpoint, events=Unheard(), new_token=tokens(2))


@run_trio
async def test_a_trunk_is_where_its_target_was_found():
    carriers = trunks()
    assert not carriers.is_trunk(CARRIER)
    (trunk,) = carriers
    trunk.note_way(trunk.targets[0], Flow("udp", ("192.0.2.1", 5060), (CARRIER, 5060)))
    assert carriers.is_trunk(CARRIER)
    assert not carriers.is_trunk("198.51.100.2")


@pytest.mark.parametrize(("host", "is_it"), [("203.0.113.9", True), ("203.0.114.9", False), ("2001:db8::9", False)])
@run_trio
async def test_a_trunk_is_wherever_it_may_call_from(host: str, is_it: bool):
    assert trunks(allow=(ipaddress.ip_network("203.0.113.0/24"),)).is_trunk(host) == is_it


@run_trio
async def test_on_this_machine_an_address_tells_no_trunk_from_others():
    assert not trunks(allow=(ipaddress.ip_network("127.0.0.0/8"),)).is_trunk("127.0.0.1")
