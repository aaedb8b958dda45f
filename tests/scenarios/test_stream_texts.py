"""stream: texts between a script and a program, pauses, and sound without a frame around it."""

from __future__ import annotations

from array import array

import anyio
import pytest
import trio

from callflow import App, BadArgument, Call, NotFound, StreamTexted, Unsupported
from callflow.protocol.events import ChannelEnded, StreamFinished
from callflow.protocol.outcomes import Streamed
from callflow.testing import BotSocket, Simulation, ToneSource

app = App("texts")
pytestmark = pytest.mark.callflow(app)
BOT = "ws://bot.example/"
seen: list[object] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    seen.clear()


def loud(frame: bytes) -> bool:
    return any(abs(sample) > 1000 for sample in array("h", frame))


async def finishes(simulation: Simulation) -> Streamed:
    with trio.fail_after(60):
        while not (found := simulation.happened(StreamFinished)):
            await simulation.wait(0.02)
    outcome = found[0].outcome
    assert isinstance(outcome, Streamed)
    return outcome


@app.route("100")
async def talks(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT, dialect="raw", direction="send", subprotocol="sound.example") as stream:
        await stream.send("first")
        async for event in stream:
            if isinstance(event, StreamTexted):
                seen.append(event.text)
                await stream.send(event.text.upper())


async def test_texts_go_both_ways_and_the_first_before_any_sound(simulation):
    got: list[object] = []

    async def bot(socket: BotSocket) -> None:
        got.extend([await socket.recv(), await socket.recv()])
        await socket.send("hello")
        while (message := await socket.recv()) != "HELLO":
            assert isinstance(message, bytes)

    simulation.bots[BOT] = bot
    simulation.phone("alice").call("100")
    assert (await finishes(simulation)).reason == "closed"
    assert got == ["first", bytes(320)]
    assert seen == ["hello"]


async def test_a_program_that_says_too_many_texts_is_given_up(simulation):
    async def bot(socket: BotSocket) -> None:
        for _ in range(200):
            await socket.send('{"event": "text", "text": "blah"}')
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    simulation.phone("alice").call("200")
    outcome = await finishes(simulation)
    assert (outcome.reason, outcome.error) == ("failed", "expected at most 100 texts a second")
    assert 100 <= len(seen) <= 110


async def test_and_so_is_one_whose_text_is_too_long(simulation):
    async def bot(socket: BotSocket) -> None:
        await socket.send('{"event": "text", "text": "' + "x" * 131073 + '"}')
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    simulation.phone("alice").call("200")
    assert (await finishes(simulation)).error == "expected a text of at most 131072 characters, got 131073"


@app.route("200")
async def own_frames(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT) as stream:
        await stream.send("one")
        async for event in stream:
            if isinstance(event, StreamTexted):
                seen.append(event.text)


async def test_our_own_dialect_has_texts_among_its_events(simulation):
    got: list[object] = []

    async def bot(socket: BotSocket) -> None:
        got.extend([await socket.recv(), await socket.recv()])
        await socket.send('{"event": "text", "text": "two"}')
        await socket.send('{"event": "unknown"}')

    simulation.bots[BOT] = bot
    simulation.phone("alice").call("200")
    await finishes(simulation)
    assert got[1] == '{"event":"text","text":"one"}'
    assert seen == ["two"]


@app.route("300")
async def pauses(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT, dialect="raw", direction="send") as stream:
        async for event in stream:
            if isinstance(event, StreamTexted):
                await (stream.pause() if event.text == "pause" else stream.resume())


async def test_a_paused_stream_tells_no_sound(simulation):
    counts: list[int] = []

    async def bot(socket: BotSocket) -> None:
        async def count() -> None:
            while isinstance(await socket.recv(), bytes):
                counts[-1] += 1

        counts.append(0)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(count)
            await anyio.sleep(1)
            await socket.send("pause")
            await anyio.sleep(0.1)
            counts.append(0)
            await anyio.sleep(1)
            counts.append(0)
            await socket.send("resume")
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()

    simulation.bots[BOT] = bot
    simulation.phone("alice").call("300")
    await finishes(simulation)
    assert counts[0] == pytest.approx(50, abs=8)
    assert counts[1] == 0
    assert counts[2] == pytest.approx(50, abs=5)


@app.route("400")
async def stereo(call: Call) -> None:
    won = await call.dial("bob")
    async with call.streaming(BOT, dialect="raw", direction="send", tracks="both", rate=16000):
        await call.bridge(won.leg)


@app.route("401")
async def mono(call: Call) -> None:
    won = await call.dial("bob")
    async with call.streaming(BOT, dialect="raw", direction="send", tracks="mixed"):
        await call.bridge(won.leg)


@pytest.mark.parametrize("number", ["400", "401"])
async def test_both_sides_go_out_as_two_channels_or_as_one(simulation, number):
    frames: list[bytes] = []

    async def bot(socket: BotSocket) -> None:
        async for message in socket:
            assert isinstance(message, bytes)
            frames.append(message)

    simulation.bots[BOT] = bot
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    alice.call(number)
    await alice.connected_to(bob)
    alice.speak(ToneSource((440.0,), duration_ms=1000))
    bob.speak(ToneSource((660.0,), duration_ms=3000))
    await simulation.wait(5)
    alice.hang_up()
    outcome = await finishes(simulation)
    assert outcome.sent_ms == pytest.approx(len(frames) * 20, abs=100)
    if number == "401":
        assert {len(frame) for frame in frames} == {320}
        assert sum(map(loud, frames)) == pytest.approx(150, abs=3)
        return
    assert {len(frame) for frame in frames} == {1280}
    sides = [array("h", frame) for frame in frames]
    assert sum(loud(side[0::2].tobytes()) for side in sides) == pytest.approx(50, abs=3)
    assert sum(loud(side[1::2].tobytes()) for side in sides) == pytest.approx(150, abs=3)


@app.route("500")
async def asks_for_too_much(call: Call) -> None:
    await call.answer()
    for wrong in (
        {"tracks": "mixed"},
        {"subprotocol": "a"},
        {"dialect": "raw", "subprotocol": "a b"},
        {"dialect": "raw", "tracks": "mixed", "encoding": "mulaw"},
        {"dialect": "raw", "tracks": "both", "encoding": "mulaw"},
    ):
        with pytest.raises(BadArgument):
            await call.stream(BOT, **wrong)
    async with call.streaming(BOT, dialect="raw") as stream:
        with pytest.raises(BadArgument):
            await stream.send("x" * 131073)
    with pytest.raises(NotFound):
        await stream.send("gone")
    async with call.streaming(BOT, dialect="twilio") as stream:
        with pytest.raises(Unsupported):
            await stream.send("there are none")
    seen.append("refused all")


async def test_what_cannot_be_is_refused(simulation):
    async def bot(socket: BotSocket) -> None:
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("500")
    await alice.ended()
    assert simulation.happened(ChannelEnded)
    assert seen == ["refused all"]
