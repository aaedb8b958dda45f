"""Voicemail, heard by simulated phones."""

from __future__ import annotations

import pytest

from callflow.protocol.events import RecordingStarted
from callflow.testing import SimulatedPhone, Simulation

pytestmark = pytest.mark.callflow("office.py")


async def leave(simulation: Simulation, box: str, *, name: str = "caller") -> None:
    caller = simulation.phones.get(name) or simulation.phone(name)
    caller.call(box)
    await caller.heard("message.wav")  # "... please leave your message"
    await simulation.wait(2)
    caller.speak(4)
    await simulation.wait(5)
    caller.hang_up()
    await caller.ended()


async def owner(simulation: Simulation, box: str) -> SimulatedPhone:
    phone = simulation.phone("owner")
    phone.call(f"*97{box}")
    return phone


async def test_a_message_is_left_by_hanging_up_and_heard_and_deleted(simulation: Simulation) -> None:
    await leave(simulation, "100")
    phone = await owner(simulation, "100")
    await phone.heard("have.wav")
    await phone.heard("1.wav")  # 1 new message
    await phone.heard("goodbye.wav")
    phone.press("1")
    [recording] = (simulation.recordings / "office" / "voicemail" / "100").iterdir()
    await phone.heard(recording.name)
    phone.press("3")
    await phone.heard("deleted.wav")
    await phone.heard("have.wav")
    await phone.heard("0.wav")
    phone.press("1")
    await phone.heard("no.wav")
    phone.press("#")
    await phone.ended()


async def test_a_message_may_be_saved_and_is_told_to_the_phone_s_lamp(simulation: Simulation) -> None:
    await leave(simulation, "100")
    phone = await owner(simulation, "100")
    await phone.heard("goodbye.wav")
    phone.press("1")
    await phone.hears("from.wav")
    phone.press("2")
    await phone.heard("saved.wav")
    await phone.heard("have.wav")
    phone.press("2")
    await phone.heard("menu.wav")
    phone.hang_up()


async def test_a_caller_who_says_nothing_leaves_no_message(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("100")
    await caller.heard("goodbye.wav")
    await caller.ended()
    phone = await owner(simulation, "100")
    await phone.heard("have.wav")
    await phone.heard("0.wav")


async def test_a_box_with_a_pin_asks_three_times(simulation: Simulation) -> None:
    phone = await owner(simulation, "200")
    for _ in range(3):
        await phone.heard("pin.wav")
        phone.press("1111")
    await phone.heard("goodbye.wav")
    await phone.ended()
    phone.call("*97200")
    await phone.heard("pin.wav")
    phone.press("4321")
    await phone.heard("have.wav")


async def test_the_owner_s_own_greeting_is_heard(simulation: Simulation) -> None:
    phone = await owner(simulation, "100")
    await phone.heard("goodbye.wav")
    phone.press("3")
    await phone.heard("message.wav")
    await simulation.wait(1)
    phone.speak(3)
    await phone.heard("save.wav")
    phone.press("1")
    await phone.heard("saved.wav")
    phone.hang_up()
    [greeting] = (simulation.recordings / "office" / "voicemail" / "100").iterdir()
    caller = simulation.phone("caller")
    caller.call("100")
    await caller.heard(greeting.name)


async def test_a_box_that_is_full_takes_no_more(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("110")
    await caller.heard("sorry.wav")
    await caller.heard("goodbye.wav")
    await caller.ended()
    assert simulation.happened(RecordingStarted) == []
