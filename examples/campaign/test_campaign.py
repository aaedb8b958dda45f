"""The campaign, tested: people, machines and a fax pick up. Virtual time. Run with `pytest examples/campaign`."""

import pytest

from callflow.testing import FAX_ANSWERS, HUMAN, MACHINE, FileSource, SimulatedPhone, Simulation

twins = pytest.mark.parametrize("simulation", ["campaign.py", "campaign.lua"], indirect=True)


def prompts_heard(phone: SimulatedPhone) -> list[str]:
    """The files, in order."""
    return [heard.what.path.name for heard in phone.sounds if isinstance(heard.what, FileSource)]


@twins
async def test_people_are_connected_and_machines_get_the_message(simulation: Simulation) -> None:
    agent = simulation.phone("agent")
    desk, mobile = simulation.phone("desk", answers_after=4), simulation.phone("mobile", answers_after=8)
    simulation.phone("home", rejects=486)
    agent.call("7000")
    await desk.answered()
    desk.speak(*HUMAN)
    await desk.heard("hello.wav")
    await agent.connected_to(desk)
    desk.hang_up()
    await mobile.answered()
    mobile.speak(*MACHINE)
    await mobile.heard("message.wav")
    await mobile.ended()
    await agent.heard("people.wav")
    await agent.heard("machines.wav")
    await agent.ended()
    assert prompts_heard(agent) == ["1.wav", "people.wav", "1.wav", "machines.wav"]


@twins
async def test_the_message_waits_for_the_beep(simulation: Simulation) -> None:
    agent, desk = simulation.phone("agent"), simulation.phone("desk", answers_after=1)
    agent.call("7000")
    await desk.answered()
    picked_up = simulation.now
    desk.speak(*MACHINE)
    await desk.hears("message.wav")
    assert simulation.now - picked_up > 7.0  # the greeting and the beep are over
    await desk.ended()
    agent.hang_up()


@twins
async def test_a_fax_is_left_alone(simulation: Simulation) -> None:
    agent, desk = simulation.phone("agent"), simulation.phone("desk", answers_after=1)
    agent.call("7000")
    await desk.answered()
    desk.speak(*FAX_ANSWERS)
    ended = await desk.ended()
    assert ended.by == "peer"
    assert prompts_heard(desk) == []
    agent.hang_up()
