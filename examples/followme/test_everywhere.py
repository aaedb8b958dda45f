"""Follow me everywhere, tested: stages, delays, times, confirmation, voicemail. Run `pytest examples/followme`."""

from pathlib import Path

import pytest

from callflow.testing import BUSY, CONGESTION, SIT, SimulatedPhone, Simulation, ToneSource
from tests.interop import needs
from tests.interop.baresip import phone
from tests.interop.engine import engine
from tests.interop.watch import watch
from tests.trio_tests import run_trio

SCRIPT = Path(__file__).parent / "followme.py"
twins = pytest.mark.parametrize("simulation", ["followme.py", "followme.lua"], indirect=True)


async def phones(simulation: Simulation) -> list[SimulatedPhone]:
    found = [simulation.phone(name) for name in ("caller", "desk", "mobile", "home")]
    for each in found:
        await each.registered()
    return found


@twins
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


@twins
async def test_a_network_that_only_plays_busy_is_busy(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk")
    mobile = simulation.phone("mobile", answers_after=2)
    desk.behaves(plays=BUSY)
    caller.call("2000")
    await caller.connected_to(mobile)
    assert simulation.now < 10
    assert not desk.is_in_call


@twins
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
@twins
async def test_a_network_that_refuses_by_a_tone_is_not_waited_for(
    simulation: Simulation, tone: tuple[ToneSource, ...], greeting: str
) -> None:
    caller, desk, mobile, home = await phones(simulation)
    desk.behaves(rejects=480)
    for each in (mobile, home):
        each.behaves(plays=tone)
    caller.call("2001")
    await caller.heard(greeting)
    assert simulation.now < 15  # of the 20 s that they may ring


@twins
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


@needs.program("baresip")
@run_trio
async def test_a_real_phone_keys_1_to_take_the_call(tmp_path: Path) -> None:
    """Nobody has the desk's phone: the mobile rings."""
    async with (
        engine(tmp_path / "engine", SCRIPT) as running,
        watch(running) as seen,
        phone(tmp_path, running, seen, "alice") as alice,
        phone(tmp_path, running, seen, "mobile") as mobile,
    ):
        await alice.dial("2001")
        await mobile.wait_event("CALL_ESTABLISHED")
        await seen.wait("channel.answered")  # the mobile's: who calls is not answered before somebody accepts
        await mobile.press("1")
        await seen.wait("gather.finished")
        await seen.wait("channel.bridged", count=2)
        await alice.hang_up()
        await mobile.wait_event("CALL_CLOSED")
