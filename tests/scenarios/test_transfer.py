"""Phones' transfer buttons, blind and attended, and what scripts have to say about it."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call, TransferRequested
from callflow.protocol.events import ChannelCreated, ChannelEnded, ChannelTransferred, ChannelUnbridged, OwnerChanged
from callflow.protocol.events import TransferRequested as Requested
from callflow.protocol.outcomes import TransferFailed, Transferred, Unbridged
from callflow.testing import SimulatedPhone, Simulation

app = App("pbx")
pytestmark = pytest.mark.callflow(app)
heard_by_scripts: list[object] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    heard_by_scripts.clear()


@app.route("9000")
async def music(call: Call) -> None:
    await call.answer()
    await call.play("music.wav", repeat=0)


@app.route("8...")
async def guarded(call: Call) -> None:
    """As the others, but the app decides on the callee's transfers."""
    won = await call.dial(call.to.removeprefix("8") and {"8001": "bob", "8002": "bob"}[call.to])
    assert isinstance(won, Answered)

    async def decide(request: TransferRequested) -> bool | str:
        heard_by_scripts.append(request.target)
        return "carol" if call.to == "8001" else False

    async with won.leg.deciding_transfers(decide):
        await call.bridge(won.leg)


@app.route("6000")
async def leave_them_to_themselves(call: Call) -> None:
    await call.answer()
    won = await call.dial("bob")
    assert isinstance(won, Answered)
    heard_by_scripts.append(won.leg.id)
    heard_by_scripts.append(await call.transfer(won.leg))


@app.route("1...")
async def dial(call: Call) -> None:
    names = {"1001": "alice", "1002": "bob", "1003": "carol", "1004": "dave"}
    won = await call.dial(names[call.to], timeout=30)
    if isinstance(won, Answered):
        await call.bridge(won.leg)


async def connected(simulation: Simulation) -> tuple[SimulatedPhone, SimulatedPhone, SimulatedPhone]:
    """alice has called bob; carol is there as well."""
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    carol = simulation.phone("carol", answers_after=3)
    await carol.registered()
    await bob.registered()
    alice.call("1002")
    await alice.connected_to(bob)
    return alice, bob, carol


def outcomes(simulation: Simulation) -> list[object]:
    return [event.outcome for event in simulation.happened(ChannelTransferred)]


def bridge_outcomes(simulation: Simulation) -> list[Unbridged]:
    """How the bridge commands of the scripts ended."""
    told = [event.outcome for event in simulation.happened(ChannelUnbridged) if event.command is not None]
    return [outcome for outcome in told if isinstance(outcome, Unbridged)]


