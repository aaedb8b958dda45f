"""When things happen to a stream, in virtual time: a clear, and a program over real TCP that never reads."""

from __future__ import annotations

from base64 import b64encode

import anyio
import pytest
import trio

from callflow import App, Call
from callflow.protocol import events
from callflow.testing import BotSocket, Simulation, ToneSource
from engine.media.session import PipeSource
from tests.streams.stalled import real_dialer, stalled_peer

app = App("timing")
pytestmark = pytest.mark.callflow(app)
BOT = "ws://bot.example/"
SECOND = b"\x40\x1f\xc0\xe0" * 4000  # of something loud
CLEARED_WITHIN = 0.04
places: dict[str, str] = {}  # where the stalled program is
cleared_at: list[float] = []


@pytest.fixture(autouse=True)
def forgotten() -> None:
    places.clear()
    cleared_at.clear()


def silent_after(simulation: Simulation, name: str) -> float:
    """Seconds from the clear to the end of the last of the program's sound that left the engine for that phone."""
    last = [heard for heard in simulation.phones[name].sounds if isinstance(heard.what, PipeSource)][-1]
    assert last.ended_at is not None
    return last.ended_at - simulation.network.latency - cleared_at[0]


@app.route("100")
async def streams(call: Call) -> None:
    await call.answer()
    await call.stream(BOT)


@app.route("101")
async def streams_as_twilio_does(call: Call) -> None:
    await call.answer()
    await call.stream(BOT, dialect="twilio")


@app.route("200")
async def interrupts(call: Call) -> None:
    await call.answer()
    async with call.streaming(BOT) as stream:
        await anyio.sleep(1.007)
        cleared_at.append(trio.current_time())
        await stream.clear()
        await anyio.sleep(1)


@pytest.mark.parametrize("after", [0.4, 1.0, 1.003, 1.019, 3.011])
async def test_what_the_program_clears_is_not_heard_for_more_than_40_ms(simulation: Simulation, after: float):
    async def bot(socket: BotSocket) -> None:
        await socket.send(SECOND * 20)
        await anyio.sleep(after)
        cleared_at.append(trio.current_time())
        await socket.send('{"event": "clear"}')
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("100")
    await alice.hears("stream")
    await simulation.wait(after + 1)
    assert 0 <= silent_after(simulation, "alice") <= CLEARED_WITHIN


async def test_so_it_is_in_the_dialect_of_twilio(simulation: Simulation):
    async def bot(socket: BotSocket) -> None:
        await socket.recv()
        payload = b64encode(bytes([0x10, 0x90]) * 40_000).decode()
        await socket.send(f'{{"event": "media", "streamSid": "MZ", "media": {{"payload": "{payload}"}}}}')
        await anyio.sleep(1.013)
        cleared_at.append(trio.current_time())
        await socket.send('{"event": "clear", "streamSid": "MZ"}')
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("101")
    await alice.hears("stream")
    await simulation.wait(2)
    assert 0 <= silent_after(simulation, "alice") <= CLEARED_WITHIN


async def test_what_the_script_clears_is_not_heard_for_more_than_40_ms(simulation: Simulation):
    async def bot(socket: BotSocket) -> None:
        await socket.send(SECOND * 20)
        async for _ in socket:
            pass

    simulation.bots[BOT] = bot
    alice = simulation.phone("alice")
    alice.call("200")
    await alice.ended()
    assert 0 <= silent_after(simulation, "alice") <= CLEARED_WITHIN


@app.route("300")
async def listened_to(call: Call) -> None:
    won = await call.dial("bob")
    async with call.streaming(places["stalled"], rate=24000, direction="send", tracks="both"):
        await call.bridge(won.leg)


async def test_a_program_over_tcp_that_never_reads_delays_no_voice_and_what_it_lost_is_told(simulation: Simulation):
    async with stalled_peer() as places["stalled"]:
        simulation.switch.table.streams = real_dialer()
        alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
        alice.call("300")
        await alice.connected_to(bob)
        spoke_at = []
        while not simulation.happened(events.StreamFinished):
            spoke_at.append(trio.current_time())
            alice.speak(ToneSource((440.0,), duration_ms=400))
            await simulation.wait(1)
        alice.hang_up()
        await alice.ended()
    [outcome] = [event.outcome for event in simulation.happened(events.StreamFinished)]
    told = sum(event.dropped_ms for event in simulation.happened(events.StreamDropped))
    assert outcome.reason == "stalled"
    assert outcome.dropped_ms > 5000
    assert 0 <= outcome.dropped_ms - told <= 1000
    heard = [heard for heard in bob.sounds if isinstance(heard.what, ToneSource)]
    assert len(heard) == len(spoke_at) >= 15
    for each, at in zip(heard, spoke_at, strict=True):
        assert each.started_at - at == pytest.approx(2 * simulation.network.latency, abs=0.001)
        assert each.is_whole
