"""The in-memory network: datagrams in virtual time, and what may befall them."""

from __future__ import annotations

import random
from contextlib import asynccontextmanager

import pytest
import trio

from engine.sip.events import Flow
from engine.transport.memory import MemoryNetwork
from tests.trio_tests import run_virtual

A, B = ("10.0.0.1", 5060), ("10.0.0.2", 5060)
A_TO_B = Flow("udp", A, B)


class Host:
    """Stands for an endpoint: keeps what arrives, and when."""

    def __init__(self):
        self.received = []

    def add_transport(self, transport):
        self.transport = transport

    def receive(self, data, flow):
        self.received.append((round(trio.current_time(), 6), data, flow.remote))


@asynccontextmanager
async def two_hosts(**options):
    network = MemoryNetwork(rng=random.Random(1), **options)
    a, b = Host(), Host()
    network.attach(a, *A)
    network.attach(b, *B)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a.transport.run, a.receive)
        nursery.start_soon(b.transport.run, b.receive)
        yield a, b
        nursery.cancel_scope.cancel()


@run_virtual
async def test_a_datagram_arrives_after_the_latency_with_its_source():
    async with two_hosts(latency=0.04) as (a, b):
        a.transport.send(b"one", A_TO_B)
        a.transport.send(b"two", A_TO_B)
        await trio.sleep(1)
        assert b.received == [(0.04, b"one", A), (0.04, b"two", A)]


@run_virtual
async def test_what_is_sent_nowhere_is_lost():
    async with two_hosts() as (a, _):
        a.transport.send(b"one", Flow("udp", A, ("10.9.9.9", 5060)))
        await trio.sleep(1)


@run_virtual
async def test_lost_and_doubled_datagrams_are_about_as_many_as_asked_for():
    async with two_hosts(loss=0.2, duplicate=0.5) as (a, b):
        for _ in range(1000):
            a.transport.send(b"x", A_TO_B)
        await trio.sleep(1)
        assert len(b.received) == pytest.approx(1000 * 1.5 * 0.8, rel=0.1)


@run_virtual
async def test_reordered_datagrams_overtake_each_other_and_all_arrive():
    async with two_hosts(latency=0.01, reorder=0.3) as (a, b):
        for number in range(100):
            a.transport.send(bytes([number]), A_TO_B)
            await trio.sleep(0.005)
        await trio.sleep(1)
        order = [data[0] for _, data, _ in b.received]
        assert order != sorted(order)
        assert sorted(order) == list(range(100))


def test_the_same_seed_gives_the_same_fate():
    fates = []

    @run_virtual
    async def main():
        async with two_hosts(latency=0.01, loss=0.2, duplicate=0.2, reorder=0.2) as (a, b):
            for number in range(100):
                a.transport.send(bytes([number]), A_TO_B)
            await trio.sleep(1)
            fates.append(b.received)

    main()
    main()
    assert fates[0] == fates[1]


@run_virtual
async def test_an_address_is_taken_once_and_free_again_when_its_transport_has_ended():
    network = MemoryNetwork(rng=random.Random(1))
    first = network.attach(Host(), *A)
    with pytest.raises(OSError, match=r"udp:10\.0\.0\.1:5060: address already in use"):
        network.attach(Host(), *A)
    with trio.move_on_after(1):
        await first.run(lambda data, flow: None)
    network.attach(Host(), *A)
