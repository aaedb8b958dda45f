"""Calls made in simulation, saved, and made again: with the same script all is the same, with another it shows."""

from __future__ import annotations

import pytest
import trio

from callflow.phone import Phone
from callflow.replay.legs import legs_of
from callflow.testing import Simulation
from engine.registrar.users import User
from engine.sip.digest import Credentials

from .calls import record, replay_with, write_script

MENU = """
await call.answer()
match await call.gather("welcome.wav", valid="[12]", timeout=5, retries=1):
    case Digits("1"):
        message = await call.record(f"{call.id}.wav", max=30, silence=3)
        await call.play("thanks.wav", message.path)
    case Digits("2"):
        if isinstance(result := await call.dial("desk", "mobile", timeout=15, ringback="us"), Answered):
            await call.bridge(result.leg)
    case _:
        await call.play("goodbye.wav")
"""
PROMPTS = {"welcome": 3.0, "thanks": 1.0, "goodbye": 1.0}


async def leaves_a_message(simulation: Simulation) -> None:
    caller = simulation.phone("alice")
    caller.call("1000")
    await caller.hears("welcome.wav")
    await simulation.wait(1.5)
    caller.press("1")
    await simulation.wait(1)
    caller.speak(4)
    await caller.heard("thanks.wav")
    await caller.ended()


async def talks_to_the_mobile(simulation: Simulation) -> None:
    caller, desk, mobile = (simulation.phone(name) for name in ("alice", "desk", "mobile"))
    caller.call("1000")
    await caller.heard("welcome.wav")
    caller.press("2")
    await desk.rings()
    await mobile.rings()
    mobile.answer()
    await simulation.wait(20)
    mobile.hang_up()
    await caller.ended()


async def is_refused_by_all(simulation: Simulation) -> None:
    caller, desk, mobile = (simulation.phone(name) for name in ("alice", "desk", "mobile"))
    desk.rejects(486)
    mobile.rejects(603)
    caller.call("1000")
    await caller.hears("welcome.wav")
    caller.press("2")
    await caller.ended()


async def hangs_up_in_the_prompt(simulation: Simulation) -> None:
    caller = simulation.phone("alice")
    caller.call("1000")
    await caller.hears("welcome.wav")
    await simulation.wait(1)
    caller.hang_up()


async def presses_nothing(simulation: Simulation) -> None:
    caller = simulation.phone("alice")
    caller.call("1000")
    await caller.heard("goodbye.wav")
    await caller.ended()


async def errs_first(simulation: Simulation) -> None:
    caller = simulation.phone("alice")
    caller.call("1000")
    await caller.heard("welcome.wav")
    caller.press("9")
    await caller.heard("welcome.wav")
    caller.press("1")
    await simulation.wait(2)
    caller.press("#")
    await caller.ended()


async def holds_and_gives_up(simulation: Simulation) -> None:
    caller, desk = simulation.phone("alice"), simulation.phone("desk")
    caller.call("1000")
    await caller.hears("welcome.wav")
    caller.press("2")
    await desk.rings()
    await simulation.wait(3)
    caller.hang_up()
    await desk.ended()


ACTS = [
    leaves_a_message, talks_to_the_mobile, is_refused_by_all, hangs_up_in_the_prompt, presses_nothing, errs_first,
    holds_and_gives_up,
]  # fmt: skip


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.__name__)
def test_the_same_script_decides_the_same(tmp_path, act):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, act, tmp_path / "then")
    assert replay_with(saved, script, tmp_path / "now").diff == ()


def test_another_decision_is_shown_where_it_was_made(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, leaves_a_message, tmp_path / "then")
    changed = write_script(tmp_path / "new", MENU.replace("max=30, silence=3", "max=2"), **PROMPTS)
    assert replay_with(saved, changed, tmp_path / "now").diff == (
        "--- saved",
        "+++ new",
        "@@ -2,9 +2,9 @@",
        " answer",
        " gather welcome.wav valid=[12] retries=1",
        "     caller presses 1",
        "     -> digits 1",
        "-record <caller>.wav max=30 silence=3",
        "-    -> recorded 8.0 s, silence",
        "+record <caller>.wav max=2",
        "+    -> recorded 2.0 s, max",
        " play thanks.wav+<caller>.wav",
        " hangup",
        "     the call ends: normal_clearing",
    )


