"""What counts as stuck, and where it was; and a real worker that is stopped, which does not count."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import trio

from callflow.protocol import commands
from callflow.protocol.events import ScriptFailed
from engine.scripting.limits import WorkerLimits
from engine.scripting.spare import Spare
from engine.scripting.supervised import LoadFailed
from engine.scripting.watchdog import Look, Stuck, place_in
from engine.scripting.worker import Exit, start_worker
from tests.trio_tests import run_trio

from .test_supervisor import Door, Supervisor, supervised

BUSY = """
import time
from callflow import App, Call
app = App("x")
@app.route("sleep")
async def sleep(call: Call) -> None:
    time.sleep(3600)
@app.route("good")
async def good(call: Call) -> None:
    await call.answer()
"""
REPORT = """\
Thread 0x00007f0000000001 (most recent call first):
  File "/usr/lib/python3.11/threading.py", line 320 in wait
  File "/srv/app/helper.py", line 7 in wait_for_it

Current thread 0x00007f0000000002 (most recent call first):
  File "/usr/lib/python3.11/json/decoder.py", line 355 in raw_decode
  File "/srv/app/ivr.py", line 12 in menu
  File "/srv/app/ivr.py", line 5 in reception
"""


def look(cpu: float = 0.0, state: str = "S") -> Look:
    return Look(state, cpu, 0)


def test_a_loop_that_computes_is_stuck_for_its_cpu_time_only():
    stuck = Stuck(look())
    for cpu in (0.1, 0.2, 0.2, 0.2):  # then it waits for its turn, on a loaded machine
        stuck.count(look(cpu, "R"), 0.5, has_beaten=False)
    assert round(stuck.seconds, 3) == 0.2
    assert str(stuck) == "computing"


def test_a_loop_that_sleeps_is_stuck_by_the_clock():
    stuck = Stuck(look())
    for _ in range(3):
        stuck.count(look(), 0.5, has_beaten=False)
    assert stuck.seconds == 1.5
    assert str(stuck) == "sleeping or waiting"


def test_a_process_that_is_stopped_or_reads_from_a_disk_is_not_stuck():
    stuck = Stuck(look())
    for state in ("T", "t", "D"):
        stuck.count(look(1.0, state), 5.0, has_beaten=False)
    assert stuck.seconds == 0


def test_a_process_whose_output_is_not_read_waits_for_us_and_is_not_stuck():
    stuck = Stuck(look())
    stuck.count(look(), 5.0, has_beaten=False, is_unread=True)
    assert stuck.seconds == 0


def test_a_beat_begins_the_count_again():
    stuck = Stuck(look())
    stuck.count(look(), 4.0, has_beaten=False)
    stuck.count(look(3.0, "R"), 4.0, has_beaten=True)
    stuck.count(look(3.5, "R"), 1.0, has_beaten=False)
    assert stuck.seconds == 0.5


def test_the_place_is_the_innermost_in_the_script_s_folder():
    assert place_in(REPORT, "/srv/app", is_elsewhere_told=True) == "at /srv/app/ivr.py:12 in menu"


def test_a_thread_of_the_script_s_is_told_where_the_loop_is_not_in_it():
    report = REPORT.replace("/srv/app/ivr.py", "/usr/lib/python3.11/selectors.py")
    assert place_in(report, "/srv/app", is_elsewhere_told=True) == "at /srv/app/helper.py:7 in wait_for_it"


def test_a_place_elsewhere_is_told_only_when_it_is_wanted():
    place = "at /usr/lib/python3.11/json/decoder.py:355 in raw_decode"
    assert place_in(REPORT, "/srv/other", is_elsewhere_told=True) == place
    assert place_in(REPORT, "/srv/other", is_elsewhere_told=False) == ""
    assert place_in("", "/srv/other", is_elsewhere_told=True) == ""


@run_trio
async def test_a_worker_that_is_stopped_is_not_taken_for_stuck_while_another_is_found(tmp_path: Path):
    async def scenario(supervisor: Supervisor, door: Door) -> None:
        await supervisor.wait_ready()
        stopped = supervisor.pids["stopped"]
        os.kill(stopped, signal.SIGSTOP)
        await door.engine_of("stuck").call(to="sleep")
        await door.wait_for(lambda: bool(door.seen(ScriptFailed)))  # as long as it takes to be found
        os.kill(stopped, signal.SIGCONT)
        await door.engine_of("stopped").call(to="good")
        await door.engine_of("stopped").accept(commands.Answer)
        assert supervisor.pids["stopped"] == stopped

    door = await supervised(
        tmp_path, {"stuck": BUSY, "stopped": BUSY}, scenario, limits=WorkerLimits(memory=0, step=0.3)
    )
    [failed] = door.seen(ScriptFailed)
    assert failed.app == "stuck"


@run_trio
async def test_a_script_that_takes_too_much_memory_to_import_is_refused_with_the_reason(tmp_path: Path):
    async def scenario(supervisor: Supervisor, door: Door) -> None:
        with trio.move_on_after(100):
            await door.wait_for(lambda: bool(door.seen(ScriptFailed)))

    text = "kept = []\nwhile True:\n    kept.append(b'x' * 1_000_000)\n"
    door = await supervised(tmp_path, {"large": text}, scenario, limits=WorkerLimits(memory=100 << 20, step=0.3))
    [failed] = door.seen(ScriptFailed)
    assert "expected at most 100 MB" in failed.error
    assert f"It was at {tmp_path}/large/script.py:3 in <module>." in failed.error


@run_trio
async def test_a_script_that_does_not_get_ready_is_refused(tmp_path: Path):
    async def scenario(supervisor: Supervisor, door: Door) -> None:
        with pytest.raises(LoadFailed, match="did not load"):
            await supervisor.wait_ready()

    door = await supervised(tmp_path, {"slow": "import time\ntime.sleep(3600)\n"}, scenario, load_within=1.0)
    [failed] = door.seen(ScriptFailed)
    assert failed.error.startswith("the script was not imported within 1 s.")


@run_trio
async def test_a_worker_that_is_given_up_is_told_why_and_where_it_was(tmp_path: Path):
    script = tmp_path / "slow.py"
    script.write_text(
        "import logging, time\nlogging.error('here'), time.sleep(3600)\n"
    )  # one line: it may be anywhere in it
    is_there = trio.Event()
    exits: list[Exit] = []
    worker = await start_worker(
        "slow", script, tmp_path / "socket", token="", known_as=Path("/srv/slow"),
        on_record=lambda record: is_there.set(), limits=WorkerLimits(), spare=Spare(),
    )  # fmt: skip
    async with trio.open_nursery() as nursery:

        async def run() -> None:
            exits.append(await worker.run())
            nursery.cancel_scope.cancel()

        nursery.start_soon(run)
        await is_there.wait()
        await worker.give_up("it is too slow.")
    assert str(exits[0]) == "it is too slow. It was at /srv/slow/slow.py:2 in <module>."
    assert 'File "/srv/slow/slow.py", line 2 in <module>' in exits[0].report
    assert not list(tmp_path.glob("*.beat"))
