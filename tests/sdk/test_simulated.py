"""The SDK's part of the verbs, with the real engine behind it: menus, handles, confirmations, calls taken up again."""

from __future__ import annotations

import anyio
import pytest

from callflow import Answered, App, Call, Confirmation, Failed, Hangup, Overloaded, Tone
from callflow.testing import Simulation

MENU, ONE, TWO, SORRY = Tone("400", seconds=1), Tone("500", seconds=1), Tone("600", seconds=1), Tone("700", seconds=1)
MUSIC = Tone("300")

app = App("verbs")


@app.route("100")
async def menu(call: Call) -> None:
    async def one(call: Call) -> str:
        await call.play(ONE)
        return "one"

    async def two(call: Call) -> str:
        await call.play(TWO)
        return "two"

    await call.answer()
    while isinstance(await call.menu(MENU, {"1": one, "2": two}, retries=0, timeout=3), str):
        pass
    await call.play(SORRY)


@app.route("101")
async def steered(call: Call) -> None:
    await call.answer()
    async with call.playing(Tone("400", seconds=20)) as playback:
        await anyio.sleep(2)
        await playback.pause()
        await anyio.sleep(5)
        await playback.resume()
        await playback.seek(15000)
        heard = await playback.wait()
    assert heard.reason == "completed"
    await call.play(ONE)


@app.route("102")
async def held(call: Call) -> None:
    await call.answer()
    async with call.holding(MUSIC):
        await anyio.sleep(3)
    await call.play(ONE)


@app.route("103")
async def starred(call: Call) -> None:
    rung = anyio.Event()

    async def ring() -> None:
        rung.set()

    await call.answer()
    await call.bind_digits("*9", Hangup(cause="user_busy"))
    async with call.binding_digits("*1", ring):
        await rung.wait()
    await call.play(TWO)
    await anyio.sleep(60)


@app.route("104")
async def limited(call: Call) -> None:
    try:
        await call.limit("line", 1)
    except Overloaded:
        await call.reject("busy")
        return
    await call.answer()
    await call.wait_hangup()


@app.route("105")
async def confirmed(call: Call) -> None:
    async def wants(callee: Call) -> bool:
        return await callee.menu(MENU, {"1": yes}, retries=0) is True

    won = await call.dial(["desk", "mobile"], timeout=20, confirm=wants)
    if isinstance(won, Answered):
        await call.bridge(won.leg)
    else:
        await call.play(SORRY)


async def yes(call: Call) -> bool:
    return True


@app.route("106")
async def confirmed_by_key(call: Call) -> None:
    won = await call.dial("desk", timeout=20, confirm=Confirmation(prompt=(MENU,), key="1", timeout=5))
    if isinstance(won, Failed):
        assert [branch.reason for branch in won.branches] == ["unconfirmed"]
        await call.play(SORRY)
    else:
        await call.bridge(won.leg)


@app.route("107")
async def patient(call: Call) -> None:
    await call.answer()
    await call.set(step="2")
    await call.policy(wait=30, music=MUSIC)
    won = await call.dial("desk")
    assert isinstance(won, Answered)
    await call.bridge(won.leg)


@app.route("108")
async def calls_back(call: Call) -> None:
    async def remind(call: Call) -> None:
        assert call.direction == "outbound"
        await call.play(TWO)

    caller = call.caller.number
    await call.reject("busy")
    result = await app.originate(caller, script=remind, timeout=20)
    assert isinstance(result, Answered)


@app.route("109")
async def timed(call: Call) -> None:
    await call.answer()
    await call.hangup_at(after=5, cause="user_busy")
    await call.play(MUSIC)


@app.route("110")
async def moved(call: Call) -> None:
    await call.redirect("desk")


@app.route("111")
async def patient_alone(call: Call) -> None:
    await call.answer()
    await call.policy(wait=30, music=MUSIC)
    await call.play(Tone("400"))


@app.on_reattach
async def go_on(call: Call) -> None:
    if call.to == "111":
        await patient_alone(call)
    assert await call.get("step") == {"step": "2"}
    await call.play(ONE)
    [leg] = call.legs
    await call.bridge(leg)


pytestmark = pytest.mark.callflow(app)


async def test_a_menu_leads_on_and_comes_to_an_end(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("100")
    for key, tone in (("1", 500), ("2", 600)):
        await caller.hears(400)
        caller.press(key)
        await caller.heard(tone)
    await caller.heard(700)
    await caller.ended()


async def test_a_playback_is_paused_and_wound_on(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("101")
    await caller.heard(500)
    assert 11 < simulation.now < 13  # 2 s, 5 s of silence, 3 s, and what comes after
    await caller.ended()


async def test_on_hold_there_is_music_until_the_block_ends(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("102")
    await caller.hears(300)
    await caller.heard(500)
    await caller.ended()


async def test_star_codes_call_the_script_and_the_engine(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("103")
    await caller.answered()
    caller.press("*1")
    await caller.heard(600)
    caller.press("*9")
    await caller.ended()
    assert simulation.now < 30


async def test_a_second_caller_finds_the_line_taken(simulation: Simulation) -> None:
    first, second = simulation.phone("first"), simulation.phone("second")
    first.call("104")
    await first.answered()
    second.call("104")
    assert (await second.ended()).status == 486
    first.hang_up()
    await first.ended()
    second.call("104")
    await second.answered()


async def test_whoever_wants_the_call_has_it(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk", answers_after=1)
    mobile = simulation.phone("mobile", answers_after=2)
    caller.call("105")
    await desk.hears(400)
    await mobile.hears(400)
    mobile.press("1")
    await caller.connected_to(mobile)
    await desk.ended()


async def test_nobody_wants_the_call(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    for name in ("desk", "mobile"):
        simulation.phone(name, answers_after=1)
    caller.call("105")
    await caller.heard(700)


async def test_a_key_confirms_and_none_does_not(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk", answers_after=1)
    caller.call("106")
    await desk.hears(400)
    desk.press("1")
    await caller.connected_to(desk)
    caller.hang_up()
    await desk.ended()
    caller.call("106")
    await caller.heard(700)


async def test_calls_of_an_app_that_dies_wait_for_it_and_are_taken_up(simulation: Simulation) -> None:
    caller, desk = simulation.phone("caller"), simulation.phone("desk", answers_after=1)
    caller.call("107")
    await caller.connected_to(desk)
    simulation.kill()
    await caller.heard(500)
    await caller.connected_to(desk)
    caller.hang_up()
    await desk.ended()


async def test_a_caller_alone_hears_music_until_the_app_is_back(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("111")
    await caller.hears(400)
    simulation.kill()
    await caller.hears(300)
    await caller.hears(400)
    caller.hang_up()


async def test_an_app_calls_back(simulation: Simulation) -> None:
    caller = simulation.phone("caller", answers_after=2)
    caller.call("108")
    assert (await caller.ended()).status == 486
    await caller.rings()
    await caller.heard(600)
    await caller.ended()


async def test_a_call_ends_when_its_time_is_over(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("109")
    await caller.ended()
    assert 5 < simulation.now < 6


async def test_a_caller_is_sent_elsewhere(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    simulation.phone("desk")
    caller.call("110")
    assert (await caller.ended()).status == 302
