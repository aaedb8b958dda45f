"""Follow me, tested: virtual time, no sockets. Both scripts. Run with `pytest examples/followme`."""

import pytest

from callflow.testing import Simulation

pytestmark = pytest.mark.parametrize("simulation", ["followme.py", "followme.lua"], indirect=True)


async def test_the_mobile_answers_when_the_desk_does_not(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk")
    mobile = simulation.phone("mobile", answers_after=8)
    caller.call("2000")
    await desk.rings()
    await mobile.answered()
    await caller.connected_to(mobile)
    assert not desk.is_in_call
    assert simulation.now < 30
    assert simulation.leaks() == []


async def test_the_desk_answers_and_the_mobile_never_rings(simulation: Simulation) -> None:
    caller, mobile = simulation.phone("caller"), simulation.phone("mobile")
    desk = simulation.phone("desk", answers_after=3)
    caller.call("2000")
    await caller.connected_to(desk)
    await simulation.wait(30)
    assert not mobile.events


async def test_nobody_is_there(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    simulation.phone("desk", rejects=486)
    caller.call("2000")
    await caller.heard("sorry.wav")
    await caller.ended()
