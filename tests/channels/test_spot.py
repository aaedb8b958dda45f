"""The phones of a user, and the flows of a phone."""

from __future__ import annotations

import pytest

from engine.channels.spot import spots_of
from engine.sip.messages import Uri
from tests.trio_tests import run_virtual

from .switch import FLOW, Call, Contact, Switch, open_switch
from .test_dial import dial


def contact(host: str, instance: str = "", reg_id: int = 0) -> Contact:
    return Contact(Uri.parse(f"sip:u@{host}"), FLOW, (("Route", f"<sip:{host};lr>"),), instance, reg_id)


def test_each_phone_is_called_once_by_its_best_flow():
    contacts = [contact("a", "x", 2), contact("b"), contact("c", "x", 1), contact("d", "y", 1), contact("e", "x")]
    spots = spots_of("u", contacts)
    assert [spot.uri.host for spot in spots] == ["a", "b", "d", "e"]
    assert [other.uri.host for other in spots[0].others] == ["c"]
    assert spots[0].routes == (("Route", "<sip:a;lr>"),)


@pytest.mark.parametrize(("status", "is_next"), [(430, True), (408, True), (503, True), (486, False), (603, False)])
def test_the_next_flow_is_for_when_the_flow_has_failed(status: int, is_next: bool):
    (spot,) = spots_of("u", [contact("a", "x", 1), contact("b", "x", 2), contact("c", "x", 3)])
    following = spot.next_flow(status)
    assert (following is not None) == is_next
    if following is not None:
        assert following.uri.host == "b"
        last = following.next_flow(status)
        assert last is not None
        assert last.next_flow(status) is None


@run_virtual
async def test_a_flow_that_has_failed_is_followed_by_the_next_of_the_same_phone():
    async with open_switch() as switch:
        call = switch.call()
        switch.users["bob"] = [contact("a", "x", 2), contact("b", "x", 1), contact("c")]
        call.do(dial(["bob"]), "d")
        assert hosts(switch) == ["a", "c"]
        assert switch.sip.invites[1].routes == (("Route", "<sip:a;lr>"),)
        leg(switch, "a").fails(430)
        assert hosts(switch) == ["a", "c", "b"]
        leg(switch, "c").fails(486)
        leg(switch, "b").fails(503)
        [branch] = switch.log.outcome("d").branches
        assert branch.reason == "busy"


@run_virtual
async def test_a_phone_that_is_busy_is_not_called_by_its_other_flow():
    async with open_switch() as switch:
        call = switch.call()
        switch.users["bob"] = [contact("a", "x", 2), contact("b", "x", 1)]
        call.do(dial(["bob"]), "d")
        leg(switch, "a").fails(486)
        assert hosts(switch) == ["a"]
        assert switch.log.outcome("d").branches[0].sip_status == 486


def hosts(switch: Switch) -> list[str]:
    return [invite.uri.host for invite in switch.sip.invites[1:] if invite.uri is not None]


def leg(switch: Switch, host: str) -> Call:
    """The phone that is called there."""
    invite = next(each for each in switch.sip.invites if each.uri is not None and each.uri.host == host)
    channel = next(c for c in switch.table.channels.values() if c.facts.sip_call_id == invite.call_id)
    return Call(switch, channel, invite)
