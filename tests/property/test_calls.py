"""Whatever phones, scripts, the network and processes do, in whatever order: when all have hung up, nothing is left."""

from __future__ import annotations

import logging
import math
import struct
import tempfile
import wave
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from callflow import Answered, App, Call, CallflowError, Silence, Target, Tone
from callflow.testing import BotSocket, Simulation

NAMES = ("alice", "bob", "carol", "dave")
WHO = st.sampled_from(NAMES)
SECONDS = st.sampled_from([0.0, 0.01, 0.02, 0.1, 0.5, 1.0, 3.0, 10.0, 40.0])

ROOMS = st.sampled_from(["red", "blue"])

# What scripts do, step by step. A step that cannot be done raises, and the script goes on or ends as it likes.
STEPS = st.one_of(
    st.sampled_from(["answer", "ring", "progress", "hangup", "unbridge", "echo", "fail", "variables"]),
    st.tuples(st.just("play"), st.sampled_from(["prompt.wav", "nowhere.wav", Tone("busy/us"), Silence(0.3)]), SECONDS),
    st.tuples(st.just("gather"), st.integers(1, 3), SECONDS),
    st.tuples(st.just("record"), st.booleans(), SECONDS),
    st.tuples(st.just("dial"), st.lists(st.lists(WHO, min_size=1, max_size=3), min_size=1, max_size=2), SECONDS),
    st.tuples(st.just("bridge"), st.booleans(), SECONDS),
    st.tuples(st.just("join"), ROOMS, st.booleans(), st.booleans(), st.sampled_from(["", "minutes.wav"]), SECONDS),
    st.tuples(st.just("listen"), st.integers(0, 4), st.sampled_from(["listen", "whisper", "barge"]), SECONDS),
    st.tuples(st.just("steer"), ROOMS, st.sampled_from(["mute", "unmute", "deafen", "lock", "unlock", "end", "kick"])),
    st.tuples(st.just("announce"), ROOMS, st.sampled_from(["prompt.wav", Tone("busy/us")]), st.booleans(), SECONDS),
    st.tuples(st.just("take_minutes"), ROOMS, SECONDS),
    st.tuples(st.just("send_digits"), st.text("12#", min_size=1, max_size=3)),
    st.tuples(st.just("reject"), st.sampled_from(["busy", 404, 603])),
    st.tuples(st.just("wait"), SECONDS),
    st.tuples(
        st.just("stream"),
        st.sampled_from(["echoes", "closes", "babbles", "sleeps", "refuses", "nowhere"]),
        st.sampled_from(["both", "send", "receive"]),
        SECONDS,
    ),
)
DIAL_AND_BRIDGE = [("dial", [["bob"], ["carol", "dave"]], 3.0), ("bridge", True, 40.0)]
JOIN = [("join", "red", False, False, "", 10.0)]
BEGINNINGS = st.sampled_from([[], ["ring"], ["answer"], ["answer"], DIAL_AND_BRIDGE, JOIN])
SCRIPTS = st.builds(lambda beginning, steps: [*beginning, *steps], BEGINNINGS, st.lists(STEPS, min_size=1, max_size=5))

ACTIONS = st.one_of(
    st.tuples(st.just("call"), WHO, st.integers(0, 2)),
    st.tuples(st.sampled_from(["answer", "reject", "hang_up", "hold", "resume", "press", "speak"]), WHO),
    st.tuples(st.just("wait"), SECONDS),
    st.tuples(st.just("kill")),
    st.tuples(st.just("network"), st.sampled_from([0.0, 0.2, 0.6]), st.sampled_from([0.0, 0.3])),
)
COURSES = st.builds(
    lambda number, first, actions: [("call", "alice", number), ("wait", first), *actions],
    st.integers(0, 2),
    st.sampled_from([0.05, 0.1, 1.0, 6.0]),
    st.lists(st.one_of(ACTIONS, st.tuples(st.just("wait"), SECONDS)), min_size=1, max_size=20),
)


def make_app(scripts: list[list[object]]) -> App:
    app = App("any")
    for number, steps in enumerate(scripts):
        app.route(str(number))(make_script(app, steps))
    return app


def make_script(app: App, steps: list[object]):
    async def script(call: Call) -> None:
        legs: list[Call] = []
        for step in steps:
            name, arguments = (step, ()) if isinstance(step, str) else (step[0], step[1:])
            do = confer if name in CONFERRING else do_step
            try:
                await do(call, app if name in CONFERRING else legs, name, *arguments)
            except CallflowError:
                if call.is_over:
                    raise

    return script


