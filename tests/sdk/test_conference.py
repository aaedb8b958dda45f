"""Conferences and listening, from the script's end: what the engine is asked, and what comes of it."""

from __future__ import annotations

import anyio
import pytest

from callflow import (
    App,
    BadArgument,
    Call,
    ConferenceState,
    DeadlineExceeded,
    Digits,
    Disconnected,
    Invalid,
    Left,
    MemberState,
    NotFound,
    Played,
    Recorded,
    Tone,
)
from callflow.protocol import commands, events
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import app_of, running

COMPLETED = Played(heard_ms=1000, reason="completed")
EMPTY = ConferenceState("b", "board")


@on_both_backends
async def test_a_join_says_how_and_returns_when_it_has_left():
    results = []

    async def script(call: Call) -> None:
        async with app.conference("board", enter="ding.wav", music=["a.wav", Tone("440")]) as board:
            results.append(await board.join(call, muted=True, volume=-3.0, record="r.wav"))

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        asked = await engine.end(commands.Join, Left("kicked"))
        await engine.expect_hangup()
    sounds = commands.ConferenceSounds(enter=("ding.wav",), music=("a.wav", Tone("440")))
    assert asked == commands.Join(conference="board", muted=True, volume=-3.0, record="r.wav", sounds=sounds)
    assert results == [Left("kicked")]


@on_both_backends
async def test_the_pin_is_asked_for_first():
    results = []

    async def script(call: Call) -> None:
        async with app.conference("board", pin="4711", ask="pin.wav", wrong="wrong.wav") as board:
            results.append(await board.join(call))
            results.append(await board.join(call))
            results.append(await board.join(call, moderator=True, end=True, ask=False))

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        gather = await engine.end(commands.Gather, Invalid("1"))
        assert (gather.prompt, gather.invalid, gather.valid) == (("pin.wav",), ("wrong.wav",), "4711")
        assert (gather.min, gather.max, gather.retries) == (4, 4, 2)
        await engine.end(commands.Gather, Digits("4711"))
        join = await engine.end(commands.Join, Left("ended"))
        assert (join.pin, join.moderator) == ("4711", False)
        join = await engine.end(commands.Join, Left("locked"))
        assert (join.pin, join.moderator, join.end) == ("4711", True, True)
        await engine.expect_hangup()
    assert results == [Left("refused"), Left("ended"), Left("locked")]


@on_both_backends
async def test_a_cancelled_join_leaves_and_a_deadline_is_one():
    async def script(call: Call) -> None:
        async with app.conference("board") as board:
            with anyio.move_on_after(0.01):
                await board.join(call)
            with pytest.raises(DeadlineExceeded):
                await board.join(call, deadline=0.01)
            async with board.joining(call, wait=True) as joining:
                assert not joining.is_over

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        for _ in range(3):
            frame, _ = await engine.accept(commands.Join)
            cancelled, cancel = await engine.accept(commands.Cancel)
            assert (cancelled.channel, cancel.command) == ("call-1", frame.id)
            await engine.finish(frame, Left("left"))
        await engine.expect_hangup()


