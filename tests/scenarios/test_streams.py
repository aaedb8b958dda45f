"""stream: a call's sound goes to a program and comes back, as the script, the caller and the program see it."""

from __future__ import annotations

import base64
import json
from array import array

import anyio
import pytest
import trio

from callflow import App, BadArgument, Call, NotFound, Overloaded, StreamDropped, StreamMarked, StreamStarted
from callflow.protocol import events
from callflow.protocol.events import Event
from callflow.protocol.outcomes import Streamed
from callflow.testing import BotSocket, Happened, Simulation, ToneSource

app = App("streams")
pytestmark = pytest.mark.callflow(app)
BOT = "ws://bot.example/"
HUM = array("h", [8000, -8000] * 4000).tobytes()  # a second of it
seen: list[object] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    seen.clear()


@app.route("100")
async def streams(call: Call) -> None:
    await call.answer()
    seen.append(await call.stream(BOT, parameters={"topic": "weather"}))


@app.route("200")
async def watches(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT) as stream:
        async for event in stream:
            seen.append(event)
        seen.append(await stream.wait())


async def happens(simulation: Simulation, kind: type[Event]) -> Happened:
    """Wait for an event of that kind; the first."""
    with trio.fail_after(60):
        while not (found := [it for it in simulation.history if isinstance(it.event, kind)]):
            await simulation.wait(0.02)
    return found[0]


async def echoes(socket: BotSocket) -> None:
    async for message in socket:
        if isinstance(message, bytes):
            await socket.send(message[8:])


def texts_of(messages: list[object]) -> list[dict[str, object]]:
    return [json.loads(message) for message in messages if isinstance(message, str)]


async def test_the_start_says_whose_call_it_is_and_what_its_sound_looks_like(simulation):
    got: list[object] = []

    async def bot(socket: BotSocket) -> None:
        got.extend([await socket.recv(), await socket.recv()])

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("100")
    await happens(simulation, events.StreamFinished)
    [start] = texts_of(got)
    call = start.pop("call")
    assert start.pop("stream").startswith(f"{call}/")
    assert start == {
        "event": "start", "version": 1, "from": "alice", "to": "100", "speaks": True, "tracks": ["inbound"],
        "encoding": "l16", "rate": 8000, "frame_ms": 20, "parameters": {"topic": "weather"},
    }  # fmt: skip
    assert isinstance(got[1], bytes)
    assert (got[1][:8], len(got[1])) == (b"\0\0\0\0\0\0\0\x14", 8 + 320)


async def test_what_the_caller_says_comes_back_from_an_echo(simulation):
    simulation.bots[BOT] = echoes
    alice = simulation.phone("alice")
    alice.call("100")
    await happens(simulation, events.StreamStarted)
    alice.speak(ToneSource((440.0,), duration_ms=2000))
    await alice.hears("stream")
    await simulation.wait(5)
    assert alice.seconds_of("stream") == pytest.approx(2.0, abs=0.1)
    alice.hang_up()
    await happens(simulation, events.ChannelEnded)
    [outcome] = [event.outcome for event in simulation.happened(events.StreamFinished)]
    assert outcome.reason == "hangup"
    assert outcome.heard_ms > 5000  # silence, too, was sent back


async def test_a_mark_is_told_when_all_before_it_was_heard(simulation):
    told: list[object] = []

    async def bot(socket: BotSocket) -> None:
        await socket.send(HUM)
        await socket.send('{"event": "mark", "name": "said"}')
        async for message in socket:
            if isinstance(message, str):
                told.append((simulation.now, json.loads(message)))

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("200")
    await alice.heard_for("stream", 0.98)
    marked = await happens(simulation, events.StreamMarked)
    started = await happens(simulation, events.StreamStarted)
    assert marked.at - started.at == pytest.approx(1.0, abs=0.05)
    alice.hang_up()
    await simulation.wait(3)
    assert [text["event"] for _, text in told] == ["start", "mark", "stop"]
    assert told[1][1] == {"event": "mark", "name": "said", "heard": True}
    assert [type(event) for event in seen][:2] == [StreamStarted, StreamMarked]


