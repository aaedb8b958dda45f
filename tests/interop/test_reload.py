"""Scripts that change under live calls: none is cut off, none hears two versions, and nothing is left of the old ones.

CALLFLOW_RELOAD=200x60 is the whole proof: so many callers, a new version every second, for so many seconds.
"""

from __future__ import annotations

import os
import signal
import wave
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import trio

from callflow.phone import Ended, Phone, PhoneCall
from callflow.protocol.commands import Rollback, Versions
from callflow.protocol.events import ScriptFailed, ScriptLoaded, ScriptRetired
from tests.trio_tests import run_trio

from .audio import samples, seconds_of_sound, seconds_of_tone
from .engine import RunningEngine, engine
from .process import descriptors, resident, until, workers
from .terminal import terminal
from .watch import watch

PER_CALL = 20_000  # octets: what the log of events keeps of a call for a while, bounded by its size
CALLERS, SECONDS = map(int, os.environ.get("CALLFLOW_RELOAD", "20x6").split("x"))
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


def write_version(folder: Path, number: int, running: RunningEngine | None = None) -> Path:
    """Save a script and its prompt that name a version by the same tone; both at once for an engine that runs."""
    folder.mkdir(exist_ok=True)
    frequency = frequency_of(number)
    sound = 0.4 * np.sin(2 * np.pi * frequency * np.arange(2400) / 8000)
    draft = folder.parent / "draft.wav"
    with wave.open(str(draft), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes((sound * 32767).astype("<i2").tobytes())
    script = folder.parent / "draft.py"
    script.write_text(SCRIPT.format(frequency=frequency))
    with running.stopped() if running is not None else nullcontext():
        draft.replace(folder / "version.wav")
        script.replace(folder / "speaking.py")
    return folder / "speaking.py"


def save(script: Path, text: str) -> None:
    """Save a script, whole."""
    draft = script.parent.parent / "draft.py"
    draft.write_text(text)
    draft.replace(script)


async def versions(running: RunningEngine) -> dict[str, str]:
    """The state of each version, oldest first."""
    return {row["version"]: row["state"] for row in await running.listed("versions", "speaking")}


async def holding(guest: Phone, running: RunningEngine) -> PhoneCall:
    """A call that stays up."""
    call = await guest.call(running.sip("1001"))
    assert await call.wait_answered()
    return call


def test_a_script_saved_every_second_cuts_no_call_off_and_mixes_none(tmp_path: Path):
    async def main() -> None:
        with trio.fail_after(60 + 2 * SECONDS):
            await prove(tmp_path)

    trio.run(main)


async def prove(tmp_path: Path) -> None:
    script = write_version(tmp_path / "app", 0)
    recordings = tmp_path / "heard"
    recordings.mkdir()
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        before = len(workers(running.process.pid)), descriptors(running.process.pid)["socket"]
        memory = resident(running.process.pid)
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
                write_version(tmp_path / "app", number, running)
                await seen.wait("script.loaded", count=number)  # else a slow machine loads two as one
            is_over = True

        await seen.wait("script.retired", count=SECONDS)
        assert set(ends.values()) == {Ended("peer", True, 0, "normal_clearing")}
        heard = set()
        for place in ends:
            sound = samples(place)
            [frequency] = [f for f in map(frequency_of, range(30)) if seconds_of_tone(sound, f) > 0.3]
            assert seconds_of_tone(sound, frequency) > 0.8 * seconds_of_sound(sound) > 1.5, place
            heard.add(frequency)
        assert len(heard) >= min(SECONDS, 30) * 0.3  # a slow machine has some that live too short for a call
        assert list((await versions(running)).values())[-1] == "active"
        assert list((await versions(running)).values()).count("active") == 1
        await until(lambda: len(workers(running.process.pid)) == before[0])
        await until(lambda: descriptors(running.process.pid)["socket"] == before[1])
        grown = (resident(running.process.pid) - memory) / len(ends)
        print(
            f"{len(ends)} calls, {SECONDS + 1} versions, {len(heard)} heard; {memory} octets, {grown:.0f} a call more"
        )
        assert grown < PER_CALL + 10e6 / len(ends)


@run_trio
async def test_a_version_that_does_not_load_is_refused_with_its_place_and_changes_nothing(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    async with engine(tmp_path / "engine", script) as running, terminal() as guest:
        call = await holding(guest, running)
        good = script.read_text()
        save(script, good + "\nimport nothing_of_that_name\n")
        done = await running.run("reload", "speaking")
        assert done.code == 1
        place = f"{script}:{good.count(chr(10)) + 2}: ModuleNotFoundError"
        assert place in done.errors
        assert "Traceback (most recent call last)" in done.errors
        states = list((await versions(running)).values())
        assert (states[0], set(states[1:])) == ("active", {"failed"})
        assert call.ended is None
        assert await (await guest.call(running.sip("1000"))).wait_sound()


@run_trio
async def test_reload_makes_a_version_although_nothing_changed_and_waits_until_it_takes_calls(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        call = await holding(guest, running)
        await running.command("reload", "speaking")
        assert await versions(running) == {"1": "draining", "2": "active"}
        call.hang_up()
        await call.wait_closed()
        running.process.send_signal(signal.SIGHUP)
        await seen.wait("script.retired", count=2)
        assert await versions(running) == {"1": "retired", "2": "retired", "3": "active"}
        await until(lambda: len(workers(running.process.pid)) == 1)


@run_trio
async def test_a_version_that_drains_for_too_long_is_retired_with_its_calls(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    limits = "[limits]\ndrain = 0.5"
    async with engine(tmp_path / "engine", script, tables=limits) as running, watch(running) as seen:
        async with terminal() as guest:
            call = await holding(guest, running)
            await running.command("reload", "speaking")
            assert isinstance(retired := await seen.wait("script.retired"), ScriptRetired)
            assert (retired.version, retired.reason) == ("1", "limit")
            assert (await call.wait_ended()).reason == "temporary_failure"
            assert await versions(running) == {"1": "retired", "2": "active"}
            await until(lambda: len(workers(running.process.pid)) == 1)


@run_trio
async def test_a_canary_takes_its_share_and_goes_back_at_once(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        assert "takes 20% of the new calls" in await running.command("reload", "speaking", "--share", "20%")
        calls = [await holding(guest, running) for _ in range(10)]
        assert {row["version"]: row["calls"] for row in await seen.client.command(Versions())} == {"1": 8, "2": 2}

        await running.command("reload", "speaking", "--share", "50%")
        calls += [await holding(guest, running) for _ in range(10)]
        assert {row["version"]: row["calls"] for row in await seen.client.command(Versions())} == {"1": 13, "2": 7}

        asked_at = trio.current_time()
        await seen.client.command(Rollback(app="speaking"))
        await seen.wait("script.draining")
        assert trio.current_time() - asked_at < 10  # and not when its calls are over
        calls += [await holding(guest, running) for _ in range(3)]
        rows = await running.listed("versions", "speaking")
        assert [(row["version"], row["state"], row["calls"], row["live"], row["share"]) for row in rows] == [
            ("1", "active", 16, 16, 1.0),
            ("2", "draining", 7, 7, 0.0),
        ]
        assert [call.ended for call in calls] == [None] * 23


@run_trio
async def test_rollback_brings_back_the_version_before_whether_it_runs_still_or_not(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        call = await holding(guest, running)
        write_version(tmp_path / "app", 1, running)
        await seen.wait("script.loaded")
        await running.command("rollback", "speaking")
        assert (await versions(running))["1"] == "active"
        assert call.ended is None

        write_version(tmp_path / "app", 2, running)
        await seen.wait("script.loaded", lambda event: isinstance(event, ScriptLoaded) and event.version == "3")
        call.hang_up()
        await seen.wait("script.retired", count=2)
        await running.command("rollback", "speaking")
        again = await guest.call(running.sip("1000"))
        again.record(tmp_path / "heard.wav")
        assert await again.wait_ended() == Ended("peer", True, 0, "normal_clearing")
        await until((tmp_path / "heard.wav").exists)
        assert seconds_of_tone(samples(tmp_path / "heard.wav"), frequency_of(0)) > 1.5
        refused = await running.run("rollback", "speaking")
        assert refused.code == 1
        assert "there is no version before this one" in refused.errors


@run_trio
async def test_a_new_version_whose_calls_fail_is_rolled_back_by_itself(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        failing = script.read_text().replace("await call.hangup()", "raise ValueError(TONE)")
        save(script, failing.replace("range(4)", "range(0)"))
        await seen.wait("script.loaded")
        for _ in range(5):
            assert (await (await guest.call(running.sip("1000"))).wait_ended()).reason == "temporary_failure"
        await seen.wait("script.failed", lambda event: isinstance(event, ScriptFailed) and "rolled back" in event.error)
        good = await guest.call(running.sip("1000"))
        assert await good.wait_ended() == Ended("peer", True, 0, "normal_clearing")


FLOW_TEST = """\
async def test_a_caller_hears_the_tone(simulation):
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.hears({frequency})
"""


@run_trio
async def test_a_version_whose_flow_tests_fail_takes_no_calls(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    (tmp_path / "app" / "test_speaking.py").write_text(FLOW_TEST.format(frequency=frequency_of(0)))
    tested = f'[[app]]\nname = "speaking"\nscript = "{script}"\ntest = true\n'
    async with engine(tmp_path / "engine", tables=tested) as running, watch(running) as seen, terminal() as guest:
        call = await holding(guest, running)
        write_version(tmp_path / "app", 1, running)
        failed = await seen.wait("script.failed")
        assert isinstance(failed, ScriptFailed)
        assert failed.error == "its flow tests failed: test_speaking.py::test_a_caller_hears_the_tone"
        assert f"caller did not hear {frequency_of(0)}" in failed.traceback
        assert call.ended is None
        states = list((await versions(running)).values())
        assert states[:2] == ["active", "failed"]


@run_trio
async def test_a_new_version_whose_worker_takes_its_calls_with_it_is_rolled_back_by_itself(tmp_path: Path):
    script = write_version(tmp_path / "app", 0)
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as guest:
        good = script.read_text()
        die = "    if call.to == '1000':\n        import os\n\n        os.abort()\n"
        save(script, good.replace("    await call.answer()\n", f"    await call.answer()\n{die}"))
        await seen.wait("script.loaded")
        calls = [await holding(guest, running) for _ in range(5)]
        calls.append(await guest.call(running.sip("1000")))
        for call in calls:
            assert (await call.wait_ended()).reason == "temporary_failure"
        await seen.wait("script.failed", lambda event: isinstance(event, ScriptFailed) and "rolled back" in event.error)
        again = await guest.call(running.sip("1000"))
        assert await again.wait_ended() == Ended("peer", True, 0, "normal_clearing")