def test_a_prompt_under_another_name_is_answered_as_the_one_before(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, leaves_a_message, tmp_path / "then")
    renamed = write_script(tmp_path / "new", MENU.replace("welcome", "hello"), **PROMPTS, hello=3.0)
    diff = replay_with(saved, renamed, tmp_path / "now").diff
    assert "-gather welcome.wav valid=[12] retries=1" in diff
    assert [line for line in diff if line.startswith("+")][1:] == ["+gather hello.wav valid=[12] retries=1"]


def test_another_announcement_before_the_question_changes_no_answer(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, talks_to_the_mobile, tmp_path / "then")
    longer = write_script(
        tmp_path / "new", MENU.replace("answer()", 'answer()\nawait call.play("thanks.wav")'), **PROMPTS
    )
    changed = [line for line in replay_with(saved, longer, tmp_path / "now").diff if line[0] in "+-"]
    assert changed == ["--- saved", "+++ new", "+play thanks.wav"]


def test_a_new_version_that_keeps_the_caller_for_ever_is_hung_up_on(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, presses_nothing, tmp_path / "then")
    endless = write_script(
        tmp_path / "new", 'await call.answer()\nwhile True:\n    await call.play("welcome.wav")', **PROMPTS
    )
    diff = replay_with(saved, endless, tmp_path / "now").diff
    assert "+play welcome.wav" in diff
    assert "-gather welcome.wav valid=[12] retries=1" in diff


def test_what_the_new_version_raises_is_told(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, presses_nothing, tmp_path / "then")
    broken = write_script(tmp_path / "new", 'await call.answer()\nraise ZeroDivisionError("oh")')
    diff = replay_with(saved, broken, tmp_path / "now").diff
    assert diff[-1] == "! the script raised ZeroDivisionError: oh (ivr.py:9)"


def test_a_new_version_that_goes_in_circles_is_stopped(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, presses_nothing, tmp_path / "then")
    circles = """
from contextlib import suppress
from callflow.errors import BadArgument, NotFound
await call.answer()
while True:
    with suppress(BadArgument, NotFound):
        await call.play("absent.wav")
"""
    diff = replay_with(saved, write_script(tmp_path / "new", circles), tmp_path / "now").diff
    assert "+play absent.wav   (refused: not_found)" in diff
    assert diff[-1] == "! the script goes in circles: 1000 commands more than then"


def test_a_number_that_the_new_version_does_not_take_is_refused(tmp_path):
    script = write_script(tmp_path / "ivr", MENU, **PROMPTS)
    saved = record(script, presses_nothing, tmp_path / "then")
    changed = tmp_path / "new" / "ivr.py"
    changed.parent.mkdir()
    changed.write_text(script.read_text().replace('"1000"', '"2000"'))
    assert "+    the engine refuses the call: 404" in replay_with(saved, changed, tmp_path / "now").diff


def test_the_script_sees_the_same_caller_number_user_and_time(tmp_path):
    body = (
        'await call.reject("busy" if (call.caller.number, call.user, call.to) == ("alice", "alice", "1000") else 500)'
    )
    script = write_script(tmp_path / "ivr", body)

    async def is_rejected(simulation: Simulation) -> None:
        caller = simulation.phone("alice")
        caller.call("1000")
        await caller.ended()

    saved = record(script, is_rejected, tmp_path / "then")
    assert replay_with(saved, script, tmp_path / "now").diff == ()
    declined = write_script(tmp_path / "new", body.replace("busy", "declined"))
    assert replay_with(saved, declined, tmp_path / "now").diff[-4:] == (
        "-reject busy",
        "-    the call ends: user_busy, never answered",
        "+reject",
        "+    the call ends: call_rejected, never answered",
    )


CONFIRMED = """
async def accepts(callee: Call) -> bool:
    return await callee.gather("thanks.wav", timeout=4) == Digits("1")

await call.answer()
match await call.dial(["desk", "mobile"], timeout=20, confirm=accepts):
    case Answered(leg=leg):
        await call.bridge(leg)
    case _:
        await call.play("goodbye.wav")
"""


