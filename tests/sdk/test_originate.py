"""Calls that nobody made: dialled by an app, or by a program outside."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import pytest

from callflow import Answered, App, BadArgument, Call, DeadlineExceeded, Disconnected, Failed
from callflow.client import connect
from callflow.protocol import commands, events, outcomes
from callflow.protocol.events import Party
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import SESSION, ScriptedEngine, app_of, running
from tests.sdk.test_client import TOKEN, engine_at


async def nothing(call: Call) -> None: ...


async def connected(app: App) -> None:
    """Wait until the app has taken the welcome in."""
    while not app.sessions:
        await anyio.lowlevel.checkpoint()


async def announce(engine: ScriptedEngine, leg: str) -> None:
    party = Party(uri="sip:bob@pbx", number="bob")
    created = events.ChannelCreated(direction="outbound", caller=party, callee=party, to="bob", owner=SESSION)
    await engine.emit(created, leg)
    await engine.emit(events.ChannelAnswered(), leg)


@on_both_backends
async def test_an_app_dials_and_its_script_has_the_call():
    async def remind(call: Call) -> None:
        assert (call.direction, call.to, call.is_answered) == ("outbound", "bob", True)
        await call.play("reminder.wav")

    app = app_of(nothing)
    async with running(app) as engine, anyio.create_task_group() as tasks:
        results: list[object] = []
        await connected(app)

        async def originate() -> None:
            results.append(await app.originate(["bob", "carol"], script=remind, caller_id="1000", timeout=9))

        tasks.start_soon(originate)
        frame, command = await engine.accept(commands.Originate)
        assert (frame.channel, command.caller_id, command.timeout) == (None, "1000", 9)
        bob, _ = (target.leg for target in command.stages[0])
        await announce(engine, bob)
        await engine.finish(frame, outcomes.Answered(leg=bob, target="bob"))
        play, _ = await engine.accept(commands.Play)
        assert play.channel == bob
        await engine.finish(play, outcomes.Played(heard_ms=1, reason="completed"))
        await engine.expect_hangup(bob)
    assert isinstance(results[0], Answered)
    assert results[0].target == "bob"


@on_both_backends
async def test_nobody_answers_and_a_leg_that_goes_elsewhere_is_left_alone():
    app = app_of(nothing)
    async with running(app) as engine, anyio.create_task_group() as tasks:
        results: list[object] = []
        await connected(app)

        async def originate() -> None:
            results.append(await app.originate("bob", script=nothing))
            results.append(await app.originate("bob", route="2000"))

        tasks.start_soon(originate)
        await engine.end(commands.Originate, Failed())
        frame, command = await engine.accept(commands.Originate)
        assert command.route == "2000"
        leg = command.stages[0][0].leg
        await announce(engine, leg)
        await engine.emit(events.OwnerChanged(app="other", owner="session-2"), leg)
        await engine.finish(frame, outcomes.Answered(leg=leg, target="bob"))
    assert results[0] == Failed()
    assert isinstance(results[1], Answered)


@on_both_backends
async def test_past_its_deadline_it_is_cancelled_and_who_answered_is_hung_up():
    app = app_of(nothing)
    async with running(app) as engine, anyio.create_task_group() as tasks:
        await connected(app)

        async def originate() -> None:
            with pytest.raises(DeadlineExceeded):
                await app.originate("bob", script=nothing, deadline=0.01)

        tasks.start_soon(originate)
        frame, command = await engine.accept(commands.Originate)
        cancelled, cancel = await engine.accept(commands.Cancel)
        assert (cancelled.channel, cancel.command) == (None, frame.id)
        leg = command.stages[0][0].leg
        await announce(engine, leg)
        await engine.finish(frame, Failed(reason="stopped"))
        hangup, _ = await engine.accept(commands.Hangup)
        assert hangup.channel == leg


@on_both_backends
async def test_it_must_be_said_who_gets_the_call_and_an_engine_be_there():
    app = app_of(nothing)
    with pytest.raises(BadArgument, match="expected one of script, route, app and bridge"):
        await app.originate("bob")
    with pytest.raises(BadArgument):
        await app.originate("bob", route="1", app="x")
    with pytest.raises(Disconnected, match="the app test is not connected to an engine"):
        await app.originate("bob", script=nothing)


@on_both_backends
async def test_a_program_outside_dials_for_an_app():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        frame, command = await engine.accept(commands.Originate)
        assert (command.app, command.headers) == ("ivr", {"X-A": "b"})
        await engine.finish(frame, outcomes.Answered(leg=command.stages[0][0].leg, target="bob"))

    async with engine_at(scenario) as url, connect(url, token=TOKEN) as engine:
        answered = await engine.originate("bob", app="ivr", headers={"X-A": "b"})
        assert isinstance(answered, outcomes.Answered)
        assert answered.leg.startswith("leg-")
