"""Calls of hours: session timers keep those that live, and end those that have died unheard (RFC 4028)."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call
from callflow.protocol.events import ChannelEnded
from callflow.testing import Simulation

app = App("long")
pytestmark = pytest.mark.callflow(app)


@app.route("9000")
async def music(call: Call) -> None:
    await call.answer()
    await call.play("music.wav", repeat=0)


@app.route("1002")
async def bob(call: Call) -> None:
    won = await call.dial("bob")
    if isinstance(won, Answered):
        await call.bridge(won.leg)


async def test_a_call_of_three_hours_goes_on(simulation: Simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    alice.call("1002")
    await alice.connected_to(bob)
    await simulation.wait(3 * 3600)
    assert alice.listens_to(bob)
    assert simulation.happened(ChannelEnded) == []


async def test_a_caller_whose_line_is_dead_is_found_out(simulation: Simulation):
    alice = simulation.phone("alice")
    alice.call("9000")
    await alice.answered()
    simulation.network.loss = 1.0
    await simulation.wait(1800)
    (ended,) = simulation.happened(ChannelEnded)
    assert (ended.cause_name, ended.ended_by) == ("recovery_on_timer_expiry", "network")


async def test_a_line_that_is_dead_for_a_while_costs_no_call(simulation: Simulation):
    alice = simulation.phone("alice")
    alice.call("9000")
    await alice.answered()
    await simulation.wait(100)
    simulation.network.loss = 1.0
    await simulation.wait(600)
    simulation.network.loss = 0.0
    await simulation.wait(3600)
    assert alice.is_in_call
