"""The flow tests of a version: what their end means, and that they end."""

from __future__ import annotations

import pytest

from engine.scripting.flowtests import Refusal, judge, run_tests
from engine.scripting.limits import WorkerLimits
from engine.scripting.worker import Exit
from tests.trio_tests import run_trio

SCRIPT = """
from callflow import App, Call, Tone

app = App("x")


@app.route("1000")
async def answer(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440", seconds=1))
"""
TEST = """
async def test_the_tone_is_heard(simulation):
    caller = simulation.phone("caller")
    caller.call("1000")
    await caller.heard({frequency})
"""
HANGING = """
import time

def test_for_ever():
    time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path):
    """A version's copy, which cannot be written to."""
    place = tmp_path / "copy"
    place.mkdir()
    (place / "script.py").write_text(SCRIPT)
    return place


async def outcome(folder, tmp_path, *, within=600.0):
    return await run_tests(
        "x", folder / "script.py", tmp_path, known_as=tmp_path / "author", limits=WorkerLimits(), within=within
    )


@run_trio
async def test_who_passes_leaves_no_trace(folder, tmp_path):
    (folder / "test_script.py").write_text(TEST.format(frequency=440))
    before = sorted(folder.rglob("*"))
    assert await outcome(folder, tmp_path) is None
    assert sorted(folder.rglob("*")) == before


@run_trio
async def test_a_test_that_fails_is_named_and_its_report_is_of_the_authors_folder(folder, tmp_path):
    (folder / "test_script.py").write_text(TEST.format(frequency=900))
    refusal = await outcome(folder, tmp_path)
    assert refusal is not None
    assert refusal.error == "its flow tests failed: test_script.py::test_the_tone_is_heard"
    assert "caller did not hear all of 900" in refusal.report
    assert str(folder) not in refusal.report


@run_trio
async def test_a_script_that_does_not_load_is_told_as_a_worker_tells_it(folder, tmp_path):
    (folder / "script.py").write_text(SCRIPT + "\n1 / 0\n")
    (folder / "test_script.py").write_text(TEST.format(frequency=440))
    refusal = await outcome(folder, tmp_path)
    assert refusal is not None
    assert refusal.error == f"cannot load {tmp_path}/author/script.py:12: ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in refusal.report


@run_trio
async def test_no_tests_are_not_enough(folder, tmp_path):
    refusal = await outcome(folder, tmp_path)
    assert refusal is not None
    assert refusal.error.startswith("it has no flow tests: expected `async def test_")


@run_trio
async def test_tests_that_do_not_end_are_ended(folder, tmp_path):
    (folder / "test_script.py").write_text(HANGING)
    assert await outcome(folder, tmp_path, within=1.0) == Refusal("its flow tests were not done within 1 s", "")


def test_a_process_that_was_killed_has_not_passed(tmp_path):
    refusal = judge(Exit(-9, "..."), tmp_path)
    assert refusal == Refusal("its flow tests ended with -9", "...")


def test_of_several_the_first_is_named_and_a_long_report_is_cut_in_its_middle(tmp_path):
    log = "ERROR    callflow:run.py:86 the script raised\n=== short test summary info ===\n"
    summary = log + "FAILED test_x.py::test_a - AssertionError: no\nERROR test_x.py::test_b - KeyError"
    refusal = judge(Exit(1, "begin" + "x" * 100_000 + "\n" + summary), tmp_path)
    assert refusal is not None
    assert refusal.error == "its flow tests failed: test_x.py::test_a and 1 more"
    assert len(refusal.report) < 17_000
    assert refusal.report.startswith("begin")
    assert refusal.report.endswith("KeyError")
