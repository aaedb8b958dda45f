"""Whole calls of one phone with a script: up, through it, and down again, by either side and by accident."""

from __future__ import annotations

import logging

import anyio
import pytest
import trio

from callflow import App, Call, Digits, NotFound, TimedOut
from callflow.phone import Ended
from callflow.protocol.events import ChannelEnded, ChannelProgress, PlaybackFinished, RecordingFinished
from callflow.testing import ToneSource

app = App("calls")
notes: list[object] = []
pytestmark = pytest.mark.callflow(app)


@pytest.fixture(autouse=True)
def no_notes():
    notes.clear()


@app.route("100")
async def menu(call: Call) -> None:
    await call.answer()
    match await call.gather("prompt.wav", max=4, timeout=3, retries=1):
        case Digits(value):
            notes.append(value)
            await call.play("music.wav")
        case TimedOut():
            notes.append("nothing")


@app.route("101")
async def endless(call: Call) -> None:
    await call.answer()
    try:
        await call.play("music.wav", repeat=0)
    finally:
        notes.append("cancelled")
        with anyio.move_on_after(3, shield=True):
            await anyio.sleep(2)
            notes.append("tidied up")


@app.route("102")
async def broken(call: Call) -> None:
    await call.answer()
    await call.play("prompt.wav")
    raise RuntimeError("the script is broken")


@app.route("103")
async def prompt_is_missing(call: Call) -> None:
    await call.answer()
    try:
        await call.play("nowhere.wav")
    except NotFound as error:
        notes.append(str(error))
    await call.play("prompt.wav")


@app.route("104")
async def early(call: Call) -> None:
    await call.ring()
    await call.play("prompt.wav")
    await call.reject("busy")


@app.route("105")
async def message(call: Call) -> None:
    notes.append(await call.record("message.wav", max=60, silence=3, beep=True))


@app.route("106")
async def echo(call: Call) -> None:
    await call.answer()
    await call.echo()


@app.route("109")
async def echo_later(call: Call) -> None:
    await call.echo(delay_ms=2000)


@app.route("107")
async def waits(call: Call) -> None:
    await call.ring()
    await anyio.sleep_forever()


@app.route("108")
async def keys(call: Call) -> None:
    await call.answer()
    await call.send_digits("12#")


def endings(simulation):
    return [(ended.cause_name, ended.ended_by, ended.phase) for ended in simulation.happened(ChannelEnded)]


async def test_a_caller_goes_through_a_menu_and_the_script_hangs_up(simulation):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.heard("prompt.wav")
    alice.press("42#")
    await alice.heard("music.wav")
    assert await alice.ended() == Ended("peer", True, 0, "normal_clearing")
    assert notes == ["42"]
    assert endings(simulation) == [("normal_clearing", "app", "answered")]


async def test_a_digit_ends_the_prompt(simulation):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.hears("prompt.wav")
    await simulation.wait(0.5)
    alice.press("1234")
    await alice.heard("music.wav")
    prompt = alice.sounds[0]
    assert prompt.ended_at - prompt.started_at == pytest.approx(0.56, abs=0.03)


async def test_a_silent_caller_hears_the_prompt_twice(simulation):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.heard("prompt.wav")
    first = simulation.now
    await alice.heard("prompt.wav")
    assert simulation.now - first == pytest.approx(5, abs=0.1)  # time-outs count from the end of the prompt
    await alice.ended()
    assert notes == ["nothing"]


async def test_a_caller_who_hangs_up_in_a_prompt_cancels_the_script_which_tidies_up(simulation):
    alice = simulation.phone("alice")
    alice.call("101")
    await alice.hears("music.wav")
    await simulation.wait(7.3)
    alice.hang_up()
    await simulation.wait(1)
    assert notes == ["cancelled"]
    assert endings(simulation) == [("normal_clearing", "caller", "answered")]
    assert simulation.leaks() == []
    await simulation.wait(2)
    assert notes == ["cancelled", "tidied up"]
    assert simulation.happened(PlaybackFinished)[-1].outcome.heard_ms == pytest.approx(7360, abs=40)