def test_callees_confirm_as_they_did(tmp_path):
    async def the_mobile_confirms(simulation: Simulation) -> None:
        caller, desk, mobile = (simulation.phone(name) for name in ("alice", "desk", "mobile"))
        await desk.registered()
        await mobile.registered()
        caller.call("1000")
        await desk.rings()
        await simulation.wait(2)
        mobile.answer()
        await mobile.heard("thanks.wav")
        mobile.press("1")
        await caller.connected_to(mobile)
        caller.hang_up()

    script = write_script(tmp_path / "ivr", CONFIRMED, **PROMPTS)
    saved = record(script, the_mobile_confirms, tmp_path / "then")
    assert replay_with(saved, script, tmp_path / "now").diff == ()
    stricter = write_script(tmp_path / "new", CONFIRMED.replace('Digits("1")', 'Digits("5")'), **PROMPTS)
    diff = replay_with(saved, stricter, tmp_path / "strict").diff
    assert "-bridge <mobile>" in diff
    assert any("mobile unconfirmed" in line for line in diff)


def test_whoever_was_dialled_by_address_is_there_again(tmp_path):
    body = """
await call.answer()
match await call.dial("sip:carol@192.0.2.7:5080", "sip:dave@pbx.example;transport=tcp", timeout=5):
    case Answered(leg=leg):
        await call.bridge(leg)
    case _:
        await call.play("goodbye.wav")
"""

    async def reaches_nobody(simulation: Simulation) -> None:
        caller = simulation.phone("alice")
        caller.call("1000")
        await caller.heard("goodbye.wav")

    script = write_script(tmp_path / "ivr", body, **PROMPTS)
    saved = record(script, reaches_nobody, tmp_path / "then")
    assert replay_with(saved, script, tmp_path / "now").diff == ()


def test_who_answered_at_an_address_answers_there_again(tmp_path):
    body = """
await call.answer()
if isinstance(result := await call.dial("sip:carol@10.0.1.2", timeout=5), Answered):
    await call.bridge(result.leg)
"""

    async def reaches_carol(simulation: Simulation) -> None:
        caller, carol = simulation.phone("alice"), simulation.phone("carol", answers_after=2, registers=False)
        caller.call("1000")
        await caller.connected_to(carol)
        await simulation.wait(7)
        carol.hang_up()
        await caller.ended()

    script = write_script(tmp_path / "ivr", body)
    saved = record(script, reaches_carol, tmp_path / "then")
    assert replay_with(saved, script, tmp_path / "now").diff == ()


def test_two_phones_of_one_user_ring_again(tmp_path):
    async def one_of_two_answers(simulation: Simulation) -> None:
        simulation.switch.users.add(User.of("desk", "secret"))
        async with trio.open_nursery() as nursery:
            phones = [await open_phone(simulation, nursery, f"10.0.9.{number}") for number in (1, 2)]
            caller = simulation.phone("alice")
            caller.call("1000")
            first, second = [await phone.wait_call() for phone in phones]
            await simulation.wait(2)
            second.answer()
            await first.wait_ended()
            await simulation.wait(5)
            second.hang_up()
            await caller.ended()
            nursery.cancel_scope.cancel()

    body = """
if isinstance(result := await call.dial("desk", timeout=9), Answered):
    await call.bridge(result.leg)
"""
    script = write_script(tmp_path / "ivr", body)
    saved = record(script, one_of_two_answers, tmp_path / "then")
    assert [leg.name for leg in legs_of(saved)] == ["caller", "desk", "desk (2)"]
    assert replay_with(saved, script, tmp_path / "now").diff == ()
    never = write_script(tmp_path / "new", body.replace("timeout=9", "timeout=1"))
    assert "+    -> nobody: desk no_answer" in replay_with(saved, never, tmp_path / "never").diff


async def open_phone(simulation: Simulation, nursery: trio.Nursery, host: str) -> Phone:
    phone, media = simulation.device("desk", host=host, credentials=Credentials("desk", "secret"))
    nursery.start_soon(media.run)
    await nursery.start(phone.endpoint.run)
    await phone.register("sip:10.0.0.1:5060")
    return phone
