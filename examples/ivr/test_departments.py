"""The rest of the reception, tested: departments, the time, numbers that nobody has. Run `pytest examples/ivr`."""

import pytest

from callflow.testing import SimulatedPhone, Simulation

pytestmark = pytest.mark.parametrize("simulation", ["ivr.py", "ivr.lua"], indirect=True)


async def call_departments(simulation: Simulation) -> SimulatedPhone:
    caller = simulation.phone("caller")
    caller.call("1003")
    await caller.hears("press.wav")
    return caller


async def test_a_menu_leads_to_another(simulation: Simulation) -> None:
    caller = await call_departments(simulation)
    caller.press("1")
    await caller.hears("press.wav")
    caller.press("7")
    await caller.heard("invalid.wav")
    caller.press("2")
    await caller.heard("old.wav")
    await caller.heard("calls.wav")
    await caller.ended()


async def test_whether_it_is_open_depends_on_the_day(simulation: Simulation) -> None:
    caller = await call_departments(simulation)
    caller.press("2")
    await caller.heard("support.wav")
    await caller.heard("now.wav")
    await caller.ended()


async def test_an_extension_is_dialled(simulation: Simulation) -> None:
    bob = simulation.phone("bob", answers_after=1)
    await bob.registered()
    caller = await call_departments(simulation)
    caller.press("202")
    await caller.connected_to(bob)


@pytest.mark.parametrize("extension", ["201", "209"])
async def test_an_extension_that_is_not_there_is_told(simulation: Simulation, extension: str) -> None:
    caller = await call_departments(simulation)
    caller.press(extension)
    await caller.heard("connecting.wav")
    await caller.heard("available.wav")
    await caller.ended()


async def test_what_matches_nothing_is_invalid_three_times(simulation: Simulation) -> None:
    caller = await call_departments(simulation)
    for _ in range(2):
        caller.press("9")
        await caller.heard("invalid.wav")
        await caller.hears("press.wav")
    caller.press("9")
    await caller.heard("goodbye.wav")
    await caller.ended()


async def test_the_time_and_the_date_are_said(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1004")
    await caller.heard("time.wav")
    await caller.heard("is.wav")
    await caller.ended()


async def test_the_time_and_the_date_are_said_in_german(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1004")
    await caller.hears("drücken.wav")
    caller.press("2")
    await caller.heard("es.wav")
    await caller.heard("uhr.wav")
    await caller.ended()


async def test_an_invalid_number_is_told_before_anything_is_charged(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1999")
    await caller.heard("invalid.wav")
    await caller.heard("number.wav")
    assert not (await caller.ended()).was_answered
