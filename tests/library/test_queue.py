"""The queue, with simulated phones."""

from __future__ import annotations

import random

import pytest

from callflow.library.agent import Agent, choose
from callflow.testing import Simulation

office = pytest.mark.callflow("office.py")


@office
async def test_the_caller_hears_music_and_gets_the_agent_who_is_idle_longest(simulation: Simulation) -> None:
    alice, bob = simulation.phone("alice", answers_after=2), simulation.phone("bob", answers_after=2)
    first, second = simulation.phone("first"), simulation.phone("second")
    first.call("400")
    await first.connected_to(alice)
    second.call("400")
    await second.connected_to(bob)


@office
async def test_who_waits_is_told_the_place_and_served_when_an_agent_has_wrapped_up(simulation: Simulation) -> None:
    alice = simulation.phone("alice", answers_after=2)
    simulation.phone("bob", rejects=486)
    first, second = simulation.phone("first"), simulation.phone("second")
    first.call("400")
    await first.connected_to(alice)
    second.call("400")
    await second.hears(440.0)
    await second.heard("number.wav")
    await second.heard("1.wav")
    first.hang_up()
    await alice.ended()
    at = simulation.now
    await second.connected_to(alice)
    assert 30 < simulation.now - at < 45  # 30 s to wrap up


@office
async def test_an_agent_who_does_not_answer_is_passed_over(simulation: Simulation) -> None:
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    caller = simulation.phone("caller")
    caller.call("400")
    await alice.rings()
    await caller.connected_to(bob)
    assert not alice.is_in_call


@office
async def test_all_ring_and_the_first_to_answer_has_the_call(simulation: Simulation) -> None:
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    caller = simulation.phone("caller")
    caller.call("401")
    await alice.rings()
    await bob.rings()
    bob.answer()
    await caller.connected_to(bob)
    await alice.ended()


@office
async def test_patience_ends(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("401")
    await caller.heard(620.0)
    assert 30 < simulation.now < 35


@office
async def test_a_fourth_caller_finds_the_queue_full(simulation: Simulation) -> None:
    phones = [simulation.phone(f"caller{number}") for number in range(4)]
    for phone in phones[:3]:
        phone.call("400")
        await phone.answered()
    phones[3].call("400")
    await phones[3].heard("goodbye.wav")
    await phones[3].ended()


@office
async def test_who_asks_for_it_is_called_back(simulation: Simulation) -> None:
    simulation.phone("alice", rejects=486)
    simulation.phone("bob", rejects=486)
    caller, agent = simulation.phone("caller"), simulation.phone("agent")
    caller.call("400")
    await caller.heard("back.wav")
    caller.press("1")
    await caller.heard("goodbye.wav")
    await caller.ended()
    agent.call("402")
    await caller.rings()
    caller.answer()
    await caller.connected_to(agent)


@office
async def test_nobody_is_to_be_called_back(simulation: Simulation) -> None:
    agent = simulation.phone("agent")
    agent.call("402")
    await agent.heard(480.0)


def test_strategies_choose_as_they_are_named() -> None:
    one = Agent("one", calls=3, idle_since=5)
    two = Agent("two", calls=1, idle_since=9)
    rng = random.Random(1)
    assert choose([one, two], "ring_all", rng) == [one, two]
    assert choose([one, two], "longest_idle", rng) == [one]
    assert choose([one, two], "fewest_calls", rng) == [two]
    assert choose([one, two], "in_order", rng) == [one]
    assert {choose([one, two], "random", rng)[0].target for _ in range(50)} == {"one", "two"}
    assert choose([], "in_order", rng) == []