async def test_the_callee_transfers_the_caller_to_another_phone(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    bob.transfer("carol")
    assert await bob.transferred() == 200
    await alice.connected_to(carol)
    await bob.ended()
    assert outcomes(simulation) == [Transferred("carol")]
    await simulation.wait(30)
    assert alice.listens_to(carol)
    carol.hang_up()
    await alice.ended()
    assert bridge_outcomes(simulation) == [Unbridged("hangup", by=simulation.happened(ChannelTransferred)[0].to)]


async def test_the_caller_transfers_the_callee_and_may_hang_up_at_once(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    alice.transfer("carol")
    await simulation.wait(0.5)
    alice.hang_up()
    await bob.hears(440)
    await bob.connected_to(carol)
    await simulation.wait(30)
    assert bob.listens_to(carol)
    assert outcomes(simulation) == [Transferred("carol")]
    bob.hang_up()
    await carol.ended()


async def test_a_transfer_goes_by_the_dial_plan_of_who_transfers(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    bob.transfer("1003")
    assert await bob.transferred() == 200
    await alice.connected_to(carol)
    assert [event.to for event in simulation.happened(OwnerChanged)] == ["1003"]
    await simulation.wait(10)
    assert alice.listens_to(carol)


async def test_the_callee_who_is_transferred_by_the_caller_to_a_number_is_a_call_of_its_own(simulation: Simulation):
    alice, bob, _ = await connected(simulation)
    alice.transfer("9000")
    assert await alice.transferred() == 200
    await bob.hears("music.wav")
    await alice.ended()
    await simulation.wait(5)
    assert bob.is_in_call


@pytest.mark.parametrize(("target", "status"), [("nobody", 404), ("sip:carol@192.0.2.77", 403), ("7000", 404)])
async def test_a_transfer_to_where_nobody_is_or_abroad_is_refused_and_the_call_goes_on(
    simulation: Simulation, target: str, status: int
):
    alice, bob, _ = await connected(simulation)
    bob.transfer(target)
    assert await bob.transferred() == status
    await simulation.wait(5)
    assert alice.listens_to(bob)
    assert outcomes(simulation) == [TransferFailed(status, "refused")]


async def test_a_party_whose_target_is_busy_is_back_with_who_transferred(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    carol.rejects(486)
    bob.transfer("carol")
    assert await bob.transferred() == 486
    await alice.connected_to(bob)
    assert outcomes(simulation) == [TransferFailed(486, "failed")]
    bob.hang_up()
    await alice.ended()
    assert [outcome.reason for outcome in bridge_outcomes(simulation)] == ["hangup"]


async def test_a_party_that_was_left_for_a_busy_target_is_told_why(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    carol.answers_after = None
    bob.transfer("carol")
    await carol.rings()
    bob.hang_up()
    await bob.ended()
    carol.reject(486)
    assert (await alice.ended()).reason == "user_busy"


async def test_a_party_that_hangs_up_on_its_way_ends_the_call_to_the_target(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    carol.answers_after = None
    bob.transfer("carol")
    await carol.rings()
    alice.hang_up()
    await carol.ended()
    await bob.ended()
    assert outcomes(simulation) == [TransferFailed(487, "hangup")]


async def test_the_party_hears_that_it_rings_and_who_transfers_is_told(simulation: Simulation):
    alice, bob, _ = await connected(simulation)
    bob.transfer("carol")
    await alice.hears(440)
    await bob.transferred()
    assert bob.transfer_statuses == [100, 180, 200]


async def test_of_two_transfers_at_once_the_second_is_refused(simulation: Simulation):
    _, bob, carol = await connected(simulation)
    carol.answers_after = None
    bob.transfer("carol")
    await carol.rings()
    bob.transfer("1003")
    await simulation.wait(1)
    assert bob.transfer_statuses[-1] == 491
    carol.answer()
    await simulation.wait(1)
    assert bob.transfer_statuses[-1] == 200


async def test_a_phone_in_an_ivr_has_nobody_to_transfer(simulation: Simulation):
    alice = simulation.phone("alice")
    alice.call("9000")
    await alice.answered()
    alice.transfer("1002")
    assert await alice.transferred() == 603
    assert alice.is_in_call


async def test_an_attended_transfer_connects_the_one_on_hold_with_the_one_consulted(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    bob.consult("1003")
    await bob.connected_to(carol)
    bob.connect()
    assert await bob.transferred() == 200
    await alice.connected_to(carol)
    await simulation.wait(10)
    assert not bob.is_in_call
    assert alice.listens_to(carol)
    alice.hang_up()
    await carol.ended()


async def test_an_attended_transfer_by_the_caller(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    alice.consult("1003")
    await alice.connected_to(carol)
    alice.connect()
    assert await alice.transferred() == 200
    await bob.connected_to(carol)
    alice.hang_up()
    await simulation.wait(10)
    assert bob.listens_to(carol)
    assert [outcome.reason for outcome in bridge_outcomes(simulation)] == ["transferred", "transferred"]


async def test_two_callers_of_one_phone_are_connected_by_it(simulation: Simulation):
    alice, bob, _ = await connected(simulation)
    dave = simulation.phone("dave")
    await dave.registered()
    bob.park()
    dave.call("1002")
    await bob.connected_to(dave)
    bob.connect()
    await alice.connected_to(dave)
    await simulation.wait(10)
    assert alice.listens_to(dave)
    alice.hang_up()
    await dave.ended()


async def test_an_attended_transfer_to_a_script_is_a_call_to_its_number(simulation: Simulation):
    alice, bob, _ = await connected(simulation)
    bob.consult("9000")
    await bob.hears("music.wav")
    bob.connect()
    assert await bob.transferred() == 200
    await alice.hears("music.wav")


async def test_a_phone_that_is_sent_here_takes_the_place_of_another_in_its_call(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    bob.consult(carol.uri)  # past the engine
    await carol.answered()
    await bob.answered()
    bob.connect(asks="consulted")
    await alice.connected_to(carol)
    assert await bob.transferred() == 200
    await simulation.wait(10)
    assert alice.listens_to(carol)
    created = simulation.happened(ChannelCreated)[-1]
    assert (created.direction, created.owner, created.user) == ("inbound", None, "carol")
    carol.hang_up()
    await alice.ended()


async def test_nobody_takes_a_place_in_a_call_that_is_not(simulation: Simulation):
    alice, bob, carol = await connected(simulation)
    bob.consult(carol.uri)
    await carol.answered()
    await bob.answered()
    alice.hang_up()
    await simulation.wait(1)
    bob.connect(asks="consulted")
    assert await bob.transferred() == 481


async def test_nobody_takes_the_place_of_who_talks_with_a_script(simulation: Simulation):
    bob, carol = simulation.phone("bob"), simulation.phone("carol", answers_after=1)
    await carol.registered()
    bob.call("9000")
    await bob.answered()
    bob.consult(carol.uri)
    await carol.answered()
    await bob.answered()
    bob.connect(asks="consulted")
    assert await bob.transferred() == 603


async def test_a_script_connects_its_caller_with_whom_it_called(simulation: Simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    alice.call("6000")
    await bob.answered()
    await simulation.wait(3)
    assert heard_by_scripts[-1] == Transferred(heard_by_scripts[0])  # type: ignore[arg-type]
    assert alice.listens_to(bob)
    assert bob.listens_to(alice)
    await simulation.wait(1)
    assert simulation.switch.table.channels == {}  # they talk with each other, past the engine


async def test_a_script_sends_the_party_elsewhere(simulation: Simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    carol = simulation.phone("carol", answers_after=1)
    await carol.registered()
    await bob.registered()
    alice.call("8001")
    await alice.connected_to(bob)
    bob.transfer("9000")
    await alice.connected_to(carol)
    assert heard_by_scripts[0].startswith("sip:9000@")  # type: ignore[attr-defined]
    assert [event.decides for event in simulation.happened(Requested)] == ["app"]


async def test_a_script_says_no(simulation: Simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    alice.call("8002")
    await alice.connected_to(bob)
    bob.transfer("9000")
    assert await bob.transferred() == 603
    await simulation.wait(2)
    assert alice.listens_to(bob)


async def test_every_request_has_exactly_one_outcome_and_nothing_is_left(simulation: Simulation):
    _, bob, _ = await connected(simulation)
    bob.transfer("carol")
    await bob.transferred()
    await simulation.settle()
    requested = [event.request for event in simulation.happened(Requested)]
    assert [event.request for event in simulation.happened(ChannelTransferred)] == requested
    assert len(simulation.happened(ChannelEnded)) == 3
