"""What becomes of dialled legs when their caller goes at the wrong moment, and what they say of who calls."""

from __future__ import annotations

import anyio
import pytest

from callflow import App, Call
from callflow.protocol.commands import Answer, Dial, Target
from callflow.protocol.events import ChannelCreated, ChannelEnded, DialFinished
from callflow.protocol.outcomes import Answered

app = App("legs")
pytestmark = pytest.mark.callflow(app)


@app.route("700")
async def waits(call: Call) -> None:
    await anyio.sleep_forever()


async def test_a_leg_that_was_won_and_forgotten_ends_with_its_caller(simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    alice.call("700")
    await simulation.wait(1)
    (channel,) = simulation.switch.table.channels.values()
    channel.perform("a", Answer())
    channel.perform("d", Dial(stages=((Target("bob"),),)))  # by an app without a script that cares
    await bob.answered()
    await simulation.wait(1)
    assert isinstance(simulation.happened(DialFinished)[0].outcome, Answered)
    alice.hang_up()
    await bob.ended(within=2)
    assert {ended.ended_by for ended in simulation.happened(ChannelEnded)} == {"caller"}
    caller = simulation.happened(ChannelCreated)[1].caller
    assert (caller.number, caller.uri) == ("alice", "sip:alice@10.0.0.1")


@pytest.mark.parametrize("after", [x / 100 for x in range(100, 116)])
async def test_caller_and_callee_act_in_the_same_moment(simulation, after):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    alice.call("700")
    await simulation.wait(1)
    (channel,) = simulation.switch.table.channels.values()
    channel.perform("a", Answer())
    channel.perform("d", Dial(stages=((Target("bob"),),)))
    await simulation.wait(after)
    alice.hang_up()
    await simulation.wait(2)
    assert not bob.is_in_call
    assert simulation.leaks() == []
