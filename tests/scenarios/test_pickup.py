"""Directed pickup: a phone takes a call that rings at another, by an INVITE with Replaces (RFC 3891)."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call, Confirmation
from callflow.protocol.events import ChannelCreated, ChannelEnded, RecordWritten
from callflow.testing import SimulatedPhone, Simulation
from engine.sip.messages import Response, parse_datagram
from engine.sip.refer import Replaces

app = App("pickup")
pytestmark = pytest.mark.callflow(app)
won: list[object] = []


@pytest.fixture(autouse=True)
def nothing_won() -> None:
    won.clear()


@app.route("1002")
async def bob(call: Call) -> None:
    won.append(result := await call.dial("bob"))
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("1003")
async def confirmed(call: Call) -> None:
    won.append(result := await call.dial("bob", confirm=Confirmation(key="1", timeout=20)))
    if isinstance(result, Answered):
        await call.bridge(result.leg)


@app.route("1004")
async def rings(call: Call) -> None:
    await call.ring()
    await call.wait_hangup()


def dialogs_with(simulation: Simulation, phone: SimulatedPhone) -> list[Replaces]:
    """Those that come to be with a phone, as the engine knows them: by the answers of either."""
    found: list[Replaces] = []
    carry = simulation.network.carry

    def spy(data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        message = parse_datagram(data)
        if phone.host in (source[0], to[0]) and isinstance(message, Response) and message.to.tag and message.from_.tag:
            tags = message.from_.tag, message.to.tag
            found.append(Replaces(message.call_id, *(tags if phone.host == source[0] else reversed(tags))))
        carry(data, source, to)

    simulation.network.carry = spy  # type: ignore[method-assign]
    return found


def replacing(dialog: Replaces, *, early_only: bool = True) -> list[tuple[str, str]]:
    return [("Replaces", str(dialog) + (";early-only" if early_only else "")), ("Require", "replaces")]


async def ringing(
    simulation: Simulation, number: str = "1002"
) -> tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone, Replaces]:
    """Alice calls, bob's phone rings, carol is there; and what she has to say to take the call."""
    alice, bob, carol = (simulation.phone(name) for name in ("alice", "bob", "carol"))
    await bob.registered()
    await carol.registered()
    dialogs = dialogs_with(simulation, bob)
    alice.call(number)
    await bob.rings()
    await simulation.wait(1)
    return alice, bob, carol, dialogs[-1]


@pytest.mark.parametrize("early_only", [True, False])
async def test_a_phone_takes_a_call_that_rings_elsewhere(simulation: Simulation, early_only: bool):
    alice, bob, carol, dialog = await ringing(simulation)
    carol.call("1002", headers=replacing(dialog, early_only=early_only))
    await alice.connected_to(carol)
    assert not bob.is_in_call
    assert isinstance(won[0], Answered)
    created = simulation.happened(ChannelCreated)[-1]
    assert (created.direction, created.callee.number) == ("outbound", "carol")
    assert created.parent is not None
    carol.hang_up()
    await alice.ended()
    await simulation.settle()
    assert {record.record.callee for record in simulation.happened(RecordWritten)} == {"1002", "bob", "carol"}


async def test_the_phone_that_rang_is_told_that_it_was_answered_elsewhere(simulation: Simulation):
    _, bob, carol, dialog = await ringing(simulation)
    carol.call("1002", headers=replacing(dialog))
    await bob.ended()
    await carol.answered()
    assert simulation.happened(ChannelEnded)[0].cause_name == "answered_elsewhere"


async def test_who_picks_up_confirms_where_that_is_wanted(simulation: Simulation):
    alice, _, carol, dialog = await ringing(simulation, "1003")
    carol.call("1003", headers=replacing(dialog))
    await carol.answered()
    assert not won
    carol.press("1")
    await alice.connected_to(carol)


async def test_a_call_that_is_answered_already_is_not_to_be_had_early_only(simulation: Simulation):
    alice, bob, carol, dialog = await ringing(simulation)
    bob.answer()
    await alice.connected_to(bob)
    carol.call("1002", headers=replacing(dialog))
    assert (await carol.ended()).status == 486


async def test_a_call_that_is_gone_is_not_to_be_had(simulation: Simulation):
    alice, _, carol, dialog = await ringing(simulation)
    alice.hang_up()
    await simulation.wait(1)
    carol.call("1002", headers=replacing(dialog))
    assert (await carol.ended()).status == 481


async def test_a_caller_who_is_let_ring_by_the_engine_is_not_to_be_had(simulation: Simulation):
    """RFC 3891 3: an early dialog that the peer began is refused."""
    alice, carol = simulation.phone("alice"), simulation.phone("carol")
    await carol.registered()
    await alice.registered()
    dialogs = dialogs_with(simulation, alice)
    alice.call("1004")
    await simulation.wait(1)
    carol.call("1004", headers=replacing(dialogs[-1]))
    assert (await carol.ended()).status == 481


async def test_who_is_nobody_picks_up_nothing(simulation: Simulation):
    _, bob, _, dialog = await ringing(simulation)
    mallory = simulation.phone("mallory", registers=False)
    mallory.call("1002", headers=replacing(dialog))
    assert (await mallory.ended()).status == 403
    bob.answer()
    await bob.answered()
