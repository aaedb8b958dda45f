"""The conference, tested: with simulated phones, and with three that are not ours. Run `pytest examples/conference`."""

from pathlib import Path

import pytest

from callflow.protocol.events import BridgeJoined, Event
from callflow.testing import SimulatedPhone, Simulation, ToneSource
from tests.interop import needs
from tests.interop.audio import samples, tones_in
from tests.interop.baresip import FREQUENCIES, Baresip, phone
from tests.interop.engine import engine
from tests.interop.process import until
from tests.interop.watch import watch
from tests.trio_tests import run_trio

twins = pytest.mark.parametrize("simulation", ["conference.py", "conference.lua"], indirect=True)
SCRIPT = Path(__file__).parent / "conference.py"
ENOUGH = 4 * 16_000  # octets of a recording: four seconds


async def guest(simulation: Simulation, name: str, pin: str = "4711") -> SimulatedPhone:
    caller = simulation.phone(name)
    caller.call("3000")
    await caller.hears("pin.wav")
    caller.press(pin)
    return caller


async def chair(simulation: Simulation) -> SimulatedPhone:
    caller = simulation.phone("chair")
    caller.call("3001")
    await caller.hears("pin.wav")
    caller.press("8822")
    return caller


@twins
async def test_guests_wait_for_the_chair_and_go_with_it(simulation: Simulation) -> None:
    alice, bob = await guest(simulation, "alice"), await guest(simulation, "bob")
    await alice.heard("waiting.wav")
    await bob.heard("waiting.wav")
    assert not alice.listens_to(bob)
    host = await chair(simulation)
    await alice.connected_to(bob)
    await alice.connected_to(host)
    host.hang_up()
    await alice.heard("closed.wav")
    await alice.ended()


@twins
async def test_a_guest_mutes_itself_and_the_chair_all(simulation: Simulation) -> None:
    alice, bob = await guest(simulation, "alice"), await guest(simulation, "bob")
    host = await chair(simulation)
    await alice.connected_to(bob)
    alice.press("*6")
    await alice.heard("muted.wav")
    await simulation.wait(0.5)
    assert not bob.listens_to(alice)
    assert alice.listens_to(bob)
    alice.press("*6")
    await alice.heard("unmuted.wav")
    await alice.connected_to(bob)
    host.press("*7")
    await simulation.wait(2)
    assert not host.listens_to(bob)
    host.press("*8")
    await host.connected_to(bob)


@twins
async def test_a_locked_room_and_a_wrong_pin_are_told(simulation: Simulation) -> None:
    host = await chair(simulation)
    await host.answered()
    await simulation.wait(2)
    host.press("*51")
    await simulation.wait(2)
    late = await guest(simulation, "late")
    await late.heard("locked.wav")
    await late.ended()
    stranger = await guest(simulation, "stranger", pin="1111")
    for _ in range(2):
        await stranger.hears("wrong.wav")
        stranger.press("2222")
    await stranger.heard("refused.wav")
    await stranger.ended()


@twins
async def test_who_comes_to_the_lounge_is_heard(simulation: Simulation) -> None:
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    alice.call("3002")
    await alice.answered()
    bob.call("3002")
    await alice.heard("joined.wav")
    bob.speak(ToneSource((990.0,), duration_ms=1000))
    await alice.hears(990.0)
    bob.hang_up()
    await alice.heard("left.wav")


@needs.program("baresip")
@run_trio
async def test_three_phones_hear_the_other_two_and_not_themselves(tmp_path: Path) -> None:
    async with (
        engine(tmp_path / "engine", SCRIPT) as running,
        watch(running) as seen,
        phone(tmp_path, running, seen, "alice") as alice,
        phone(tmp_path, running, seen, "desk") as desk,
        phone(tmp_path, running, seen, "mobile") as mobile,
    ):
        phones = {"alice": alice, "desk": desk, "mobile": mobile}
        for caller in phones.values():
            await caller.dial("3002")
            await caller.wait_event("CALL_ESTABLISHED")
        await seen.wait("bridge.joined", all_three)
        before = {user: octets_heard(caller) for user, caller in phones.items()}
        await until(lambda: all(octets_heard(phones[user]) > before[user] + ENOUGH for user in phones))
        for caller in phones.values():
            await caller.hang_up()
            await caller.wait_event("CALL_CLOSED")
    heard = {user: samples(caller.heard()[0]) for user, caller in phones.items()}
    assert {user: tones_in(sound, FREQUENCIES, seconds=2.5) for user, sound in heard.items()} == {
        "alice": {"desk", "mobile"},
        "desk": {"alice", "mobile"},
        "mobile": {"alice", "desk"},
    }
    for user, sound in heard.items():  # but for the chime, which is near to one of them
        assert user not in tones_in(sound, FREQUENCIES, seconds=0.7)


def all_three(event: Event) -> bool:
    return isinstance(event, BridgeJoined) and event.members == 3


def octets_heard(caller: Baresip) -> int:
    return sum(path.stat().st_size for path in caller.heard())
