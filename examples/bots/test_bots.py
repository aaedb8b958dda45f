"""The bots, tested: with simulated phones, and with one that is not ours. Run `pytest examples/bots`."""

import functools
import wave
from pathlib import Path

import numpy as np
import pytest
import trio
from websockets.trio.server import ServerConnection, serve

from callflow.protocol.events import StreamFinished, StreamMarked
from callflow.protocol.outcomes import Streamed
from callflow.testing import Simulation, ToneSource
from examples.bots import bots
from examples.bots.counting_bot import LAST, counting, word
from examples.bots.echo_bot import HEADER, echo
from tests.interop import needs
from tests.interop.audio import from_g711, is_in, samples
from tests.interop.baresip import phone
from tests.interop.engine import engine
from tests.interop.watch import watch
from tests.trio_tests import run_trio

twins = pytest.mark.parametrize("simulation", ["bots.py", "bots.lua"], indirect=True)
SCRIPT = Path(__file__).parent / "bots.py"


@pytest.fixture(autouse=True)
def in_place(request: pytest.FixtureRequest) -> None:
    if "simulation" in request.fixturenames:
        simulation: Simulation = request.getfixturevalue("simulation")
        simulation.bots |= {bots.ECHO: echo, bots.COUNTING: counting}


@twins
async def test_everything_is_said_back(simulation: Simulation) -> None:
    alice = simulation.phone("alice")
    alice.call("2000")
    await alice.answered()
    await simulation.wait(1)
    alice.speak(ToneSource((440.0,), duration_ms=3000))
    await simulation.wait(5)
    assert alice.seconds_of("stream") == pytest.approx(3.0, abs=0.1)


@twins
async def test_it_counts_to_its_end_and_hangs_up(simulation: Simulation) -> None:
    alice = simulation.phone("alice")
    alice.call("2001")
    await alice.ended()
    assert marks(simulation) == [(str(number), True) for number in range(1, LAST + 1)]


@twins
async def test_who_talks_interrupts_it_and_it_goes_on_where_it_was_cut_off(simulation: Simulation) -> None:
    alice = simulation.phone("alice")
    alice.call("2001")
    await alice.hears("stream")
    await simulation.wait(3.3)
    alice.speak(1.5)
    await simulation.wait(0.6)  # it takes 0.2 s to be sure that it is talk
    told = alice.seconds_of("stream")
    await simulation.wait(1.5)
    assert alice.seconds_of("stream") == told
    await alice.ended()
    heard = [name for name, is_heard in marks(simulation) if is_heard]
    assert heard == [str(number) for number in range(1, LAST + 1)]
    cut = [int(name) for name, is_heard in marks(simulation) if not is_heard]
    assert cut[0] in range(2, LAST)
    assert cut == list(range(cut[0], LAST + 1))


def marks(simulation: Simulation) -> list[tuple[str, bool]]:
    return [(event.mark, event.heard) for event in simulation.happened(StreamMarked)]


@needs.program("baresip")
@run_trio
async def test_a_real_phone_hears_itself(tmp_path: Path) -> None:
    spoken = [from_g711(word(number), is_alaw=False) for number in range(1, 8)]
    says = for_baresip(tmp_path / "says.wav", np.concatenate(spoken))
    async with trio.open_nursery() as nursery:
        [listener] = (await nursery.start(functools.partial(serve, echo_for_a_while, 0, host="127.0.0.1"))).listeners
        script = tmp_path / "bots.py"
        place = f"127.0.0.1:{listener.socket.getsockname()[1]}"
        script.write_text(SCRIPT.read_text().replace("127.0.0.1:8765", place))
        async with (
            engine(tmp_path / "engine", script) as running,
            watch(running) as seen,
            phone(tmp_path, running, seen, "alice", says=says) as alice,
        ):
            await alice.dial("2000")
            finished = await seen.wait("stream.finished")
            await alice.wait_event("CALL_CLOSED")
        nursery.cancel_scope.cancel()
    assert isinstance(finished, StreamFinished)
    assert isinstance(finished.outcome, Streamed)
    assert (finished.outcome.reason, finished.outcome.code) == ("closed", 1000)
    heard = np.concatenate([samples(path) for path in alice.heard()])
    alike = sorted(is_in(word[:-4000], heard) for word in spoken[1:4])
    assert alike[1] > 0.8, alike


async def echo_for_a_while(connection: ServerConnection) -> None:
    """Until five seconds of it were sent back, and heard."""
    count = 0
    while True:
        message = await connection.recv()
        if isinstance(message, bytes):
            await connection.send(message[HEADER:])
            count += 1
        elif '"mark"' in message:
            return
        if count == 250:
            await connection.send('{"event": "mark", "name": "all"}')


def for_baresip(path: Path, sound: np.ndarray) -> Path:
    """48 kHz, stereo, as baresip wants it."""
    wide = np.interp(np.arange(len(sound) * 6) / 6, np.arange(len(sound)), sound * 32767).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 48000, 0, "NONE", ""))
        file.writeframes(np.repeat(wide, 2).tobytes())
    return path
