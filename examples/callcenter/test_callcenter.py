"""The call centre, tested: with simulated phones, and with two that are not ours. Run `pytest examples/callcenter`."""

from pathlib import Path

import pytest

from callflow.testing import SimulatedPhone, Simulation
from tests.interop import needs
from tests.interop.baresip import phone
from tests.interop.engine import engine
from tests.interop.watch import watch
from tests.trio_tests import run_trio

SCRIPT = Path(__file__).parent / "callcenter.py"
twins = pytest.mark.parametrize("simulation", ["callcenter.py", "callcenter.lua"], indirect=True)


async def agent(simulation: Simulation, name: str, *, answers_after: float | None = 2) -> SimulatedPhone:
    phone = simulation.phone(name, answers_after=answers_after)
    phone.call("*20")
    await phone.heard("hello.wav")
    await phone.ended()
    return phone


@twins
async def test_a_caller_waits_until_an_agent_logs_in_and_the_call_is_recorded(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("5100")
    await caller.heard("welcome.wav")
    await caller.heard_for("music.wav", 10)
    alice = await agent(simulation, "alice")
    await caller.connected_to(alice)
    await simulation.wait(5)
    alice.hang_up()
    await caller.heard("goodbye.wav")
    await caller.ended()
    [recording] = (simulation.recordings / "callcenter" / "calls").iterdir()
    assert simulation.recorded(recording).seconds >= 5


@twins
async def test_callers_are_told_their_places_and_served_in_turn(simulation: Simulation) -> None:
    alice = await agent(simulation, "alice")
    callers = [simulation.phone(name) for name in ("one", "two", "three")]
    for caller in callers:
        caller.call("5100")
        await caller.heard("welcome.wav")
        await simulation.wait(1)
    await callers[0].connected_to(alice)
    await callers[2].heard("number.wav")
    await callers[2].heard("2.wav")
    callers[0].hang_up()
    await callers[1].connected_to(alice)
    assert not callers[2].listens_to(alice)


@twins
async def test_an_agent_on_a_break_gets_no_calls(simulation: Simulation) -> None:
    alice, bob = await agent(simulation, "alice"), await agent(simulation, "bob")
    alice.call("*21")
    await alice.ended()
    caller = simulation.phone("caller")
    caller.call("5100")
    await caller.connected_to(bob)
    assert not alice.is_in_call


@twins
async def test_who_does_not_want_to_wait_is_called_back(simulation: Simulation) -> None:
    caller, alice = simulation.phone("caller"), simulation.phone("alice")
    caller.call("5100")
    await caller.heard("back.wav")
    caller.press("1")
    await caller.ended()
    alice.call("*23")
    await caller.rings()
    caller.answer()
    await caller.connected_to(alice)


@twins
async def test_patience_ends_in_voicemail(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("5100")
    await caller.heard("leave.wav", within=400)
    caller.hang_up()


@twins
async def test_the_supervisor_whispers_and_takes_over(simulation: Simulation) -> None:
    alice = await agent(simulation, "alice")
    caller, boss = simulation.phone("caller"), simulation.phone("boss")
    caller.call("5100")
    await caller.connected_to(alice)
    boss.call("*9alice")
    await boss.answered()
    await simulation.wait(1)
    boss.press("2")
    await simulation.wait(2)
    assert alice.listens_to(boss)
    assert not caller.listens_to(boss)
    boss.press("4")
    await caller.connected_to(boss)
    await alice.ended()


@needs.program("baresip")
@run_trio
async def test_a_real_phone_is_an_agent_for_another(tmp_path: Path) -> None:
    async with (
        engine(tmp_path / "engine", SCRIPT) as running,
        watch(running) as seen,
        phone(tmp_path, running, seen, "alice") as alice,
        phone(tmp_path, running, seen, "mobile") as mobile,
    ):
        await alice.dial("*20")
        await alice.wait_event("CALL_CLOSED")
        await mobile.dial("5100")
        await seen.wait("bridge.created")
        await mobile.hang_up()
        await alice.wait_event("CALL_CLOSED", count=2)
