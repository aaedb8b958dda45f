"""What waits in a socket that nobody reads, as the kernel says."""

from __future__ import annotations

import socket

import trio

from engine.sip.events import Flow
from engine.transport.address import LocalAddresses, bind
from engine.transport.backlog import Backlog, Drops, worst
from engine.transport.udp import MAX_PER_WAKE, UdpTransport
from tests.trio_tests import run_trio

SMALL = 1 << 14  # octets: the kernel makes twice as many of it


def open_transport() -> UdpTransport:
    sock = bind(socket.SOCK_DGRAM, "127.0.0.1", 0)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
    return UdpTransport(sock, LocalAddresses())


def send(transport: UdpTransport, *, count: int, octets: int = 400) -> None:
    """All of them have been delivered or dropped when this returns: loopback does it in `sendto`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(count):
            sender.sendto(bytes(octets), transport.local)


async def read(transport: UdpTransport, *, count: int) -> int:
    """Read so many datagrams, or whatever comes with the last of them."""
    received: list[bytes] = []

    def receive(data: bytes, flow: Flow) -> None:
        received.append(data)
        if len(received) == count:
            nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run, receive)
    return len(received)


@run_trio
async def test_a_socket_that_is_not_read_fills_and_what_is_lost_is_counted():
    transport = open_transport()
    try:
        assert transport.backlog() == Backlog(room=2 * SMALL)
        send(transport, count=5)
        some = transport.backlog()
        assert 0 < some.share < 0.5
        assert some.dropped == 0
        send(transport, count=1000)
        full = transport.backlog()
        assert full.share > 0.9
        assert 900 < full.dropped < 1005
    finally:
        transport.close()


@run_trio
async def test_what_was_not_lost_is_all_there_and_a_closed_socket_still_says_what_was():
    transport = open_transport()
    send(transport, count=1000)
    lost = transport.backlog().dropped
    assert await read(transport, count=1000 - lost) == 1000 - lost  # it closes the socket
    assert transport.backlog() == Backlog(dropped=lost)


@run_trio
async def test_a_socket_is_behind_from_the_turn_that_leaves_something_to_the_one_that_does_not():
    now = 0.0
    transport = UdpTransport(bind(socket.SOCK_DGRAM, "127.0.0.1", 0), LocalAddresses(), clock=lambda: now)
    seen: list[float] = []

    def receive(data: bytes, flow: Flow) -> None:
        nonlocal now
        now += 1.0
        if len(data) == 2:
            nursery.cancel_scope.cancel()
        elif len(data) == 1:
            seen.append(transport.backlog().seconds)
            send(transport, count=1, octets=2)

    send(transport, count=2 * MAX_PER_WAKE)
    send(transport, count=1, octets=1)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(transport.run, receive)
    assert seen == [MAX_PER_WAKE + 1.0]


def test_the_kernels_count_may_come_round():
    drops = Drops()
    assert drops.note((1 << 32) - 2) == (1 << 32) - 2
    assert drops.note(3) == (1 << 32) + 3


def test_several_sockets_are_as_bad_as_the_worst_of_them():
    assert worst([Backlog(1.0, 0.1, 5, 1000), Backlog(0.0, 0.4, 7, 2000)]) == Backlog(1.0, 0.4, 12, 1000)
    assert worst([]) == Backlog()
