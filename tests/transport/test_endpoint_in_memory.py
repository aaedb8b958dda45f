"""The endpoint on virtual time: its one timer, and its verbs inside events."""

from __future__ import annotations

import random

import trio

from engine.sip.events import AckReceived, InviteEnded, InviteFailed, InviteReceived
from engine.transport.memory import MemoryNetwork
from tests.transport.agents import ANSWER, Agent, answer_everything, running
from tests.trio_tests import run_virtual


def network(**options) -> MemoryNetwork:
    return MemoryNetwork(rng=random.Random(1), **options)


@run_virtual
async def test_a_call_in_memory():
    net, alice, bob = network(latency=0.02), Agent("alice"), Agent("bob", react=answer_everything)
    net.attach(alice.endpoint, "10.0.0.1")
    net.attach(bob.endpoint, "10.0.0.2")
    async with running(alice, bob):
        invite = await alice.call("10.0.0.2", 5060)
        received = await bob.wait_for(InviteReceived)
        assert received.flow.remote == ("10.0.0.1", 5060)
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        await bob.wait_for(InviteEnded)


@run_virtual
async def test_a_transport_may_be_added_while_the_endpoint_runs():
    net, alice, bob = network(), Agent("alice"), Agent("bob", react=answer_everything)
    async with running(alice, bob):
        net.attach(alice.endpoint, "10.0.0.1")
        net.attach(bob.endpoint, "10.0.0.2")
        await alice.call("10.0.0.2", 5060)
        await bob.wait_for(AckReceived)


@run_virtual
async def test_deadlines_are_met_to_the_moment():
    net, alice = network(), Agent("alice")
    net.attach(alice.endpoint, "10.0.0.1")
    async with running(alice):
        start = trio.current_time()
        await alice.call("10.0.0.2", 5060)
        assert (await alice.wait_for(InviteFailed)).status == 408
        assert trio.current_time() - start == 32.0


@run_virtual
async def test_a_nearer_deadline_wakes_the_timer_earlier():
    net, alice, bob = network(), Agent("alice"), Agent("bob")
    net.attach(alice.endpoint, "10.0.0.1")
    net.attach(bob.endpoint, "10.0.0.2")
    async with running(alice, bob):
        await alice.call("10.0.0.2", 5060)
        received = await bob.wait_for(InviteReceived)
        bob.endpoint.reject(received.invite, 486)
        await alice.wait_for(InviteFailed)  # alice's timer is now set 32 seconds ahead
        start = trio.current_time()
        await alice.call("10.9.9.9", 5060)
        await alice.wait_for(InviteFailed)
        assert trio.current_time() - start == 32.0


@run_virtual
async def test_a_bad_network_only_takes_longer():
    net = network(latency=0.05, loss=0.3, duplicate=0.2, reorder=0.2)
    alice, bob = Agent("alice"), Agent("bob", react=answer_everything)
    net.attach(alice.endpoint, "10.0.0.1")
    net.attach(bob.endpoint, "10.0.0.2")
    async with running(alice, bob):
        invite = await alice.call("10.0.0.2", 5060)
        await bob.wait_for(AckReceived)
        alice.endpoint.hang_up(invite)
        await bob.wait_for(InviteEnded)
        await trio.sleep(200.0)
        assert not any(alice.stack.counts)
        assert not any(bob.stack.counts)


@run_virtual
async def test_a_verb_inside_an_event_is_carried_out_before_the_next_event():
    order: list[str] = []

    def react(agent: Agent, event: object) -> None:
        order.append(type(event).__name__)
        if isinstance(event, InviteReceived):
            agent.endpoint.ring(event.invite)
            agent.endpoint.answer(event.invite, body=ANSWER)
            order.append("answered")

    net, alice, bob = network(), Agent("alice"), Agent("bob", react=react)
    net.attach(alice.endpoint, "10.0.0.1")
    net.attach(bob.endpoint, "10.0.0.2")
    async with running(alice, bob):
        await alice.call("10.0.0.2", 5060)
        await bob.wait_for(AckReceived)
    assert order == ["InviteReceived", "answered", "AckReceived"]