@on_both_backends
async def test_what_steers_a_conference_is_of_no_channel_and_says_what_is_then():
    states = []

    async def script(call: Call) -> None:
        async with app.conference("board") as board:
            for step in (
                board.members(), board.mute(), board.unmute("c2"), board.deafen(call), board.undeafen(),
                board.kick("c2"), board.volume(call, -6.0), board.whisper(call, "c2"), board.whisper(call, None),
                board.lock(), board.unlock(), board.pause_recording(), board.resume_recording(), board.end(),
            ):  # fmt: skip
                states.append(await step)
            with pytest.raises(NotFound):
                await board.members()

    app = app_of(script)
    asked = []
    state = ConferenceState("b", "board", (MemberState("c2", 1.0, muted=True),))
    async with running(app) as engine:
        await engine.call()
        for _ in range(14):
            frame, command = await engine.accept(commands.ConferenceCommand, data=state)
            assert (frame.channel, command.conference) == (None, "board")
            asked.append((command.action, command.member, command.gain_db, command.to))
        await engine.refuse(commands.ConferenceCommand, "not_found")
        await engine.expect_hangup()
    assert states == [state] * 14
    assert asked == [
        ("list", None, 0.0, None), ("mute", None, 0.0, None), ("unmute", "c2", 0.0, None),
        ("deafen", "call-1", 0.0, None), ("undeafen", None, 0.0, None), ("kick", "c2", 0.0, None),
        ("volume", "call-1", -6.0, None), ("whisper", "call-1", 0.0, "c2"), ("whisper", "call-1", 0.0, None),
        ("lock", None, 0.0, None), ("unlock", None, 0.0, None), ("pause", None, 0.0, None),
        ("resume", None, 0.0, None), ("end", None, 0.0, None),
    ]  # fmt: skip


@on_both_backends
async def test_what_is_played_and_recorded_is_awaited_and_cancelled_without_a_channel():
    results: list[object] = []

    async def script(call: Call) -> None:
        async with app.conference("board") as board:
            results.append(await board.play("a.wav", member=call, repeat=2, gain_db=-3.0))
            with anyio.move_on_after(0.01):
                await board.record("minutes.wav", max=60)
            with pytest.raises(DeadlineExceeded):
                await board.play("a.wav", deadline=0.01)

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        asked = await engine.end(commands.ConferencePlay, COMPLETED)
        assert asked == commands.ConferencePlay(
            conference="board", sources=("a.wav",), member="call-1", repeat=2, gain_db=-3.0
        )
        recorded = Recorded("minutes.wav", 10, "stopped")
        stopped = Played(0, "stopped")
        for shape, outcome in ((commands.ConferenceRecord, recorded), (commands.ConferencePlay, stopped)):
            frame, _ = await engine.accept(shape)
            cancelled, cancel = await engine.accept(commands.Cancel)
            assert (cancelled.channel, cancel.command) == (None, frame.id)
            await engine.finish(frame, outcome)
        await engine.expect_hangup()
    assert results == [COMPLETED]


@on_both_backends
async def test_who_speaks_is_known_while_the_handle_lasts():
    told = []

    async def script(call: Call) -> None:
        async with app.conference("board") as board:
            await board.members()
            told.append(board.speakers)

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        frame, _ = await engine.take(commands.ConferenceCommand)
        await engine.emit(events.BridgeSpeaker(bridge="x", speakers=("c9",), conference="other"))
        await engine.emit(events.BridgeSpeaker(bridge="b", speakers=("c1", "c2"), conference="board"))
        await engine.send(engine.connection.reply(frame.id, seq=1, data=EMPTY))
        await engine.expect_hangup()
    assert told == [("c1", "c2")]


@on_both_backends
async def test_listening_names_the_other_by_its_call_or_its_id():
    results = []

    async def script(call: Call) -> None:
        results.append(await call.listen("c2"))
        async with call.listening("c2", "whisper") as listening:
            results.append(await listening.wait())

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        assert await engine.end(commands.Listen, Left("ended")) == commands.Listen(other="c2")
        assert await engine.end(commands.Listen, Left("ended")) == commands.Listen(other="c2", mode="whisper")
        await engine.expect_hangup()
    assert results == [Left("ended")] * 2


@on_both_backends
async def test_a_pin_has_digits_and_an_engine_must_be_there():
    async def script(call: Call) -> None:
        with pytest.raises(BadArgument, match="expected a PIN of digits, got 'abc'"):
            async with app.conference("board", pin="abc"):
                pass

    app = app_of(script)
    async with running(app) as engine:
        await engine.call()
        await engine.expect_hangup()
    with pytest.raises(Disconnected):
        async with App("alone").conference("board"):
            pass
