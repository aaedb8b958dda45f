"""`callflow test`, as a process: its exit codes, what it hands on to pytest, and what it says of a script."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from callflow.cli.main import run_command
from callflow.cli.output import Refused
from callflow.cli.test import _run_tests

ROOT = Path(__file__).parents[2]
SCRIPT = """
from callflow import App, Call, Tone

app = App("x")


@app.route("1")
async def answer(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440", seconds=1))
    await call.gather()
"""
IN_LUA = """
callflow.app("x"):route("1", function(call)
  call:answer()
  call:play(callflow.tone("440", 1))
  call:gather()
end)
"""
TEST = """
async def test_low(simulation):
    caller = simulation.phone("caller")
    caller.call("1")
    await caller.heard(440.0)
    assert simulation.seed == 7

async def test_high(simulation):
    caller = simulation.phone("caller")
    caller.call("1")
    await caller.heard(900.0)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "x.py").write_text(SCRIPT)
    (tmp_path / "test_x.py").write_text(TEST)
    return tmp_path


def run(folder, *arguments):
    command = [sys.executable, "-m", "callflow.cli", "test", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_a_test_that_fails_is_exit_1_and_told_with_what_happened(folder):
    done = run(folder)
    assert done.returncode == 1
    assert "caller did not hear all of 900" in done.stdout
    assert "what happened in the simulation" in done.stdout


def test_a_script_in_lua_is_tested_in_the_same_way(folder):
    (folder / "x.py").unlink()
    (folder / "x.lua").write_text(IN_LUA)
    done = run(folder, "--seed", "7")
    assert done.returncode == 1
    assert "1 failed, 1 passed" in done.stdout
    assert "caller did not hear all of 900" in done.stdout


def test_tests_are_chosen_seeded_and_more_is_said_to_pytest(folder):
    done = run(folder, ".", "-k", "low", "--seed", "7", "--", "--no-summary", "-v")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "test_x.py::test_low PASSED" in done.stdout


def test_wrong_options_of_pytest_are_exit_2(folder):
    assert run(folder, ".", "--", "--no-such-option").returncode == 2


def test_without_tests_there_is_nothing_that_could_be_good(folder):
    (folder / "test_x.py").unlink()
    done = run(folder)
    assert done.returncode == 1
    assert "no flow test was run" in done.stderr


def test_pytest_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytest", None)
    with pytest.raises(Refused, match=r"pip install 'callflow\[test\]'"):
        _run_tests(["."], only=None, seed=0)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["absent"], 1, "there is no 'absent'"),
        (["--explore", "absent"], 1, "there is no 'absent'"),
        (["--explore", str(ROOT / "docs")], 1, "expected a script with an App, found none"),
        (["--explore", "-k", "x"], 2, "expected no options of pytest beside --explore"),
        (["--json"], 2, "expected --json and --number beside --explore"),
    ],
)
def test_what_cannot_be_tested_is_refused(capsys, arguments, code, told):
    assert run_command(["test", *arguments]) == code
    assert told in " ".join(capsys.readouterr().err.replace("│", "").split())


def test_what_is_found_is_exit_1_with_a_tree_and_the_way_there(folder, capsys):
    assert run_command(["test", "--explore", str(folder)]) == 1
    out = capsys.readouterr().out
    assert "x.py\n  1\n    play tone 440  (x.py:10)\n    gather  (x.py:11)\n      keys nothing:\n        ends\n" in out
    assert "x.py:11: dead end: hangs up without a word when the caller keys nothing at gather (and in " in out
    assert "\n    calls 1\n    keys nothing at gather\n" in out
    assert "1 number, 2 points, " in out


def test_programs_get_json_whatever_the_script_prints(folder, capsys):
    (folder / "x.py").write_text(SCRIPT.replace("    await call.answer()\n", "    await call.answer(), print(call)\n"))
    assert run_command(["test", "--explore", "--json", "--number", "1", str(folder / "x.py")]) == 1
    [explored] = json.loads(capsys.readouterr().out)
    assert (explored["number"], explored["left"]) == ("1", 0)
    assert explored["points"][1] == {"who": "caller", "text": "gather", "place": "x.py:11"}
    assert explored["findings"][0]["kind"] == "dead end"


def test_a_script_that_does_not_load_is_refused(folder, capsys):
    (folder / "x.py").write_text(SCRIPT + "\n1 / 0\n")
    assert run_command(["test", "--explore", str(folder)]) == 1
    assert "x.py:13: ZeroDivisionError" in capsys.readouterr().err


def test_a_script_without_faults_is_exit_0(capsys):
    assert run_command(["test", "--explore", str(ROOT / "examples/followme")]) == 0
    assert "4 numbers, 20 points, 58 calls: nothing found" in capsys.readouterr().out  # in Python and in Lua
