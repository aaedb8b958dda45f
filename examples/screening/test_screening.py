"""Screening, tested: with simulated phones, and with two that are not ours. Run `pytest examples/screening`."""

from pathlib import Path

import pytest

from callflow.protocol.events import ChannelCreated, Event, GatherFinished, RecordingFinished
from callflow.protocol.outcomes import Digits, Recorded
from callflow.testing import SimulatedPhone, Simulation
from tests.interop import needs
from tests.interop.baresip import phone
from tests.interop.engine import engine
from tests.interop.watch import watch
from tests.trio_tests import run_trio

SCRIPT = Path(__file__).parent / "screening.py"
twins = pytest.mark.parametrize("simulation", ["screening.py", "screening.lua"], indirect=True)


async def says_a_name(simulation: Simulation) -> tuple[SimulatedPhone, SimulatedPhone]:
    caller, alice = simulation.phone("caller"), simulation.phone("alice", answers_after=2)
    await alice.registered()
    caller.call("2100")
    await caller.heard("say-your-name.wav")
    await simulation.wait(1)
    caller.speak(2)
    await caller.heard("one-moment.wav")
    await alice.heard("call-from.wav")
    await alice.hears(next((simulation.recordings / "screening" / "names").iterdir()).name)
    return caller, alice


@twins
async def test_the_name_is_heard_and_the_call_accepted(simulation: Simulation) -> None:
    caller, alice = await says_a_name(simulation)
    assert not caller.listens_to(alice)
    alice.press("1")
    await caller.connected_to(alice)


@twins
async def test_the_call_is_rejected(simulation: Simulation) -> None:
    caller, alice = await says_a_name(simulation)
    alice.press("2")
    await caller.heard("rejected.wav")
    await caller.ended()
    await alice.ended()


@twins
async def test_the_call_is_sent_to_voicemail_and_the_message_heard(simulation: Simulation) -> None:
    caller, alice = await says_a_name(simulation)
    alice.press("3")
    await caller.heard("message.wav")
    await simulation.wait(2)
    caller.speak(3)
    await caller.heard("saved.wav")
    await caller.ended()
    await alice.ended()
    alice.call("*97")
    await alice.heard("have.wav")
    await alice.heard("1.wav")


@twins
async def test_nobody_is_disturbed_by_who_does_not_say_a_name(simulation: Simulation) -> None:
    caller, alice = simulation.phone("caller"), simulation.phone("alice")
    caller.call("2100")
    for _ in range(2):
        await caller.heard("say-your-name.wav")
    await caller.heard("no-name.wav")
    await caller.ended()
    assert not alice.events


@twins
async def test_a_blocked_caller_is_declined(simulation: Simulation) -> None:
    mallory = simulation.phone("mallory")
    mallory.call("2100")
    assert (await mallory.ended()).status == 603


@twins
@pytest.mark.parametrize("number", ["0900123", "*770190555"])
async def test_blocked_area_codes_are_answered_503(simulation: Simulation, number: str) -> None:
    carrier, caller = simulation.trunk("carrier"), simulation.phone("caller")
    caller.call(number)
    assert (await caller.ended()).status == 503
    assert not carrier.calls


@twins
async def test_a_call_goes_out_with_its_number_or_without(simulation: Simulation) -> None:
    carrier, caller = simulation.trunk("carrier"), simulation.phone("caller")
    caller.call("030123")
    shown = await carrier.called("030123")
    await caller.connected_to(shown)
    caller.hang_up()
    await caller.ended()
    caller.call("*77030123")
    await simulation.wait(5)
    withheld = carrier.calls[-1]
    await caller.connected_to(withheld)
    shown_as = [it.caller.number for it in simulation.happened(ChannelCreated) if it.direction == "outbound"]
    assert shown_as == ["caller", "anonymous"]


@needs.program("baresip")
@run_trio
async def test_two_real_phones_screen_a_call(tmp_path: Path) -> None:
    async with (
        engine(tmp_path / "engine", SCRIPT) as running,
        watch(running) as seen,
        phone(tmp_path, running, seen, "alice") as alice,
        phone(tmp_path, running, seen, "mobile") as mobile,  # it speaks all the time
    ):
        await mobile.dial("2100")
        await mobile.wait_event("CALL_ESTABLISHED")
        named = await seen.wait("recording.finished")
        assert isinstance(named, RecordingFinished)
        assert isinstance(named.outcome, Recorded)
        assert named.outcome.duration_ms > 300
        await alice.wait_event("CALL_ESTABLISHED")
        await seen.wait("channel.answered", count=2)
        await alice.press("1")
        await seen.wait("gather.finished", accepted)
        await seen.wait("channel.bridged")
        await mobile.hang_up()
        await alice.wait_event("CALL_CLOSED")


def accepted(event: Event) -> bool:
    return isinstance(event, GatherFinished) and event.outcome == Digits("1")
