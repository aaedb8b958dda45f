"""Requests too large for a datagram go by TCP, and by UDP all the same where nobody takes a connection."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from engine.sip.events import AckReceived, Flow, InviteAnswered, InviteEnded, InviteReceived
from engine.sip.messages import Address, Uri
from engine.sip.stack import Invite
from engine.transport.errors import Unreachable
from engine.transport.switching import LEFT_ALONE, MAX_LEFT_ALONE, MAX_WAITING, Switching
from tests.transport.agents import OFFER, Agent, answer_everything, running
from tests.trio_tests import run_trio

LONG = (("X-Long", "x" * 1300),)
BY_UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060))
OPENED = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.9", 5060), 7)


async def both(agent: Agent) -> int:
    """Listen by UDP and TCP on one port."""
    while True:
        _, port = await agent.endpoint.listen("tcp", "127.0.0.1", 0)
        try:
            await agent.endpoint.listen("udp", "127.0.0.1", port)
        except OSError:
            continue
        return port


async def call(agent: Agent, port: int, *, headers: tuple[tuple[str, str], ...] = LONG) -> Invite:
    uri = Uri.parse(f"sip:bob@127.0.0.1:{port}")
    flow = await agent.endpoint.resolve(uri)
    assert flow.transport == "udp"
    caller = Address.parse("<sip:alice@test.example>")
    return agent.endpoint.invite(uri, flow=flow, from_=caller, body=OFFER, headers=headers)


@pytest.mark.parametrize(("headers", "transport"), [(LONG, "tcp"), ((), "udp")])
@run_trio
async def test_a_large_invite_goes_by_tcp_with_all_of_its_call(headers, transport: str):
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await both(alice)
        invite = await call(alice, await both(bob), headers=headers)
        received = await bob.wait_for(InviteReceived)
        assert received.flow.transport == transport
        assert received.request.via.transport == transport.upper()
        await alice.wait_for(InviteAnswered)
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        assert (await bob.wait_for(InviteEnded)).by == "peer"


@run_trio
async def test_who_takes_no_connection_gets_it_by_udp_and_is_not_asked_again():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await both(alice)
        _, port = await bob.endpoint.listen("udp", "127.0.0.1", 0)
        for _ in range(2):
            invite = await call(alice, port)
            received = await bob.wait_for(InviteReceived)
            assert received.request.via.transport == "UDP"
            await alice.wait_for(InviteAnswered)
            await bob.wait_for(AckReceived)
            alice.endpoint.hang_up(invite)
            await bob.wait_for(InviteEnded)


@run_trio
async def test_the_callee_of_a_large_invite_can_hang_up():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        await both(alice)
        await call(alice, await both(bob))
        received = await bob.wait_for(InviteReceived)
        await bob.wait_for(AckReceived)
        bob.endpoint.hang_up(received.invite)
        assert (await alice.wait_for(InviteEnded)).by == "peer"


@run_trio
async def test_who_takes_it_and_hangs_up_gets_it_by_udp():
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob), trio.open_nursery() as nursery:
        await both(alice)
        _, port = await bob.endpoint.listen("udp", "127.0.0.1", 0)

        async def close(stream: trio.SocketStream) -> None:
            await stream.aclose()

        await nursery.start(partial(trio.serve_tcp, close, port, host="127.0.0.1"))
        await call(alice, port)
        assert (await bob.wait_for(InviteReceived)).request.via.transport == "UDP"
        await alice.wait_for(InviteAnswered)
        nursery.cancel_scope.cancel()


class Bench:
    """A switching whose connections the test opens."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[bytes, Flow]] = []
        self.failed: list[Flow] = []
        self.opened: Flow | None = OPENED
        self.may_open = trio.Event()
        self.switching = Switching(
            connect=self._connect,
            send=lambda data, flow: self.sent.append((data, flow)),
            fail=self.failed.append,
            clock=lambda: self.now,
        )

    async def _connect(self, flow: Flow) -> Flow:
        await self.may_open.wait()
        if self.opened is None:
            raise Unreachable("nobody there")
        return self.opened

    def stream(self) -> Flow:
        flow = self.switching.stream(BY_UDP, 5070)
        assert flow is not None
        return flow


@run_trio
async def test_what_is_sent_meanwhile_waits_in_order_and_is_bounded():
    bench = Bench()
    flow = bench.stream()
    assert flow == Flow("tcp", ("192.0.2.1", 5070), ("192.0.2.9", 5060))
    async with trio.open_nursery() as nursery:
        for number in range(MAX_WAITING + 5):
            bench.switching.send(b"%d" % number, flow, nursery)
        bench.may_open.set()
    assert bench.sent == [(b"%d" % number, OPENED) for number in range(MAX_WAITING)]


@run_trio
async def test_a_connection_that_is_lost_is_opened_again_when_something_is_sent():
    bench = Bench()
    bench.may_open.set()
    flow = bench.stream()
    for opened in (OPENED, OPENED._replace(connection=8)):
        bench.opened = opened
        async with trio.open_nursery() as nursery:
            bench.switching.send(b"it", flow, nursery)
        assert bench.sent[-1] == (b"it", opened)
        assert list(bench.switching.lose(opened)) == [flow]
    assert list(bench.switching.lose(OPENED)) == []


@run_trio
async def test_who_takes_no_connection_is_left_alone_for_a_while():
    bench = Bench()
    bench.opened = None
    bench.may_open.set()
    flow = bench.stream()
    async with trio.open_nursery() as nursery:
        bench.switching.send(b"it", flow, nursery)
    assert bench.failed == [flow]
    assert bench.switching.stream(BY_UDP, 5070) is None
    bench.now += LEFT_ALONE
    assert bench.stream() == flow


@run_trio
async def test_of_those_left_alone_not_more_are_remembered_than_may_be():
    bench = Bench()
    bench.opened = None
    bench.may_open.set()
    async with trio.open_nursery() as nursery:
        for port in range(1, MAX_LEFT_ALONE + 2):
            bench.switching.send(b"it", Flow("tcp", BY_UDP.local, ("192.0.2.9", port)), nursery)
    peers = (BY_UDP._replace(remote=("192.0.2.9", port)) for port in range(1, MAX_LEFT_ALONE + 2))
    assert sum(bench.switching.stream(each, 5070) is not None for each in peers) == 1
