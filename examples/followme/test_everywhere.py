"""Follow me everywhere, tested: stages, delays, times, confirmation, voicemail. Run `pytest examples/followme`."""

import pytest

from callflow.testing import BUSY, CONGESTION, SIT, SimulatedPhone, Simulation, ToneSource

pytestmark = pytest.mark.callflow("followme.py")


async def phones(simulation: Simulation) -> list[SimulatedPhone]:
    found = [simulation.phone(name) for name in ("caller", "desk", "mobile", "home")]
    for phone in found:
        await phone.registered()
    return found


async def test_the_desk_rings_first_and_then_two_with_a_delay(simulation: Simulation) -> None:
    caller, desk, mobile, home = await phones(simulation)
    began = simulation.now
    caller.call("2001")
    await desk.rings()
    await desk.ended()
    assert 10 < simulation.now - began < 11
    await mobile.rings()
    assert not home.is_in_call
    await home.rings()
    assert 14 < simulation.now - began < 15
    home.answer()
    await home.heard("accept.wav")
    home.press("1")
    await caller.connected_to(home)
    await mobile.ended()


async def test_who_does_not_key_1_does_not_have_the_call(simulation: Simulation) -> None:
    caller, desk, mobile, _ = await phones(simulation)
    desk.behaves(answers_after=None, rejects=486)
    caller.call("2001")
    await mobile.rings()
    mobile.answer()
    for _ in range(2):
        await mobile.heard("accept.wav")
    await mobile.ended()
    await caller.heard("busy.wav")  # the greeting


@pytest.mark.parametrize(
    ("tone", "greeting"), [(BUSY, "busy.wav"), (CONGESTION, "available.wav"), (SIT, "available.wav")]
)
async def test_a_network_that_refuses_by_a_tone_is_not_waited_for(
    simulation: Simulation, tone: tuple[ToneSource, ...], greeting: str
) -> None:
    caller, desk, mobile, home = await phones(simulation)
    desk.behaves(rejects=480)
    for phone in (mobile, home):
        phone.behaves(plays=tone)
    caller.call("2001")
    await caller.heard(greeting)
    assert simulation.now < 15  # of the 20 s that they may ring


async def test_nobody_answers_and_a_message_is_left(simulation: Simulation) -> None:
    caller, *_ = await phones(simulation)
    caller.call("2001")
    await caller.heard("available.wav")
    await caller.heard("message.wav")
    await simulation.wait(2)
    caller.speak(3)
    await caller.heard("saved.wav")
    await caller.ended()
    assert 30 < simulation.now < 60
