"""Dialling, the legs that come of it, and bridges."""

from __future__ import annotations

import anyio
import pytest

from callflow import Answered, Branch, Call, CallEnded, Digits, Failed, Target, Unbridged
from callflow.protocol import commands, events, outcomes
from callflow.protocol.events import Party
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import ScriptedEngine, app_of, running


async def announce(engine: ScriptedEngine, leg: str, *, to: str = "bob") -> None:
    """A leg that the call dials."""
    party = Party(uri=f"sip:{to}@pbx", number=to)
    await engine.emit(
        events.ChannelCreated(
            direction="outbound", caller=Party(uri="sip:alice@pbx", number="alice"), callee=party, to=to,
            owner="session-1", parent="call-1",
        ),
        leg,
    )  # fmt: skip


async def answer_dial(engine: ScriptedEngine) -> str:
    """Take a dial, let its first target answer; the leg's id."""
    frame, dial = await engine.accept(commands.Dial)
    leg = dial.stages[0][0].leg
    await announce(engine, leg)
    await engine.emit(events.ChannelAnswered(), leg)
    await engine.finish(frame, outcomes.Answered(leg=leg, target=dial.stages[0][0].target))
    return leg


@on_both_backends
async def test_stages_are_dialled_with_legs_of_our_choice_and_the_winner_is_a_call():
    won: list[Answered] = []

    async def script(call: Call) -> None:
        result = await call.dial(
            "desk", ["sip:mobile@trunk", Target("home", delay=2.0)], timeout=20, ringback="eu", caller_id="1000"
        )
        assert isinstance(result, Answered)
        won.append(result)
        assert result.leg.origin is call
        assert (result.leg.direction, result.leg.callee.number, result.leg.is_answered) == ("outbound", "bob", True)
        await result.leg.play("whisper.wav")

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, dial = await engine.accept(commands.Dial)
        assert [[target.target for target in stage] for stage in dial.stages] == [
            ["desk"],
            ["sip:mobile@trunk", "home"],
        ]
        assert (dial.timeout, dial.ringback, dial.caller_id, dial.stages[1][1].delay) == (20, "eu", "1000", 2.0)
        legs = [target.leg for stage in dial.stages for target in stage]
        assert len(set(legs)) == 3
        await announce(engine, legs[2])
        await engine.finish(frame, outcomes.Answered(leg=legs[2], target="home"))
        playing, _ = await engine.accept(commands.Play)
        assert playing.channel == legs[2]
        await engine.finish(playing, outcomes.Played(heard_ms=1, reason="completed"))
        hung_up = {(await engine.accept(commands.Hangup))[0].channel for _ in range(2)}
        assert hung_up == {"call-1", legs[2]}
        await engine.send(engine.ended(), engine.ended(legs[2]))
    assert won[0].target == "home"


@on_both_backends
async def test_nobody_is_a_value_with_every_branch():
    results: list[object] = []
    failed = Failed(branches=(Branch(target="bob", leg="l", reason="busy", sip_status=486, q850=17),))

    async def script(call: Call) -> None:
        results.append(await call.dial("bob"))

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.end(commands.Dial, failed)
        await engine.expect_hangup()
    assert results == [failed]


@on_both_backends
async def test_a_bridge_lasts_until_somebody_leaves():
    results: list[Unbridged] = []

    async def script(call: Call) -> None:
        won = await call.dial("bob")
        assert isinstance(won, Answered)
        results.append(await call.bridge(won.leg, hangup_after=False))
        await call.play("rate-us.wav")

    async with running(app_of(script)) as engine:
        await engine.call()
        leg = await answer_dial(engine)
        frame, bridge = await engine.accept(commands.Bridge)
        assert (frame.channel, bridge.other, bridge.hangup_after) == ("call-1", leg, False)
        await engine.send(engine.outcome(frame, Unbridged(reason="hangup", by=leg)), engine.ended(leg))
        await engine.end(commands.Play, outcomes.Played(heard_ms=1, reason="completed"))
        await engine.expect_hangup()
    assert results == [Unbridged(reason="hangup", by=results[0].by)]


@on_both_backends
async def test_the_hang_up_of_either_side_of_a_bridge_ends_the_script():
    steps: list[str] = []

    async def script(call: Call) -> None:
        won = await call.dial("bob")
        assert isinstance(won, Answered)
        await call.bridge(won.leg)
        steps.append("never")

    async with running(app_of(script)) as engine:
        await engine.call()
        leg = await answer_dial(engine)
        frame, _ = await engine.accept(commands.Bridge)
        await engine.send(engine.outcome(frame, Unbridged(reason="hangup", by=leg)), engine.ended(leg))
        await anyio.sleep(0.01)
        await engine.send(engine.ended())
    assert steps == []


@on_both_backends
async def test_cancelling_a_bridge_parts_the_calls():
    async def script(call: Call) -> None:
        won = await call.dial("bob")
        assert isinstance(won, Answered)
        with anyio.move_on_after(0.01):
            await call.bridge(won.leg)
        await won.leg.hangup("call_rejected")

    async with running(app_of(script)) as engine:
        await engine.call()
        leg = await answer_dial(engine)
        frame, _ = await engine.accept(commands.Bridge)
        _, cancel = await engine.accept(commands.Cancel)
        assert cancel.command == frame.id
        await engine.finish(frame, Unbridged(reason="stopped"))
        await engine.expect_hangup(leg, cause="call_rejected")
        await engine.expect_hangup()


