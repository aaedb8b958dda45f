"""What a script does with a call, and what the engine is asked in turn."""

from __future__ import annotations

import anyio
import pytest

from callflow import (
    BadArgument,
    Call,
    CallEnded,
    DeadlineExceeded,
    Digits,
    NotFound,
    Played,
    Recorded,
    TimedOut,
    Tone,
    WrongState,
)
from callflow.protocol import commands, outcomes
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import app_of, running
from tests.trio_tests import run_virtual

COMPLETED = Played(heard_ms=1000, reason="completed")


@on_both_backends
async def test_a_script_answers_plays_gathers_and_its_return_hangs_up():
    heard: list[object] = []

    async def script(call: Call) -> None:
        await call.answer()
        heard.append(await call.play("welcome.wav", Tone("440", seconds=1)))
        heard.append(await call.gather("menu.wav", max=1, valid="[12]"))

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Answer)
        assert frame.channel == "call-1"
        play = await engine.end(commands.Play, COMPLETED)
        assert play.sources == ("welcome.wav", Tone("440", seconds=1))
        gather = await engine.end(commands.Gather, Digits("1"))
        assert (gather.prompt, gather.max, gather.valid) == (("menu.wav",), 1, "[12]")
        await engine.expect_hangup()
    assert heard == [COMPLETED, Digits("1")]


@on_both_backends
async def test_hang_up_cancels_the_script_and_finally_may_wait():
    steps: list[str] = []

    async def script(call: Call) -> None:
        try:
            await call.play("long.wav")
            steps.append("never")
        finally:
            await anyio.sleep(0.01)
            steps.append("finally waited")
            with pytest.raises(CallEnded):
                await call.play("more.wav")
            steps.append("refused")

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Play)
        await engine.send(engine.outcome(frame, Played(heard_ms=10, reason="stopped")), engine.ended())
    assert steps == ["finally waited", "refused"]


@on_both_backends
async def test_a_hang_up_together_with_another_outcome_cancels_what_is_awaited_next():
    steps: list[str] = []

    async def script(call: Call) -> None:
        await call.gather("menu.wav")
        try:
            await anyio.sleep(60)
        finally:
            await anyio.sleep(0.01)
            steps.append("told")

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Gather)
        await engine.send(engine.outcome(frame, Digits("1")), engine.ended())
    assert steps == ["told"]


@run_virtual
async def test_the_window_after_a_hang_up_ends():
    steps: list[str] = []

    async def script(call: Call) -> None:
        try:
            await call.wait_hangup()
            await anyio.sleep(60)
        finally:
            steps.append("cut short")
            await anyio.sleep(60)
            steps.append("never")

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.hang_up()
    assert steps == ["cut short"]


@on_both_backends
async def test_a_hang_up_behind_the_outcome_it_brought_still_cancels():
    steps: list[str] = []

    async def script(call: Call) -> None:
        await call.play("long.wav")
        steps.append("charged the customer")

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Play)
        await engine.finish(frame, Played(heard_ms=10, reason="stopped"))
        await anyio.sleep(0.02)
        await engine.hang_up()
    assert steps == []


@on_both_backends
async def test_a_recording_that_the_hang_up_ended_is_returned():
    kept: list[Recorded] = []

    async def script(call: Call) -> None:
        recorded = await call.record("message.wav")
        await anyio.sleep(0.01)
        kept.append(recorded)

    outcome = Recorded(path="message.wav", duration_ms=4000, reason="hangup")
    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Record)
        await engine.finish(frame, outcome)
        await engine.hang_up()
    assert kept == [outcome]


@on_both_backends
async def test_cancelling_the_task_cancels_the_command_and_waits_for_its_end():
    async def script(call: Call) -> None:
        with anyio.move_on_after(0.01):
            await call.play("long.wav")
        await call.play("short.wav")

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Play)
        _, cancel = await engine.accept(commands.Cancel)
        assert cancel.command == frame.id
        await engine.finish(frame, Played(heard_ms=10, reason="stopped"))
        await engine.end(commands.Play, COMPLETED)
        await engine.expect_hangup()


@on_both_backends
async def test_a_deadline_cancels_the_command_and_raises():
    raised: list[Exception] = []

    async def script(call: Call) -> None:
        try:
            await call.gather("menu.wav", deadline=0.01)
        except DeadlineExceeded as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Gather)
        await engine.accept(commands.Cancel)
        await engine.finish(frame, outcomes.Stopped())
        await engine.expect_hangup()
    assert isinstance(raised[0], TimeoutError)
    assert str(raised[0]) == "gather: not done within its deadline of 0.01 s"


@on_both_backends
async def test_a_refused_command_raises_what_the_engine_said():
    raised: list[NotFound] = []

    async def script(call: Call) -> None:
        try:
            await call.play("nowhere.wav")
        except NotFound as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.refuse(commands.Play, "not_found", "there is no nowhere.wav in the app's folder")
        await engine.expect_hangup()
    assert raised[0].command == "play"
    assert "nowhere.wav" in str(raised[0])


@on_both_backends
async def test_a_script_that_raises_is_heard_as_a_tone_and_cause_41():
    async def script(call: Call) -> None:
        raise ValueError("a bug")

    async with running(app_of(script)) as engine:
        await engine.call()
        play = await engine.end(commands.Play, COMPLETED)
        assert isinstance(play.sources[0], Tone)
        assert play.sources[0].seconds == 0.5
        await engine.expect_hangup(cause="temporary_failure")