async def test_clear_silences_the_next_frame_and_the_mark_was_not_heard(simulation):
    told: list[object] = []

    async def bot(socket: BotSocket) -> None:
        await socket.send(HUM * 10)
        await socket.send('{"event": "mark", "name": "said"}')
        await anyio.sleep(1)
        await socket.send('{"event": "clear"}')
        async for message in socket:
            told.append(message)

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("100")
    marked = await happens(simulation, events.StreamMarked)
    assert not marked.event.heard
    await simulation.wait(3)
    assert alice.seconds_of("stream") == pytest.approx(1.0, abs=0.06)
    assert {"event": "mark", "name": "said", "heard": False} in texts_of(told)


@app.route("300")
async def interrupts(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT) as stream:
        await anyio.sleep(2)
        await stream.clear()
        await anyio.sleep(2)
    seen.append(await stream.wait())
    with pytest.raises(NotFound):
        await stream.clear()


async def test_the_script_clears_what_was_said_and_the_program_is_told(simulation):
    told: list[object] = []

    async def bot(socket: BotSocket) -> None:
        await socket.send(HUM * 10)
        async for message in socket:
            told.append(message)

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("300")
    await alice.ended()
    assert alice.seconds_of("stream") == pytest.approx(2.0, abs=0.06)
    assert [text["event"] for text in texts_of(told)] == ["start", "cleared", "stop"]
    [outcome] = seen
    assert isinstance(outcome, Streamed)
    assert (outcome.reason, outcome.heard_ms // 100, outcome.sent_ms // 100) == ("stopped", 20, 40)


async def test_keys_are_told_and_stay_the_scripts(simulation):
    told: list[object] = []

    async def bot(socket: BotSocket) -> None:
        async for message in socket:
            told.append(message)

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("400")
    await alice.answered()
    await happens(simulation, events.StreamStarted)
    alice.press("42#")
    await alice.ended()
    assert [text.get("digit") for text in texts_of(told)] == [None, "4", "2", "#", None]
    assert seen == ["42"]


@app.route("400")
async def gathers(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT):
        entered = await call.gather(max=4)
        seen.append(getattr(entered, "value", entered))


async def test_a_program_that_does_not_read_loses_the_oldest_and_the_call_goes_on(simulation):
    got: list[object] = []

    async def bot(socket: BotSocket) -> None:
        await anyio.sleep(10)
        async for message in socket:
            got.append(message)

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("200")
    await happens(simulation, events.StreamDropped)
    await simulation.wait(8)
    alice.hang_up()
    await happens(simulation, events.ChannelEnded)
    dropped = [event.dropped_ms for event in seen if isinstance(event, StreamDropped)]
    [outcome] = [event.outcome for event in simulation.happened(events.StreamFinished)]
    times = [int.from_bytes(message[4:8]) for message in got if isinstance(message, bytes)]
    assert outcome.dropped_ms > 2000
    assert 0 <= outcome.dropped_ms - sum(dropped) <= 1000
    assert times == sorted(times)
    assert len(times) * 20 == outcome.sent_ms


async def test_more_than_a_minute_ahead_is_not_taken_and_both_are_told(simulation):
    told: list[object] = []

    async def bot(socket: BotSocket) -> None:
        for _ in range(7):
            await socket.send(HUM * 10)
        async for message in socket:
            told.append(message)

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("100")
    await happens(simulation, events.StreamStarted)
    await simulation.wait(2)
    alice.hang_up()
    await happens(simulation, events.ChannelEnded)
    [outcome] = [event.outcome for event in simulation.happened(events.StreamFinished)]
    overflown = sum(text["dropped_ms"] for text in texts_of(told) if text["event"] == "overflow")
    assert outcome.lost_ms == pytest.approx(10_000, abs=100)
    assert overflown == outcome.lost_ms


@app.route("500")
async def bridges(call: Call) -> None:
    won = await call.dial("bob")
    async with call.streaming(BOT, direction="send", tracks="both", encoding="mulaw"):
        await call.bridge(won.leg)


async def test_both_sides_of_a_bridge_go_out_each_on_its_track(simulation):
    loud = {0: 0, 1: 0}

    async def bot(socket: BotSocket) -> None:
        async for message in socket:
            if isinstance(message, bytes) and set(message[8:]) - {0xFF, 0x7F}:
                loud[message[0]] += 1

    simulation.bots[BOT] = bot
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("500")
    await alice.connected_to(bob)
    alice.speak(ToneSource((440.0,), duration_ms=1000))
    bob.speak(ToneSource((660.0,), duration_ms=3000))
    await simulation.wait(5)
    assert loud[0] == pytest.approx(50, abs=2)
    assert loud[1] == pytest.approx(150, abs=2)


async def test_what_is_said_goes_before_a_bridge_and_after_a_playback(simulation):
    async def bot(socket: BotSocket) -> None:
        await socket.recv()
        await socket.send(HUM * 2)
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call("600")
    await bob.answered()
    bob.speak(ToneSource((660.0,), duration_ms=10_000))
    await simulation.wait(12)
    assert alice.seconds_of("prompt.wav") == pytest.approx(2.0, abs=0.05)
    assert alice.seconds_of("stream") == pytest.approx(2.0, abs=0.05)
    assert alice.seconds_of(660.0) < 10.0


@app.route("600")
async def plays_into_it(call: Call) -> None:
    won = await call.dial("bob")
    async with call.streaming(BOT), call.bridging(won.leg) as bridge:
        await call.play("prompt.wav")
        await bridge.wait()


@app.route("700")
async def asks_for_too_much(call: Call) -> None:
    await call.answer()
    for wrong in (
        {"url": "http://bot.example/"},
        {"url": "ws:///nowhere"},
        {"url": BOT, "dialect": "twilio", "rate": 16000},
        {"url": BOT, "headers": {"Host": "elsewhere"}},
        {"url": BOT, "headers": {"X-Bad": "a\r\nb"}},
        {"url": BOT, "parameters": {"long": "x" * 5000}},
    ):
        with pytest.raises(BadArgument):
            await call.stream(**wrong)
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(lambda: call.stream(BOT, direction="send"))
        await anyio.sleep(1)
        with pytest.raises(Overloaded):
            await call.stream(BOT)
        tasks.cancel_scope.cancel()
    seen.append("refused all")


async def test_what_cannot_be_is_refused_and_there_are_four_at_most(simulation):
    simulation.bots[BOT] = echoes
    alice = simulation.phone("alice")
    alice.call("700")
    await alice.ended()
    assert seen == ["refused all"]


@app.route("800")
async def speaks_twilio(call: Call) -> None:
    await call.answer()
    seen.append(await call.stream(BOT, dialect="twilio", headers={"X-Bot": "7"}))


async def test_the_dialect_of_twilio_reaches_a_program_from_its_start_to_its_stop(simulation):
    told: list[dict[str, object]] = []
    headers: list[object] = []

    async def bot(socket: BotSocket) -> None:
        headers.append(dict(socket.headers))
        async for message in socket:
            told.append(json.loads(message))
            if told[-1]["event"] == "start":
                sid = told[-1]["streamSid"]
                media = {
                    "event": "media",
                    "streamSid": sid,
                    "media": {"payload": base64.b64encode(b"\x80\0" * 4000).decode()},
                }
                await socket.send(json.dumps(media))
                await socket.send(json.dumps({"event": "mark", "streamSid": sid, "mark": {"name": "m"}}))

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("800")
    await alice.hears("stream")
    await happens(simulation, events.StreamMarked)
    alice.press("5")
    await simulation.wait(1)
    alice.hang_up()
    await simulation.wait(3)
    kinds = [text["event"] for text in told]
    assert kinds[:3] == ["connected", "start", "media"]
    assert [kind for kind in kinds if kind != "media"] == ["connected", "start", "mark", "dtmf", "stop"]
    assert headers == [{"X-Bot": "7"}]
    numbers = [int(text["sequenceNumber"]) for text in told[1:]]
    assert numbers == list(range(1, len(told)))
