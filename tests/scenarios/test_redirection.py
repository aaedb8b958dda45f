"""Callees that send their callers elsewhere (3xx): followed as far as the script says, or told to it."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call, Failed
from callflow.testing import SimulatedPhone, Simulation

app = App("forwarding")
pytestmark = pytest.mark.callflow(app)
results: list[Answered | Failed] = []


@app.route("2...")
async def dial(call: Call) -> None:
    won = await call.dial("bob", redirects=int(call.to[1:]), timeout=20)
    results[:] = [won]
    if isinstance(won, Answered):
        await call.bridge(won.leg)


async def phones(simulation: Simulation) -> tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone]:
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    carol = simulation.phone("carol", answers_after=2)
    await bob.registered()
    await carol.registered()
    bob.forwards_to = "carol"
    return alice, bob, carol


async def test_a_redirection_is_followed_and_the_leg_is_the_scripts(simulation: Simulation):
    alice, _, carol = await phones(simulation)
    alice.call("2001")
    await alice.connected_to(carol)
    (won,) = results
    assert isinstance(won, Answered)
    assert won.leg.is_answered
    alice.hang_up()
    await carol.ended()


async def test_without_leave_it_is_told_where_the_callee_wanted_the_call(simulation: Simulation):
    alice, _, carol = await phones(simulation)
    alice.call("2000")
    await alice.ended()
    (failed,) = results
    assert isinstance(failed, Failed)
    assert (failed.branches[0].sip_status, failed.branches[0].contacts) == (302, ("sip:carol@10.0.0.1:5060",))
    assert not carol.is_in_call


async def test_phones_that_send_a_call_round_and_round_do_so_only_for_so_long(simulation: Simulation):
    alice, bob, carol = await phones(simulation)
    carol.forwards_to = "bob"
    alice.call("2003")
    assert (await alice.ended(within=10)).status == 480
    assert [len([event for event in phone.events]) > 0 for phone in (bob, carol)] == [True, True]


async def test_where_the_redirection_leads_is_what_the_caller_is_told(simulation: Simulation):
    alice, _, carol = await phones(simulation)
    carol.rejects(486)
    alice.call("2001")
    await alice.ended()
    (failed,) = results
    assert isinstance(failed, Failed)
    assert (failed.branches[0].reason, failed.branches[0].sip_status) == ("busy", 486)


async def test_a_caller_who_hangs_up_ends_the_call_to_where_it_was_sent(simulation: Simulation):
    alice, _, carol = await phones(simulation)
    carol.answers_after = None
    alice.call("2001")
    await carol.rings()
    alice.hang_up()
    await carol.ended()
