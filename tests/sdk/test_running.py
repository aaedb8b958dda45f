"""Two things at once: `race`, handles, and scripts that use task groups."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from callflow import Call, CallEnded, Digits, Played, race
from callflow.protocol import commands, outcomes
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import app_of, running


@on_both_backends
async def test_the_first_wins_a_race_and_the_other_is_cancelled():
    steps: list[str] = []

    async def slow() -> str:
        try:
            await anyio.sleep(60)
        finally:
            steps.append("cancelled")
        return "slow"

    async def fast() -> int:
        await anyio.lowlevel.checkpoint()
        return 7

    assert await race(slow(), fast()) == 7
    assert await race(fast(), slow()) == 7
    assert steps == ["cancelled", "cancelled"]


@on_both_backends
async def test_an_exception_in_a_race_is_raised_as_itself():
    async def wrong() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        await race(anyio.sleep(60), wrong())


@on_both_backends
async def test_a_race_of_verbs_cancels_the_loser_at_the_engine():
    results: list[object] = []

    async def script(call: Call) -> None:
        results.append(await race(call.play("long.wav"), call.gather(max=1)))

    async with running(app_of(script)) as engine:
        await engine.call()
        taken = {}
        for _ in range(2):  # the backends start tasks in orders of their own
            frame, command = await engine.accept(commands.Command)
            taken[command.name] = frame
        await engine.finish(taken["gather"], Digits("4"))
        _, cancel = await engine.accept(commands.Cancel)
        assert cancel.command == taken["play"].id
        await engine.finish(taken["play"], Played(heard_ms=10, reason="stopped"))
        await engine.expect_hangup()
    assert results == [Digits("4")]


@on_both_backends
async def test_a_hang_up_reaches_every_task_of_a_script():
    steps: list[str] = []

    async def script(call: Call) -> None:
        async def play() -> None:
            try:
                await call.play("music.wav", repeat=0)
            finally:
                steps.append("play")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(play)
            try:
                await anyio.sleep(60)
            finally:
                steps.append("sleep")

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.accept(commands.Play)
        await engine.hang_up()
    assert sorted(steps) == ["play", "sleep"]


@on_both_backends
async def test_call_ended_inside_a_group_is_no_error_of_the_script():
    async def script(call: Call) -> None:
        async def late() -> None:
            with anyio.CancelScope(shield=True):
                await call.wait_hangup()
            await call.play("late.wav")

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(late)
            with anyio.CancelScope(shield=True):
                await call.wait_hangup()

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.hang_up()
        await engine.call("call-2", to="9999")  # nothing was sent for the first: no tone
        await engine.accept(commands.Reject)
        await engine.hang_up("call-2")


@on_both_backends
async def test_a_handle_waits_for_the_end_by_itself():
    results: list[object] = []

    async def script(call: Call) -> None:
        async with call.recording("all.wav"), call.playing("hello.wav") as playback:
            results.append(await playback.wait())
            assert playback.is_over
        with pytest.raises(CallEnded):
            async with call.playing("never.wav"):
                pass

    async with running(app_of(script)) as engine:
        await engine.call()
        record, _ = await engine.accept(commands.Record)
        await engine.end(commands.Play, Played(heard_ms=10, reason="completed"))
        await engine.accept(commands.Cancel)
        await engine.finish(record, outcomes.Recorded(path="all.wav", duration_ms=10, reason="stopped"))
        await engine.refuse(commands.Play, "call_ended")
        await engine.expect_hangup()
    assert results == [Played(heard_ms=10, reason="completed")]
