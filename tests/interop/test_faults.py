"""Scripts that crash, spin, sleep, grow or flood, in real workers: they hurt their own calls and no others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from callflow.phone import Phone, PhoneCall
from callflow.protocol.events import ScriptFailed
from tests.trio_tests import run_trio

from .audio import samples, seconds_of_sound, seconds_of_tone
from .engine import RunningEngine, engine
from .process import until
from .terminal import terminal
from .watch import Watch, watch

LIMITS = '[limits]\nmemory = "160MB"\nstep = 0.5\ncommands = 200'
FAULTY = """\
import os
import time

import anyio

from callflow import App, Call, Overloaded

app = App("faulty")


async def prepare(call: Call) -> None:
    await call.answer()
    await call.policy(route="2001")


@app.route("crash")
async def crash(call: Call) -> None:
    await prepare(call)
    os.abort()


@app.route("spin")
async def spin(call: Call) -> None:
    await prepare(call)
    sum(range(10**15))


@app.route("sleep")
async def sleep(call: Call) -> None:
    await prepare(call)
    time.sleep(3600)


@app.route("grow")
async def grow(call: Call) -> None:
    await prepare(call)
    kept = []
    while True:
        kept.append(b"x" * 4_000_000)
        await anyio.sleep(0)


@app.route("command")
async def command(call: Call) -> None:
    await prepare(call)
    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(set_again_and_again, call)


async def set_again_and_again(call: Call) -> None:
    while True:
        try:
            await call.set(x="y")
        except Overloaded as error:
            print(error)


@app.route("print")
async def print_again_and_again(call: Call) -> None:
    await prepare(call)
    while True:
        print("\\n" * 1000)
        await anyio.sleep(0)


@app.route("good.*")
async def good(call: Call) -> None:
    await call.answer()
"""
HEALTHY = """\
from callflow import App, Call, Tone

app = App("healthy")


@app.route("2000")
async def steady(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440"))


@app.route("2001")
async def again_and_again(call: Call) -> None:
    if not call.is_answered:
        await call.answer()
    while True:
        await call.play(Tone("880", seconds=0.1))
"""


@dataclass(frozen=True, slots=True)
class World:
    """An app for each fault, the same script, and a healthy one with two calls that are up."""

    running: RunningEngine
    seen: Watch
    guest: Phone
    steady: PhoneCall

    async def call(self, number: str) -> PhoneCall:
        call = await self.guest.call(self.running.sip(number))
        assert await call.wait_answered()
        return call

    async def failure(self, app: str) -> ScriptFailed:
        failed = await self.seen.wait(
            "script.failed", lambda event: isinstance(event, ScriptFailed) and event.app == app
        )
        assert isinstance(failed, ScriptFailed)
        return failed

    async def healthy_goes_on(self) -> None:
        """Its script is heard: it has commands done, one after another."""
        done = self.seen.names().count("playback.finished")
        await self.seen.wait("playback.finished", count=done + 50)  # a second of each of five calls


@asynccontextmanager
async def world(folder: Path, *faults: str) -> AsyncIterator[World]:
    scripts = []
    for name in (*faults, "healthy"):
        (folder / name).mkdir()
        scripts.append(folder / name / f"{name}.py")
        scripts[-1].write_text(HEALTHY if name == "healthy" else FAULTY)
    routes = {**{f"(good-)?{fault}": fault for fault in faults}, "200[01]": "healthy"}
    async with engine(folder / "engine", *scripts, routes=routes, tables=LIMITS) as running:
        async with watch(running) as seen, terminal() as guest:
            steady = await guest.call(running.sip("2000"))
            assert await steady.wait_answered()
            steady.record(folder / "steady.wav")
            made = World(running, seen, guest, steady)
            await made.call("2001")
            yield made


def line_of(text: str) -> int:
    """Where it stands in the faulty script, from 1."""
    return FAULTY[: FAULTY.index(text)].count("\n") + 1


FAULTS = {
    "crash": ("the worker was killed by SIGABRT", None),
    "spin": ("the worker did not come back to its event loop for 0.5 s, computing", "    sum(range"),
    "sleep": ("the worker did not come back to its event loop for 0.5 s, sleeping or waiting", "    time.sleep(3600)"),
    "grow": ("of memory, expected at most 160 MB: find what grows, or raise memory in its [[app]].", None),
}


@run_trio
async def test_faults_cost_only_their_own_calls_and_say_what_and_where_they_were(tmp_path: Path):
    async with world(tmp_path, *FAULTS) as made:
        calls = [await made.call(fault) for fault in FAULTS]
        for fault, (message, line) in FAULTS.items():
            failed = await made.failure(fault)
            script = tmp_path / fault / f"{fault}.py"
            assert message in failed.error
            if line is not None:
                assert f"It was at {script}:{line_of(line)} in {fault}." in failed.error
                assert f'File "{script}", line {line_of(line)} in {fault}' in failed.traceback
            await until(lambda error=failed.error: error in made.running.log)

        calls[0].record(tmp_path / "call.wav")
        await made.seen.wait("script.loaded", count=len(FAULTS))
        for fault in FAULTS:
            await made.call(f"good-{fault}")
        await made.healthy_goes_on()
        assert [call.ended for call in (*calls, made.steady)] == [None] * 5  # by their policy the healthy one has them
        assert {row["app"]: row["errors"] for row in await made.running.listed("versions")} == {
            **dict.fromkeys(FAULTS, 1), "healthy": 0
        }  # fmt: skip
        for heard in (calls[0], made.steady):
            heard.hang_up()
            await heard.wait_closed()
        assert seconds_of_tone(samples(tmp_path / "call.wav"), 880) > 0.5
        sound = samples(tmp_path / "steady.wav")
        assert seconds_of_tone(sound, 440) > 0.9 * seconds_of_sound(sound) > 0.8 * len(sound) / 8000


@run_trio
async def test_floods_of_commands_and_of_output_are_cut_off_and_starve_nobody(tmp_path: Path):
    async with world(tmp_path, "command", "print") as made:
        calls = [await made.call("command"), await made.call("print")]
        await until(lambda: "expected at most 200 commands a second from one session" in made.running.log)
        await until(lambda: "lines left out" in made.running.log)
        await made.healthy_goes_on()
        for call in calls:
            call.hang_up()
        await made.seen.wait("channel.ended", count=2)
        await made.call("good-print")
        assert "script.failed" not in made.seen.names()
