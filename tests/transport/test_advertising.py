"""Which address a peer is told."""

from __future__ import annotations

import ipaddress

import pytest

from engine.sip.events import AckReceived, InviteEnded, InviteFailed, InviteReceived
from engine.transport.advertising import Advertised, Advertising
from tests.transport.agents import Agent, answer_everything, running
from tests.trio_tests import run_trio

OUTSIDE = "203.0.113.5"
OURS = ("10.0.0.5", 5060)
ELSEWHERE = [ipaddress.ip_network("192.0.2.0/24")]  # so that loopback is a stranger's


@pytest.mark.parametrize(
    ("remote", "host"),
    [("10.0.0.9", "10.0.0.5"), ("192.168.1.4", "10.0.0.5"), ("198.51.100.7", OUTSIDE), ("127.0.0.1", "10.0.0.5")],
)
def test_private_networks_see_the_address_that_we_have_all_others_the_advertised_one(remote: str, host: str):
    assert Advertising([Advertised(OUTSIDE)]).seen("udp", OURS, OURS, remote) == (host, 5060)


def test_what_is_local_can_be_said():
    advertising = Advertising([Advertised(OUTSIDE)], [ipaddress.ip_network("198.51.100.0/24")])
    assert advertising.seen("udp", OURS, OURS, "198.51.100.7") == OURS
    assert advertising.seen("udp", OURS, OURS, "10.0.0.9") == (OUTSIDE, 5060)


def test_a_listener_of_its_own_goes_before_the_address_of_all():
    mapped = Advertised("203.0.113.9", 5070, ("tcp", "10.0.0.5", 5060))
    advertising = Advertising([Advertised(OUTSIDE), mapped])
    assert advertising.seen("tcp", OURS, OURS, "198.51.100.7") == ("203.0.113.9", 5070)
    assert advertising.seen("udp", OURS, OURS, "198.51.100.7") == (OUTSIDE, 5060)


def test_an_address_is_advertised_for_its_family_alone():
    advertising = Advertising([Advertised(OUTSIDE)])
    ours = ("2001:db8::1", 5060)
    assert advertising.seen("udp", ours, ours, "2001:db8:ffff::9") == ours


def test_peers_beyond_the_bound_are_judged_alike():
    advertising = Advertising([Advertised(OUTSIDE)])
    peers = [str(ipaddress.ip_address(0xCB000000 + number)) for number in range(5000)]
    assert all(not advertising.is_local(peer) for peer in peers * 2)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@run_trio
async def test_a_call_from_elsewhere_is_told_the_advertised_address_and_answered_by_the_real_one(transport: str):
    alice = Agent("alice")
    bob = Agent("bob", advertising=Advertising([Advertised(OUTSIDE)], ELSEWHERE))
    async with running(alice, bob):
        await alice.endpoint.listen(transport, "127.0.0.1", 0)
        host, port = await bob.endpoint.listen(transport, "127.0.0.1", 0)
        await alice.call(host, port, transport=transport)
        received = await bob.wait_for(InviteReceived)
        assert received.flow.local == (OUTSIDE, port)
        assert bob.endpoint.media_host(received.flow) == OUTSIDE
        assert (transport, OUTSIDE, port) in bob.endpoint.addresses
        bob.endpoint.reject(received.invite, 486)
        assert (await alice.wait_for(InviteFailed)).status == 486


@run_trio
async def test_a_call_to_elsewhere_names_the_advertised_address_in_via_and_contact():
    bob = Agent("bob", react=answer_everything)
    alice = Agent("alice", advertising=Advertising([Advertised(OUTSIDE)], ELSEWHERE))
    async with running(alice, bob):
        _, ours = await alice.endpoint.listen("udp", "127.0.0.1", 0)
        host, port = await bob.endpoint.listen("udp", "127.0.0.1", 0)
        invite = await alice.call(host, port)
        received = await bob.wait_for(InviteReceived)
        assert (received.request.via.host, received.request.via.port) == (OUTSIDE, ours)
        assert (received.request.contacts[0].uri.host, received.request.contacts[0].uri.port) == (OUTSIDE, ours)
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        await bob.wait_for(InviteEnded)
