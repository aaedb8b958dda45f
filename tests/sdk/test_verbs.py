"""The verbs beyond answering, playing and dialling, and what the engine is asked in turn."""

from __future__ import annotations

import anyio
import pytest

from callflow import BadArgument, Call, Digits, Hangup, Invalid, Menu, Overloaded, Played, Recorded, TimedOut
from callflow.protocol import commands, events
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import app_of, running

COMPLETED = Played(heard_ms=1000, reason="completed")


async def redirect(call: Call) -> None:
    await call.redirect("bob", "sip:carol@elsewhere", headers={"X-Why": "moved"})


async def hangup_after(call: Call) -> None:
    await call.hangup_at(after=60, cause="allotted_timeout")


async def hangup_at(call: Call) -> None:
    await call.hangup_at(at=1e9)


async def hold(call: Call) -> None:
    await call.hold("music.wav")


async def resume(call: Call) -> None:
    await call.resume()


async def mute(call: Call) -> None:
    await call.mute("both")


async def unmute(call: Call) -> None:
    await call.unmute()


async def bind(call: Call) -> None:
    await call.bind_digits("*9", Hangup(cause="user_busy"))


async def unbind(call: Call) -> None:
    await call.unbind_digits("*9")


async def press(call: Call) -> None:
    await call.press("12#")


async def limit(call: Call) -> None:
    await call.limit("trunk", 2)


async def policy(call: Call) -> None:
    await call.policy(wait=10, music="wait.wav", app="fallback")


@pytest.mark.parametrize(
    ("verb", "asked"),
    [
        (redirect, commands.Redirect(targets=("bob", "sip:carol@elsewhere"), headers={"X-Why": "moved"})),
        (hangup_after, commands.HangupAt(after=60, cause="allotted_timeout")),
        (hangup_at, commands.HangupAt(at=1e9)),
        (hold, commands.Hold(music=("music.wav",))),
        (resume, commands.ResumeCommand()),
        (mute, commands.Mute(direction="both")),
        (unmute, commands.Unmute(direction="both")),
        (bind, commands.BindDigits(digits="*9", do=commands.BoundCommand(name="hangup", args={"cause": "user_busy"}))),
        (unbind, commands.UnbindDigits(digits="*9")),
        (press, commands.Press(digits="12#")),
        (limit, commands.Limit(resource="trunk", maximum=2)),
        (policy, commands.Policy(wait=10, music=("wait.wav",), then=commands.Fallback(app="fallback"))),
    ],
)
def test_a_verb_asks_for_its_command(verb, asked):
    async def main() -> None:
        async with running(app_of(verb)) as engine:
            await engine.call()
            _, command = await engine.accept(type(asked))
            assert command == asked
            await engine.hang_up()

    for backend in ("asyncio", "trio"):
        anyio.run(main, backend=backend)


@on_both_backends
async def test_a_limit_that_is_reached_raises():
    raised: list[Overloaded] = []

    async def script(call: Call) -> None:
        try:
            await call.limit("trunk", 2)
        except Overloaded as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.refuse(commands.Limit, "overloaded", "all 2 of trunk are taken")
        await engine.expect_hangup()
    assert "all 2 of trunk are taken" in str(raised[0])


@on_both_backends
async def test_what_is_said_and_sounded_ends_as_played():
    ends: list[Played] = []

    async def script(call: Call) -> None:
        ends.append(await call.say("12.50 USD", kind="money"))
        ends.append(await call.tone("busy/us", seconds=2))

    async with running(app_of(script)) as engine:
        await engine.call()
        assert await engine.end(commands.SayCommand, COMPLETED) == commands.SayCommand(text="12.50 USD", kind="money")
        assert await engine.end(commands.ToneCommand, COMPLETED) == commands.ToneCommand(plan="busy/us", seconds=2)
        await engine.expect_hangup()
    assert ends == [COMPLETED, COMPLETED]


@on_both_backends
async def test_a_playback_is_paused_moved_and_made_louder():
    async def script(call: Call) -> None:
        async with call.playing("long.wav") as playback:
            await playback.pause()
            await playback.resume()
            await playback.seek(-5000)
            await playback.gain(3)

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, _ = await engine.accept(commands.Play)
        steps = [(await engine.accept(commands.Control))[1] for _ in range(4)]
        await engine.accept(commands.Cancel)
        await engine.finish(frame, Played(heard_ms=1, reason="stopped"))
        await engine.expect_hangup()
    assert steps == [
        commands.Control(command=frame.id, action="pause"),
        commands.Control(command=frame.id, action="resume"),
        commands.Control(command=frame.id, seek_ms=-5000),
        commands.Control(command=frame.id, gain_db=3),
    ]


@on_both_backends
async def test_a_recording_of_the_call_is_paused_and_stopped():
    ends: list[Recorded] = []
    stopped = Recorded(path="call.wav", duration_ms=10, reason="stopped")

    async def script(call: Call) -> None:
        async with call.recording_call("call.wav", stereo=False) as recording:
            await recording.pause()
            await recording.resume()
            ends.append(await recording.stop())
        ends.append(await call.record_call("all.wav"))

    async with running(app_of(script)) as engine:
        await engine.call()
        frame, command = await engine.accept(commands.RecordCall)
        assert command == commands.RecordCall(path="call.wav", stereo=False)
        for action in ("pause", "resume"):
            assert (await engine.accept(commands.Control))[1].action == action
        await engine.accept(commands.Cancel)
        await engine.finish(frame, stopped)
        await engine.end(commands.RecordCall, stopped)
        await engine.expect_hangup()
    assert ends == [stopped, stopped]


