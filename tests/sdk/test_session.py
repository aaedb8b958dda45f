"""Calls that come in, calls that were there before, and calls that are taken away."""

from __future__ import annotations

import anyio
import pytest

from callflow import Call, CallEnded, Disconnected, Party, Played, Unauthorized
from callflow.protocol import commands, events
from callflow.protocol.frames import ChannelState
from callflow.session import run_app
from callflow.transport import StreamTransport
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import SESSION, ScriptedEngine, app_of, memory_streams, running

WAITING = ChannelState(
    id="waiting", direction="inbound", state="created", caller="alice", callee="1000", to="1000", created_at=1.0,
    variables={"language": "en"},
)  # fmt: skip
OTHER = ChannelState(id="other", direction="inbound", state="created", caller="", callee="", to="", created_at=1.0)


@on_both_backends
async def test_many_calls_run_beside_each_other():
    async def script(call: Call) -> None:
        await call.answer()
        await call.wait_hangup()

    async with running(app_of(script)) as engine:
        for number in range(50):
            await engine.call(f"call-{number}")
        answered = {(await engine.accept(commands.Answer))[0].channel for _ in range(50)}
        assert len(answered) == 50
        for channel in answered:
            await engine.hang_up(channel)


@on_both_backends
async def test_a_call_that_waited_for_the_app_is_asked_for():
    seen: list[Call] = []

    async def script(call: Call) -> None:
        seen.append(call)

    async with running(app_of(script), owns=["waiting"]) as engine:
        await engine.accept(commands.Channels, data=[OTHER, WAITING])
        await engine.expect_hangup("waiting")
    assert (seen[0].caller.number, seen[0].to, seen[0].variables) == ("alice", "1000", {"language": "en"})


@on_both_backends
async def test_a_call_that_waited_is_started_once_when_its_events_are_told_again():
    seen: list[str] = []

    async def script(call: Call) -> None:
        seen.append(str(call.caller))
        await call.wait_hangup()

    async with running(app_of(script), owns=["waiting"]) as engine:
        party = Party(uri="sip:alice@pbx", number="alice")
        await engine.emit(
            events.ChannelCreated(direction="inbound", caller=party, callee=party, to="1000", route="1000"), "waiting"
        )
        await engine.emit(events.OwnerChanged(app="test", owner=SESSION), "waiting")
        await engine.accept(commands.Channels, data=[WAITING])
        await engine.hang_up("waiting")
    assert seen == ["alice"]


@on_both_backends
async def test_a_call_that_another_app_takes_over_is_over_here():
    raised: list[Exception] = []

    async def script(call: Call) -> None:
        try:
            with anyio.CancelScope(shield=True):
                await call.play("long.wav")
        except CallEnded as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.accept(commands.Play)
        await engine.emit(events.OwnerChanged(app="other", owner="session-2"), "call-1")
    assert "the call is other's now" in str(raised[0])


@on_both_backends
async def test_a_number_without_a_route_is_rejected():
    async def script(call: Call) -> None: ...

    async with running(app_of(script)) as engine:
        await engine.call(to="4711")
        _, command = await engine.accept(commands.Reject)
        assert command.reason == "not_found"
        await engine.hang_up()


@on_both_backends
async def test_calls_of_others_are_not_started():
    async def script(call: Call) -> None:
        await call.answer()

    async with running(app_of(script)) as engine:
        party = Party(uri="sip:x@pbx")
        for owner in ("session-2", None):
            await engine.emit(
                events.ChannelCreated(direction="inbound", caller=party, callee=party, to="1000", owner=owner), "x"
            )
        await engine.call("ours")
        frame, _ = await engine.accept(commands.Answer)
        assert frame.channel == "ours"
        await engine.expect_hangup("ours")


@on_both_backends
async def test_an_engine_that_refuses_the_app_is_an_error():
    async def script(call: Call) -> None: ...

    ours, theirs = memory_streams()
    engine = ScriptedEngine(ours)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(engine.refuse_hello, "unauthorized", "another token")
        with pytest.raises(Unauthorized, match="hello: another token"):
            await run_app(app_of(script), StreamTransport(theirs))
    await engine.close()


@on_both_backends
async def test_what_is_no_message_of_the_protocol_ends_the_session():
    async def script(call: Call) -> None: ...

    ours, theirs = memory_streams()
    await ours.send(b"\xff\xff\xff\xff")
    with pytest.raises(Disconnected, match="no message of this protocol"):
        await run_app(app_of(script), StreamTransport(theirs))
    await ours.aclose()


HAD_BEFORE = ChannelState(
    id="lost", direction="inbound", state="answered", caller="alice", callee="1000", to="1000", created_at=1.0,
    answered_at=2.0, app="test", owner=SESSION, variables={"step": "2"},
)  # fmt: skip
ITS_LEG = ChannelState(
    id="leg", direction="outbound", state="answered", caller="alice", callee="bob", to="bob", created_at=1.0,
    answered_at=2.0, app="test", owner=SESSION, parent="lost",
)  # fmt: skip


@on_both_backends
async def test_calls_of_a_lost_session_are_taken_up_where_they_stand():
    seen: list[object] = []

    async def script(call: Call) -> None:
        raise AssertionError("it does not begin again")

    app = app_of(script)

    @app.on_reattach
    async def go_on(call: Call) -> None:
        await call.play("back.wav")
        seen.append((call.is_answered, call.is_reattached, call.variables, [leg.id for leg in call.legs]))
        assert call.legs[0].origin is call

    async with running(app, owns=["lost", "leg"]) as engine:
        for state in (ITS_LEG, HAD_BEFORE):
            await engine.emit(events.OwnerChanged(app="test", owner=SESSION, state=state), state.id)
        await engine.accept(commands.Channels, data=[HAD_BEFORE, ITS_LEG])
        frame, _ = await engine.accept(commands.Play)
        await engine.finish(frame, Played(heard_ms=1, reason="completed"))
        hung_up = {(await engine.accept(commands.Hangup))[0].channel for _ in range(2)}
        assert hung_up == {"lost", "leg"}
        await engine.send(engine.ended("lost"), engine.ended("leg"))
    assert seen == [(True, True, {"step": "2"}, ["leg"])]


@on_both_backends
async def test_without_a_word_on_it_the_route_begins_again_and_a_fallback_begins_as_a_call():
    seen: list[tuple[str, bool]] = []

    async def script(call: Call) -> None:
        seen.append((call.to, call.is_reattached))

    async with running(app_of(script, "1000|2000")) as engine:
        for to in ("", "2000"):
            await engine.emit(events.OwnerChanged(app="test", owner=SESSION, to=to, state=HAD_BEFORE), "lost")
            await engine.expect_hangup("lost")
    assert seen == [("1000", True), ("2000", False)]


@on_both_backends
async def test_a_leg_whose_caller_is_gone_is_hung_up():
    async def script(call: Call) -> None: ...

    async with running(app_of(script)) as engine:
        await engine.emit(events.OwnerChanged(app="test", owner=SESSION, state=ITS_LEG), "leg")
        await engine.hang_up("lost")
        frame, _ = await engine.accept(commands.Hangup)
        assert frame.channel == "leg"