@on_both_backends
async def test_a_leg_that_hangs_up_ends_its_verbs_but_not_the_script():
    steps: list[str] = []

    async def script(call: Call) -> None:
        won = await call.dial("bob")
        assert isinstance(won, Answered)
        with pytest.raises(CallEnded, match="the call has ended: normal_clearing, by caller"):
            await won.leg.play("long.wav")
        ended = await won.leg.wait_hangup()
        steps.append(ended.cause_name)
        await call.answer()

    async with running(app_of(script)) as engine:
        await engine.call()
        leg = await answer_dial(engine)
        frame, _ = await engine.accept(commands.Play)
        await engine.send(engine.outcome(frame, outcomes.Played(heard_ms=1, reason="stopped")), engine.ended(leg))
        await engine.accept(commands.Answer)
        await engine.expect_hangup()
    assert steps == ["normal_clearing"]


@on_both_backends
async def test_a_leg_that_answers_while_the_dial_is_cancelled_is_hung_up():
    async def script(call: Call) -> None:
        with anyio.move_on_after(0.01):
            await call.dial("bob")
        await call.answer()

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, dial = await engine.accept(commands.Dial)
        leg = dial.stages[0][0].leg
        await engine.accept(commands.Cancel)
        await announce(engine, leg)
        await engine.emit(events.ChannelAnswered(), leg)
        await engine.finish(frame, outcomes.Answered(leg=leg))
        hangup, _ = await engine.accept(commands.Hangup)
        assert hangup.channel == leg
        await engine.accept(commands.Answer)
        await engine.expect_hangup()


@on_both_backends
async def test_the_caller_s_hang_up_hangs_up_the_legs():
    async def script(call: Call) -> None:
        won = await call.dial("bob")
        assert isinstance(won, Answered)
        await won.leg.wait_hangup()

    async with running(app_of(script)) as engine:
        await engine.call()
        leg = await answer_dial(engine)
        await engine.hang_up()
        await engine.expect_hangup(leg)


@on_both_backends
async def test_a_leg_that_answers_is_asked_whether_it_wants_the_call():
    async def wants(callee: Call) -> bool:
        assert callee.origin.caller.number == "alice"
        return await callee.gather("accept.wav") == Digits("1")

    async def script(call: Call) -> None:
        won = await call.dial(["desk", "mobile"], timeout=20, confirm=wants, early_media=True)
        assert isinstance(won, Answered)
        assert won.target == "mobile"

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, dial = await engine.accept(commands.Dial)
        assert (dial.confirm, dial.early_media) == (commands.Confirmation(timeout=20), True)
        desk, mobile = (target.leg for target in dial.stages[0])
        for leg, digits in ((desk, Digits("2")), (mobile, Digits("1"))):
            await announce(engine, leg)
            await engine.emit(events.ChannelAnswered(), leg)
            await engine.end(commands.Gather, digits)
            answered, confirm = await engine.accept(commands.Confirm)
            assert (answered.channel, confirm.accept) == (leg, leg == mobile)
        await engine.send(engine.ended(desk))
        await engine.finish(frame, outcomes.Answered(leg=mobile, target="mobile"))
        hung_up = {(await engine.accept(commands.Hangup))[0].channel for _ in range(2)}
        await engine.send(*[engine.ended(leg) for leg in hung_up if leg is not None])


@on_both_backends
async def test_who_hangs_up_or_comes_too_late_does_not_confirm():
    async def wants(callee: Call) -> bool:
        await anyio.sleep(60)
        return True

    async def says_yes(callee: Call) -> bool:
        return True

    async def script(call: Call) -> None:
        assert isinstance(await call.dial("desk", confirm=wants), Failed)
        assert isinstance(await call.dial("desk", confirm=says_yes), Failed)

    async with running(app_of(script)) as engine:
        await engine.call()
        for confirms in (False, True):
            frame, dial = await engine.accept(commands.Dial)
            leg = dial.stages[0][0].leg
            await announce(engine, leg)
            await engine.emit(events.ChannelAnswered(), leg)
            if confirms:
                await engine.refuse(commands.Confirm, "wrong_state", "another has won")
            await engine.send(engine.ended(leg))
            await engine.finish(frame, Failed())
        await engine.expect_hangup()


@on_both_backends
async def test_a_fault_in_the_function_that_confirms_is_the_script_s():
    raised: list[Exception] = []

    async def wants(callee: Call) -> bool:
        raise ValueError("a bug")

    async def script(call: Call) -> None:
        try:
            await call.dial("desk", confirm=wants)
        except ValueError as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, dial = await engine.accept(commands.Dial)
        leg = dial.stages[0][0].leg
        await announce(engine, leg)
        await engine.emit(events.ChannelAnswered(), leg)
        await engine.accept(commands.Cancel)
        await engine.finish(frame, Failed(reason="stopped"))
        hangup, _ = await engine.accept(commands.Hangup)
        assert hangup.channel == leg
        await engine.expect_hangup()
    assert len(raised) == 1