@on_both_backends
async def test_holding_and_muting_end_with_their_block_cancelled_or_not():
    async def script(call: Call) -> None:
        with anyio.move_on_after(0.01):
            async with call.holding("music.wav"), call.muting("out"):
                await anyio.sleep(60)

    async with running(app_of(script)) as engine:
        await engine.call()
        for shape in (commands.Hold, commands.Mute):
            await engine.accept(shape)
        assert (await engine.accept(commands.Unmute))[1].direction == "out"
        await engine.accept(commands.ResumeCommand)
        await engine.expect_hangup()


@on_both_backends
async def test_on_a_dead_call_nothing_is_taken_back():
    async def script(call: Call) -> None:
        async with call.holding():
            await anyio.sleep(60)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.accept(commands.Hold)
        await engine.hang_up()
        await engine.call("call-2")
        await engine.accept(commands.Hold)
        await engine.hang_up("call-2")


@on_both_backends
async def test_bound_digits_call_the_function_each_time():
    calls = anyio.Event(), anyio.Event()
    count = 0

    async def script(call: Call) -> None:
        async def park() -> None:
            nonlocal count
            calls[count].set()
            count += 1

        async with call.binding_digits("*1", park):
            await calls[1].wait()

    async with running(app_of(script)) as engine:
        await engine.call()
        assert (await engine.accept(commands.BindDigits))[1] == commands.BindDigits(digits="*1")
        for digits in ("*1", "*2", "*1"):
            await engine.emit(events.DigitsMatched(digits=digits), "call-1")
        assert (await engine.accept(commands.UnbindDigits))[1].digits == "*1"
        await engine.expect_hangup()
    assert count == 2


@on_both_backends
async def test_a_hangup_inside_of_a_binding_ends_the_script_there():
    went_on = []

    async def script(call: Call) -> None:
        async with call.binding_digits("*1", call.unbridge):
            await anyio.sleep(60)
        went_on.append("behind the block")

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.accept(commands.BindDigits)
        await engine.hang_up()
    assert not went_on


@on_both_backends
async def test_errors_leave_a_binding_as_themselves():
    raised: list[Exception] = []

    async def script(call: Call) -> None:
        async def fail() -> None:
            raise ValueError("of the function")

        with pytest.raises(ValueError, match="of the function"):
            async with call.binding_digits("*1", fail):
                await anyio.sleep(60)
        try:
            async with call.binding_digits("*1", fail):
                raise KeyError("of the block")
        except KeyError as error:
            raised.append(error)

    async with running(app_of(script)) as engine:
        await engine.call()
        await engine.accept(commands.BindDigits)
        await engine.emit(events.DigitsMatched(digits="*1"), "call-1")
        for shape in (commands.UnbindDigits, commands.BindDigits, commands.UnbindDigits):
            await engine.accept(shape)
        await engine.expect_hangup()
    assert len(raised) == 1


@on_both_backends
async def test_a_menu_leads_to_a_function_or_to_another_menu_or_nowhere():
    results: list[object] = []

    async def sales(call: Call) -> str:
        return "sales"

    async def hours(call: Call) -> str:
        return "hours"

    async def script(call: Call) -> None:
        more = Menu(("more.wav", "please.wav"), {"*1": hours})
        for _ in range(4):
            results.append(await call.menu("menu.wav", {"1": sales, "23": more}, invalid="what.wav"))

    async with running(app_of(script)) as engine:
        await engine.call()
        gather = await engine.end(commands.Gather, Digits("1"))
        assert gather == commands.Gather(
            prompt=("menu.wav",), min=1, max=2, valid="[1]|[2][3]", retries=2, invalid=("what.wav",)
        )
        await engine.end(commands.Gather, Digits("23"))
        gather = await engine.end(commands.Gather, Digits("*1"))
        assert (gather.prompt, gather.valid) == (("more.wav", "please.wav"), "[*][1]")
        await engine.end(commands.Gather, TimedOut())
        await engine.end(commands.Gather, Invalid("7"))
        await engine.expect_hangup()
    assert results == ["sales", "hours", TimedOut(), Invalid("7")]


@on_both_backends
async def test_a_menu_with_a_hash_has_no_terminator():
    async def back(call: Call) -> None: ...

    async def script(call: Call) -> None:
        await Menu("menu.wav", {"#": back})(call)

    async with running(app_of(script)) as engine:
        await engine.call()
        gather = await engine.end(commands.Gather, Digits("#"))
        assert (gather.terminators, gather.valid) == ("", "[#]")
        await engine.expect_hangup()


@pytest.mark.parametrize("key", ["", "x", "1 "])
def test_a_menu_s_keys_are_those_of_a_phone(key):
    async def choice(call: Call) -> None: ...

    with pytest.raises(BadArgument, match="expected keys such as 1"):
        Menu("menu.wav", {key: choice})
    with pytest.raises(BadArgument):
        Menu("menu.wav", {})