async def test_a_caller_who_gives_up_before_the_answer_cancels_the_script(simulation):
    alice = simulation.phone("alice")
    alice.call("107")
    await simulation.wait(5)
    alice.hang_up()
    assert (await alice.ended()).status == 487
    assert endings(simulation) == [("normal_clearing", "caller", "ringing")]


async def test_a_script_that_raises_ends_its_call_with_a_tone_and_no_other(simulation, caplog):
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    bob.call("101")
    await bob.hears("music.wav")
    alice.call("102")
    await alice.heard("prompt.wav")
    await alice.hears(480.0)
    assert await alice.ended() == Ended("peer", True, 0, "temporary_failure")
    assert endings(simulation) == [("temporary_failure", "app", "answered")]
    [record] = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert "the script is broken" in caplog.text
    assert "alice" in record.getMessage()
    await simulation.wait(10)
    assert bob.is_in_call


async def test_a_missing_prompt_is_an_error_that_names_it(simulation):
    alice = simulation.phone("alice")
    alice.call("103")
    await alice.heard("prompt.wav")
    [note] = notes
    assert "nowhere.wav" in note


async def test_early_media_is_heard_before_a_refusal(simulation):
    alice = simulation.phone("alice")
    alice.call("104")
    await alice.heard("prompt.wav")
    assert await alice.ended() == Ended("peer", False, 486, "Busy Here")
    assert len(simulation.happened(ChannelProgress)) == 1


async def test_a_message_is_recorded_until_the_caller_falls_silent(simulation):
    alice = simulation.phone("alice")
    alice.call("105")
    await alice.answered()
    await simulation.wait(1)
    alice.speak(4)
    await alice.ended()
    [recorded] = notes
    assert (recorded.reason, recorded.path) == ("silence", "message.wav")
    assert recorded.duration_ms == pytest.approx(8000, abs=700)
    assert (simulation.recordings / "calls" / "message.wav").stat().st_size == 44 + 16 * recorded.duration_ms
    assert len(simulation.happened(RecordingFinished)) == 1


async def test_a_message_whose_caller_hangs_up_is_kept(simulation):
    alice = simulation.phone("alice")
    alice.call("105")
    await alice.answered()
    alice.speak(10)
    await simulation.wait(6)
    alice.hang_up()
    await simulation.wait(1)
    [recorded] = notes
    assert recorded.reason == "hangup"
    assert (simulation.recordings / "calls" / "message.wav").exists()


async def test_an_echo_gives_the_caller_his_own_voice(simulation):
    alice = simulation.phone("alice")
    alice.call("106")
    await alice.answered()
    await simulation.wait(1)
    assert alice.listens_to(alice)
    alice.speak(ToneSource((950.0,), duration_ms=500))
    await alice.hears(950.0)


async def test_a_delayed_echo_gives_it_later(simulation):
    alice = simulation.phone("alice")
    alice.call("109")
    await alice.answered()
    await simulation.wait(1)
    spoke = simulation.now
    alice.speak(ToneSource((950.0,), duration_ms=500))
    await alice.hears(950.0)
    assert 2.0 <= simulation.now - spoke < 2.1
    assert alice.seconds_of(950.0) == 0
    await alice.heard(950.0)


async def test_a_script_may_press_keys(simulation):
    alice = simulation.phone("alice")
    alice.call("108")
    await alice.ended()
    assert alice.digits == "12#"


async def test_half_an_hour_takes_no_time(simulation):
    alice = simulation.phone("alice")
    alice.call("101")
    await alice.answered()
    await simulation.wait(1800)
    alice.hang_up()
    await simulation.wait(1)
    [ended] = simulation.happened(ChannelEnded)
    assert ended.billable == pytest.approx(1800, abs=1)
    assert ended.sent.packets == pytest.approx(90_000, abs=10)
    assert trio.current_time() > 1800


@pytest.mark.callflow(app, loss=0.25, duplicate=0.1, reorder=0.1, latency=0.05, rtp_loss=0.1, seed=3)
async def test_a_bad_network_makes_it_slower_and_no_different(simulation):
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.heard("prompt.wav", within=120)
    alice.press("1234")
    await alice.heard("music.wav", within=120)
    await alice.ended(within=120)
    assert notes == ["1234"]
