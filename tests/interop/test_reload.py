"""Scripts that change under live calls: none is cut off, none hears two versions, and nothing is left of the old ones.

CALLFLOW_RELOAD=200x60 is the whole proof: so many callers, a new version every second, for so many seconds.
"""

from __future__ import annotations

import json
import os
import signal
import wave
from pathlib import Path

import numpy as np
import trio

from callflow.phone import Ended, Phone, PhoneCall
from callflow.protocol.commands import Versions
from tests.trio_tests import run_trio

from .audio import samples, seconds_of_sound, seconds_of_tone
from .engine import RunningEngine, engine
from .process import children, descriptors, until
from .terminal import terminal
from .watch import Watch, watch

CALLERS, SECONDS = map(int, os.environ.get("CALLFLOW_RELOAD", "20x10").split("x"))
SCRIPT = """\
from callflow import App, Call, Tone

app = App("speaking")
TONE = "{frequency}"


@app.route("1000")
async def speak(call: Call) -> None:
    await call.answer()
    for _ in range(4):
        await call.play("version.wav", Tone(TONE, seconds=0.3))
    await call.hangup()


@app.route("1001")
async def hold(call: Call) -> None:
    await call.answer()
    await call.play(Tone(TONE))
"""


def frequency_of(number: int) -> int:
    """What a version sounds like."""
    return 400 + 100 * (number % 30)


def write_version(folder: Path, number: int) -> Path:
    """Save a script and its prompt that name a version by the same tone."""
    folder.mkdir(exist_ok=True)
    frequency = frequency_of(number)
    sound = 0.4 * np.sin(2 * np.pi * frequency * np.arange(2400) / 8000)
    draft = folder.parent / "draft.wav"
    with wave.open(str(draft), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    script = folder.parent / "draft.py"
    script.write_text(SCRIPT.format(frequency=frequency))
    draft.replace(folder / "version.wav")
    script.replace(folder / "speaking.py")
    return folder / "speaking.py"


async def versions(running: RunningEngine) -> dict[str, str]:
    """The state of each version, oldest first."""
    return {row["version"]: row["state"] for row in await running.listed("versions", "speaking")}


async def holding(guest: Phone, running: RunningEngine) -> PhoneCall:
    """A call that stays up."""
    call = await guest.call(running.sip("1001"))
    assert await call.wait_answered()
    return call


async def versions_of(seen: Watch, count: int) -> list[str]:
    """How many of the last `count` calls each version took."""
    return [row["version"] for row in await seen.client.command(Versions()) for _ in range(row["calls"])][-count:]


@run_trio
async def test_a_script_saved_every_second_cuts_no_call_off_and_mixes_none(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    recordings = tmp_path / "heard"
    recordings.mkdir()
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        before = len(children(running.process.pid)), descriptors(running.process.pid)["socket"]
        is_over, ends = False, dict[Path, Ended]()

        async def call_again_and_again(caller: int) -> None:
            await trio.sleep(caller / CALLERS)
            for number in range(10**9):
                if is_over:
                    return
                call = await guest.call(running.sip("1000"))
                place = recordings / f"{caller}-{number}.wav"
                call.record(place)
                ends[place] = await call.wait_ended()

        async with trio.open_nursery() as nursery:
            for caller in range(CALLERS):
                nursery.start_soon(call_again_and_again, caller)
            for number in range(1, SECONDS + 1):
                await trio.sleep(1)
                write_version(tmp_path / "app", number)
            await seen.wait("script.loaded", count=SECONDS)
            is_over = True

        await seen.wait("script.retired", count=SECONDS)
        assert set(ends.values()) == {Ended("peer", True, 0, "normal_clearing")}
        heard = set()
        for place in ends:
            sound = samples(place)
            [frequency] = [f for f in map(frequency_of, range(30)) if seconds_of_tone(sound, f) > 0.3]
            assert seconds_of_tone(sound, frequency) > 0.8 * seconds_of_sound(sound) > 1.5, place
            heard.add(frequency)
        assert len(heard) >= min(SECONDS, 30) * 0.8  # each version had calls, but for the shortest-lived
        assert list((await versions(running)).values())[-1] == "active"
        assert list((await versions(running)).values()).count("active") == 1
        await until(lambda: len(children(running.process.pid)) == before[0])
        await until(lambda: descriptors(running.process.pid)["socket"] == before[1])