@on_both_backends
async def test_one_script_that_raises_leaves_the_others_alone():
    async def script(call: Call) -> None:
        if call.id == "bad":
            raise ValueError("a bug")
        await call.answer()

    async with running(app_of(script)) as engine:
        await engine.call("bad")
        frame, _ = await engine.accept(commands.Play)
        await engine.call("good")
        await engine.accept(commands.Answer)
        await engine.expect_hangup("good")
        await engine.finish(frame, COMPLETED)
        await engine.expect_hangup("bad", cause="temporary_failure")


@on_both_backends
async def test_wait_hangup_returns_the_end_and_after_hangup_is_told_it():
    told: list[str] = []

    async def script(call: Call) -> None:
        @call.after_hangup
        async def keep(ended: object) -> None:
            await anyio.sleep(0.01)
            told.append("kept")

        ended = await call.wait_hangup()
        told.append(ended.ended_by)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.hang_up()
    assert told == ["caller", "kept"]


@on_both_backends
async def test_playing_goes_on_beside_the_script_and_the_block_ends_it():
    results: list[Played] = []

    async def script(call: Call) -> None:
        async with call.playing("music.wav", repeat=0) as music:
            assert not music.is_over
            await call.set(mood="fine")
            results.append(await music.stop())

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, play = await engine.accept(commands.Play)
        assert play.repeat == 0
        _, variables = await engine.accept(commands.Set)
        assert variables.variables == {"mood": "fine"}
        await engine.accept(commands.Cancel)
        await engine.finish(frame, Played(heard_ms=70, reason="stopped"))
        await engine.expect_hangup()
    assert results == [Played(heard_ms=70, reason="stopped")]


@on_both_backends
async def test_variables_are_set_and_got():
    found: list[object] = []

    async def script(call: Call) -> None:
        found.append(await call.get("language"))
        found.append(dict(call.variables))
        await call.set({"language": None})
        found.append(dict(call.variables))

    async with running(app_of(script)) as engine:
        await engine.call()
        _, command = await engine.accept(commands.Get, data={"language": "en"})
        assert command.variables == ("language",)
        await engine.accept(commands.Set)
        await engine.expect_hangup()
    assert found == [{"language": "en"}, {"language": "en"}, {}]


@on_both_backends
async def test_hangup_by_the_script_does_not_cancel_the_script():
    steps: list[str] = []

    async def script(call: Call) -> None:
        await call.hangup("user_busy")
        await anyio.sleep(0.01)
        steps.append("went on")
        await call.hangup()

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.expect_hangup(cause="user_busy")
    assert steps == ["went on"]


@on_both_backends
async def test_reject_refuses_with_a_reason():
    async def script(call: Call) -> None:
        await call.reject("busy")

    async with running(app_of(script)) as engine:
        await engine.call()
        _, command = await engine.accept(commands.Reject)
        assert command.reason == "busy"
        await engine.hang_up()


@on_both_backends
async def test_misuse_raises_before_anything_is_sent():
    async def script(call: Call) -> None:
        with pytest.raises(BadArgument, match="at least one source"):
            await call.play()
        with pytest.raises(BadArgument, match="at least one stage"):
            await call.dial()
        with pytest.raises(BadArgument, match="empty list"):
            await call.dial([])

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.expect_hangup()


@on_both_backends
async def test_a_gather_without_digits_is_a_value():
    found: list[object] = []

    async def script(call: Call) -> None:
        found.append(await call.gather("menu.wav", max=4, terminators="", retries=2, invalid=["wrong.wav"]))

    async with running(app_of(script)) as engine:
        await engine.call()
        gather = await engine.end(commands.Gather, TimedOut("12"))
        assert (gather.retries, gather.invalid) == (2, ("wrong.wav",))
        await engine.expect_hangup()
    assert found == [TimedOut("12")]


@on_both_backends
async def test_the_engine_s_death_ends_every_script():
    steps: list[str] = []
    running_scripts: list[str] = []
    both_run = anyio.Event()

    async def script(call: Call) -> None:
        running_scripts.append(call.id)
        if len(running_scripts) == 2:
            both_run.set()
        try:
            await anyio.sleep(60)
        finally:
            steps.append(call.id)

    async with running(app_of(script)) as engine:
        await engine.call("one")
        await engine.call("two")
        await both_run.wait()
    assert sorted(steps) == ["one", "two"]


@on_both_backends
async def test_a_script_that_hangs_up_goes_on_whichever_comes_first_the_end_or_the_reply():
    steps: list[str] = []

    async def script(call: Call) -> None:
        await call.hangup()
        await anyio.sleep(0.01)
        steps.append("went on")

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.take(commands.Hangup)
        await engine.send(engine.ended(by="app"), engine.connection.reply(frame.id, seq=1))
    assert steps == ["went on"]


@on_both_backends
async def test_a_hang_up_that_the_engine_does_not_answer_is_too_late():
    raised: list[Exception] = []

    async def script(call: Call) -> None:
        try:
            await call.hangup(deadline=0.01)
        except DeadlineExceeded as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.take(commands.Hangup)
        await engine.expect_hangup()
    assert len(raised) == 1


@on_both_backends
async def test_a_call_that_came_in_has_no_origin():
    async def script(call: Call) -> None:
        with pytest.raises(WrongState, match="no call dialled this one"):
            _ = call.origin

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.expect_hangup()
