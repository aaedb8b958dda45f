"""The reception, tested: virtual time, no sockets. Both scripts. Run with `pytest examples/ivr`."""

import pytest

from callflow.testing import Simulation

pytestmark = pytest.mark.parametrize("simulation", ["ivr.py", "ivr.lua"], indirect=True)


async def test_a_caller_hears_the_menu_and_is_told_about_us(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard("welcome.wav")
    await caller.heard("menu.wav")
    caller.press("1")
    await caller.heard("about.wav")
    await caller.hears("menu.wav")
    caller.hang_up()


async def test_a_caller_who_presses_nothing_is_asked_three_times(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1000")
    for _ in range(3):
        await caller.heard("menu.wav")
    await caller.heard("goodbye.wav")
    await caller.ended()


async def test_a_wrong_key_is_pointed_out(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.hears("menu.wav")
    caller.press("7")
    await caller.heard("invalid.wav")
    await caller.heard("menu.wav")


async def test_a_message_is_recorded_and_played_back(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.hears("menu.wav")
    caller.press("2")
    await caller.heard("record.wav")
    await simulation.wait(1)
    caller.speak(5)
    await caller.heard("yours.wav")
    [message] = (simulation.recordings / "ivr").iterdir()
    await caller.heard(message.name)


async def test_alice_is_put_through(simulation: Simulation) -> None:
    alice = simulation.phone("alice", answers_after=6)
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.hears("menu.wav")
    caller.press("3")
    await caller.connected_to(alice)
    alice.hang_up()
    await caller.ended()
    assert simulation.leaks() == []


async def test_without_alice_the_caller_comes_back_to_the_menu(simulation: Simulation) -> None:
    simulation.phone("alice", rejects=486)
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.hears("menu.wav")
    caller.press("3")
    await caller.heard("nobody.wav")
    await caller.hears("menu.wav")


async def test_an_echo_gives_the_caller_his_voice(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("1001")
    await caller.heard("echo.wav")
    await simulation.wait(0.5)
    assert caller.listens_to(caller)
