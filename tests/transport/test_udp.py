"""UDP over real sockets: floods, full sockets, errors that come back."""

from __future__ import annotations

import socket

import pytest
import trio

from engine.sip.events import Flow, InviteReceived, MalformedReceived
from engine.transport.address import LocalAddresses, bind
from engine.transport.udp import MAX_PER_WAKE, UdpTransport
from tests.sip.messages_by_hand import request
from tests.transport.agents import OFFER, Agent, running
from tests.trio_tests import run_trio


def plain_socket() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    return sock


def open_transport(host: str = "127.0.0.1") -> UdpTransport:
    return UdpTransport(bind(socket.SOCK_DGRAM, host, 0), LocalAddresses())


@run_trio
async def test_a_flood_lets_others_have_their_turn():
    sender = plain_socket()
    transport = open_transport()
    for number in range(3 * MAX_PER_WAKE):
        sender.sendto(str(number).encode(), transport.local)
    received: list[bytes] = []
    per_turn: list[int] = []

    def receive(data: bytes, flow: Flow) -> None:
        received.append(data)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run, receive)
        while len(received) < 3 * MAX_PER_WAKE:
            before = len(received)
            await trio.lowlevel.checkpoint()
            per_turn.append(len(received) - before)
        nursery.cancel_scope.cancel()
    assert max(per_turn) <= 2 * MAX_PER_WAKE  # trio may run it twice between two turns of ours
    assert received == [str(number).encode() for number in range(3 * MAX_PER_WAKE)]
    sender.close()


@run_trio
async def test_a_flow_says_who_sent_and_where_we_are_for_them():
    sender = plain_socket()
    agent = Agent("bob")
    async with running(agent):
        address = await agent.endpoint.listen("udp", "127.0.0.1", 0)
        sender.sendto(request(body=OFFER), address)
        received = await agent.wait_for(InviteReceived)
        assert received.flow == Flow("udp", address, sender.getsockname())
    sender.close()


@run_trio
async def test_noise_is_counted_and_harms_nobody():
    sender = plain_socket()
    agent = Agent("bob")
    async with running(agent):
        address = await agent.endpoint.listen("udp", "127.0.0.1", 0)
        sender.sendto(b"\xff" * 1400, address)
        sender.sendto(request(body=OFFER), address)
        assert not (await agent.wait_for(MalformedReceived)).was_answered
        await agent.wait_for(InviteReceived)
    sender.close()


@run_trio
async def test_a_peer_that_is_not_there_yet_does_not_stop_the_socket():
    agent = Agent("bob")
    nobody = plain_socket()
    nobody_at = nobody.getsockname()
    nobody.close()
    sender = plain_socket()
    async with running(agent):
        address = await agent.endpoint.listen("udp", "127.0.0.1", 0)
        await agent.call(*nobody_at)
        await trio.lowlevel.checkpoint()
        sender.sendto(request(body=OFFER), address)
        await agent.wait_for(InviteReceived)
    sender.close()


@run_trio
async def test_datagrams_wait_in_line_while_the_socket_is_full():
    full = FullSocket(bind(socket.SOCK_DGRAM, "127.0.0.1", 0))  # no kernel fills a loopback socket on demand
    transport = UdpTransport(full, LocalAddresses())
    flow = transport.flow_to(("127.0.0.1", 9))
    for number in range(1100):
        transport.send(str(number).encode(), flow)
    assert transport.dropped == 100
    full.is_full = False
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run, lambda data, flow: None)
        while len(full.sent) < 1000:
            await trio.lowlevel.checkpoint()
        transport.send(b"afterwards", flow)
        nursery.cancel_scope.cancel()
    assert full.sent == [*(str(number).encode() for number in range(1000)), b"afterwards"]


class FullSocket:
    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self.is_full = True
        self.sent: list[bytes] = []

    def sendto(self, data: bytes, address: tuple[str, int]) -> int:
        if self.is_full:
            raise BlockingIOError
        self.sent.append(data)
        return len(data)

    def __getattr__(self, name: str) -> object:
        return getattr(self._socket, name)


def test_the_address_towards_a_peer_is_asked_once_and_remembered():
    addresses = LocalAddresses()
    assert addresses.towards("127.0.0.1") == "127.0.0.1"
    assert addresses.towards("127.0.0.1") == "127.0.0.1"
    for number in range(5000):
        addresses.towards(f"127.0.{number // 250}.{1 + number % 250}")


def test_ipv6_is_an_address_like_any_other():
    try:
        transport = open_transport("::1")
    except OSError:
        pytest.fail("no IPv6 on this machine's loopback")
    assert transport.flow_to(("::1", 5060)).local == ("::1", transport.local[1])
    transport.close()
