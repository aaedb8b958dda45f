"""The features, tested: with simulated phones, and with two that are not ours. Run `pytest examples/features`."""

from pathlib import Path

import pytest

from callflow.testing import SimulatedPhone, Simulation
from tests.interop import needs
from tests.interop.baresip import phone
from tests.interop.engine import engine
from tests.interop.watch import watch
from tests.trio_tests import run_trio

SCRIPT = Path(__file__).parent / "features.py"
twins = pytest.mark.parametrize("simulation", ["features.py", "features.lua"], indirect=True)


async def talking(simulation: Simulation) -> tuple[SimulatedPhone, SimulatedPhone]:
    caller, alice = simulation.phone("caller"), simulation.phone("alice", answers_after=1)
    await alice.registered()
    caller.call("201")
    await caller.connected_to(alice)
    return caller, alice


@twins
async def test_star_1_records_both(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    alice.press("*1")
    await simulation.wait(2)
    caller.speak(3)
    await simulation.wait(4)
    caller.hang_up()
    await caller.ended()
    await simulation.wait(1)
    [recording] = (simulation.recordings / "features").iterdir()
    assert simulation.recorded(recording).seconds_of(caller) > 2.5


@twins
async def test_star_2_transfers_the_caller(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    bob = simulation.phone("bob", answers_after=2)
    await bob.registered()
    alice.press("*2")
    await caller.hears(392.0)
    await alice.hears("please.wav")
    alice.press("202")
    await alice.ended()
    await caller.connected_to(bob)
    bob.hang_up()
    await caller.ended()


@twins
async def test_star_2_and_a_wrong_number_brings_the_two_together_again(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    alice.press("*2")
    for _ in range(2):
        await alice.hears("please.wav")
        alice.press("999")
    await caller.connected_to(alice)


@twins
async def test_star_3_asks_first_and_connects_by_hanging_up(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    bob = simulation.phone("bob", answers_after=2)
    await bob.registered()
    alice.press("*3")
    await alice.hears("please.wav")
    alice.press("202")
    await alice.connected_to(bob)
    assert not caller.listens_to(bob)
    await caller.hears(392.0)
    alice.hang_up()
    await caller.connected_to(bob)


@twins
async def test_star_3_and_bob_does_not_want_it(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    bob = simulation.phone("bob", answers_after=2)
    await bob.registered()
    alice.press("*3")
    await alice.hears("please.wav")
    alice.press("202")
    await alice.connected_to(bob)
    bob.hang_up()
    await caller.connected_to(alice)


@twins
async def test_star_4_parks_the_caller_and_anybody_may_fetch_it(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    bob = simulation.phone("bob")
    alice.press("*4")
    await alice.ended()
    await caller.heard("park.wav")
    bob.call("701")
    await caller.connected_to(bob)


@twins
async def test_a_ringing_call_is_picked_up(simulation: Simulation) -> None:
    caller, alice, bob = (simulation.phone(name) for name in ("caller", "alice", "bob"))
    caller.call("201")
    await alice.rings()
    bob.call("*8")
    await caller.connected_to(bob)
    await alice.ended()


@twins
async def test_an_eavesdropper_hears_both_unheard(simulation: Simulation) -> None:
    caller, alice = await talking(simulation)
    spy = simulation.phone("spy")
    spy.call("*9201")
    await spy.answered()
    await simulation.wait(1)
    assert spy.listens_to(caller)
    assert spy.listens_to(alice)
    assert not caller.listens_to(spy)


@twins
@pytest.mark.parametrize("number", ["300", "+4930555300"])
async def test_a_hunt_group_rings_one_after_another(simulation: Simulation, number: str) -> None:
    caller, alice = simulation.phone("caller"), simulation.phone("alice")
    bob = simulation.phone("bob", answers_after=2)
    caller.call(number)
    await alice.rings()
    await caller.connected_to(bob)
    assert not alice.is_in_call


@twins
async def test_a_ring_group_rings_all(simulation: Simulation) -> None:
    caller, alice, bob, carol = (simulation.phone(name) for name in ("caller", "alice", "bob", "carol"))
    caller.call("400")
    for colleague in (alice, bob, carol):
        await colleague.rings()
    carol.answer()
    await caller.connected_to(carol)
    await alice.ended()
    await bob.ended()


@twins
async def test_a_direct_number_rings_its_extension_and_then_takes_a_message(simulation: Simulation) -> None:
    caller, alice = simulation.phone("caller"), simulation.phone("alice")
    caller.call("+4930555201")
    await alice.rings()
    await caller.heard("leave.wav")
    caller.hang_up()


@needs.program("baresip")
@run_trio
async def test_a_real_phone_parks_another(tmp_path: Path) -> None:
    async with (
        engine(tmp_path / "engine", SCRIPT) as running,
        watch(running) as seen,
        phone(tmp_path, running, seen, "alice") as alice,
        phone(tmp_path, running, seen, "mobile") as mobile,
    ):
        await mobile.dial("201")
        await seen.wait("bridge.created")
        await alice.press("*")
        await alice.press("4")
        await alice.wait_event("CALL_CLOSED")
        await seen.wait("playback.started", count=2)  # its slot, then the music
        await alice.dial("701")
        await seen.wait("bridge.created", count=2)
        await mobile.hang_up()
        await alice.wait_event("CALL_CLOSED", count=2)