async def do_step(call: Call, legs: list[Call], name: str, *arguments) -> None:
    match name, arguments:
        case "play", (source, seconds):
            async with for_a_while(seconds):
                await call.play(source, repeat=2)
        case "gather", (count, seconds):
            await call.gather("prompt.wav", max=count, timeout=seconds or 1, retries=1)
        case "record", (beep, seconds):
            await call.record("message.wav", max=seconds or 1, silence=2, beep=beep)
        case "dial", (stages, seconds):
            result = await call.dial(*([Target(target=who) for who in stage] for stage in stages), timeout=seconds or 1)
            if isinstance(result, Answered):
                legs.append(result.leg)
        case "bridge", (hangup_after, seconds):
            for leg in legs[-1:]:
                async with for_a_while(seconds):
                    await call.bridge(leg, hangup_after=hangup_after)
        case "echo", ():
            async with for_a_while(2):
                await call.echo()
        case "stream", (bot, direction, seconds):
            async with (
                for_a_while(seconds),
                call.streaming(f"ws://{bot}", direction=direction, tracks="both") as stream,
            ):
                await anyio.sleep(seconds / 2)
                await stream.clear()
                await stream.wait()
        case "wait", (seconds,):
            await anyio.sleep(seconds)
        case "variables", ():
            await call.set(colour="red")
            assert await call.get("colour") == {"colour": "red"}
        case "fail", ():
            raise RuntimeError("on purpose")
        case _:
            await getattr(call, name)(*arguments)


async def echoes(socket: BotSocket) -> None:
    async for message in socket:
        if isinstance(message, bytes):
            await socket.send(message[8:])
        elif '"start"' in message:  # a mark for each that is told would take no time, for ever
            await socket.send('{"event": "mark", "name": "m"}')


async def closes(socket: BotSocket) -> None:
    await socket.recv()


async def babbles(socket: BotSocket) -> None:
    await socket.send("no JSON")
    await socket.recv()


async def sleeps(socket: BotSocket) -> None:
    await anyio.sleep(30)


BOTS = {
    "ws://echoes": echoes, "ws://closes": closes, "ws://babbles": babbles, "ws://sleeps": sleeps, "ws://refuses": 503,
}  # fmt: skip
CONFERRING = {"join", "listen", "steer", "announce", "take_minutes"}


async def confer(call: Call, app: App, name: str, *arguments) -> None:
    match name, arguments:
        case "join", (room, muted, moderator, record, seconds):
            async with (
                app.conference(room, enter="prompt.wav", music=Tone("ringback/us")) as board,
                for_a_while(seconds),
            ):
                await board.join(call, muted=muted, moderator=moderator, wait=not muted, end=muted, record=record)
        case "listen", (number, mode, seconds):
            calls = [each for session in app.sessions for each in session.calls if each is not call]
            async with for_a_while(seconds):
                await call.listen(calls[number % len(calls)] if calls else "nobody", mode)
        case "steer", (room, action):
            async with app.conference(room) as board:
                await (board.kick(call) if action == "kick" else getattr(board, action)())
        case "announce", (room, source, to_one, seconds):
            async with app.conference(room) as board, for_a_while(seconds):
                await board.play(source, member=call if to_one else None)
        case "take_minutes", (room, seconds):
            async with app.conference(room) as board:
                await board.record(f"{room}.wav", max=seconds or 1)


@asynccontextmanager
async def for_a_while(seconds: float) -> AsyncGenerator[None]:
    with anyio.move_on_after(seconds):
        yield


def act(simulation: Simulation, action: str, *arguments) -> None:
    phone = simulation.phones.get(arguments[0]) if arguments else None
    match action, arguments:
        case "call", (_, number):
            if not phone.is_in_call:
                phone.call(str(number))
        case "kill", ():
            simulation.kill()
        case "network", (loss, reorder):
            simulation.network.loss, simulation.network.reorder = loss, reorder
            simulation.media_network.loss = loss / 2
        case _:
            if phone.has_line:
                getattr(phone, action)(*{"press": ["12"], "speak": [1.0]}.get(action, []))


@settings(deadline=None, max_examples=60)
@given(
    scripts=st.tuples(SCRIPTS, SCRIPTS, SCRIPTS),
    actions=COURSES,
    automatic=st.tuples(*(st.sampled_from([2.0, 0.0, None]) for _ in NAMES)),
    seed=st.integers(0, 3),
    ports=st.sampled_from([3, 100]),
)
def test_nothing_is_left_of_any_course_of_events(scripts, actions, automatic, seed, ports):
    with quiet_scripts(), tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_prompt(folder / "prompt.wav")
        simulation = Simulation(make_app(list(scripts)), folder=folder, seed=seed, ports=(16384, 16384 + 2 * ports - 1))

        async def main() -> None:
            simulation.bots |= BOTS
            for who, answers_after in zip(NAMES, automatic, strict=True):
                simulation.phone(who, answers_after=answers_after)
            for action, *arguments in actions:
                if action == "wait":
                    await simulation.wait(*arguments)
                else:
                    act(simulation, action, *arguments)
                leaks = simulation.leaks()
                assert not leaks, leaks

        simulation.run(main)


@contextmanager
def quiet_scripts() -> Iterator[None]:
    """Scripts fail here on purpose: their tracebacks are not worth a line each."""
    logger = logging.getLogger("callflow")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def write_prompt(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(struct.pack("<4000h", *(round(8000 * math.sin(n / 3)) for n in range(4000))))
