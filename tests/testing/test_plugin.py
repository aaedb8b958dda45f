"""The pytest plugin, in runs of its own: which script a test gets, what a failure shows, what is left alone."""

from __future__ import annotations

import pytest

pytest_plugins = ("pytester",)

SCRIPT = """
from callflow import App, Call, Tone

app = App("{name}")

@app.route("1")
async def answer(call: Call) -> None:
    await call.answer()
    await call.play(Tone("{tone}", seconds=1))
"""

TEST = """
import pytest
{mark}
async def test_tone(simulation):
    alice = simulation.phone("alice")
    alice.call("1")
    await alice.heard({tone}.0)
"""


@pytest.fixture
def folder(pytester):
    # streamdouble's plugin brings numpy, which a process can load but once, and these runs are in ours.
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -p no:streamdouble\n")
    return pytester


def write(folder, tests, **scripts):
    for name, tone in scripts.items():
        (folder.path / f"{name}.py").write_text(SCRIPT.format(name=name, tone=tone))
    for name, (mark, tone) in tests.items():
        (folder.path / f"test_{name}.py").write_text(TEST.format(mark=mark, tone=tone))


def test_the_script_is_that_of_the_same_name(folder):
    write(folder, {"low": ("", 300), "high": ("", 900)}, low=300, high=900)
    folder.runpytest().assert_outcomes(passed=2)


def test_or_the_only_one_beside_the_test(folder):
    write(folder, {"anything": ("", 300)}, low=300)
    folder.runpytest().assert_outcomes(passed=1)


LUA = """
callflow.app("lua"):route("1", function(call)
  call:answer()
  call:play(callflow.tone("{tone}", 1))
end)
"""


def test_a_script_in_lua_is_found_in_the_same_way(folder):
    write(folder, {"low": ("", 300)})
    (folder.path / "low.lua").write_text(LUA.format(tone=300))
    (folder.path / "high.lua").write_text(LUA.format(tone=900))
    folder.runpytest().assert_outcomes(passed=1)


def test_the_same_test_may_be_of_a_script_in_python_and_of_one_in_lua(folder):
    both = '@pytest.mark.parametrize("simulation", ["high.py", "high.lua"], indirect=True)'
    write(folder, {"both": (both, 900)}, high=900)
    (folder.path / "high.lua").write_text(LUA.format(tone=900))
    folder.runpytest().assert_outcomes(passed=2)


def test_or_the_one_that_a_mark_names(folder):
    write(folder, {"low": ('@pytest.mark.callflow("high.py", latency=0.2, seed=7)', 900)}, low=300, high=900)
    folder.runpytest().assert_outcomes(passed=1)


def test_if_it_is_not_clear_the_test_says_so(folder):
    write(folder, {"anything": ("", 300)}, low=300, high=900)
    result = folder.runpytest()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*which script is simulated? Expected anything.py, *found high.py, low.py*"])


def test_a_failure_shows_what_happened(folder):
    write(folder, {"low": ("", 900)}, low=300)
    result = folder.runpytest("--callflow-seed", "3")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*alice did not hear all of 900.0*", "*what happened in the simulation*"])
    result.stdout.fnmatch_lines(["*ChannelEnded*"])


def test_other_tests_are_left_alone(folder):
    folder.makepyfile(test_other="def test_sync(tmp_path): assert tmp_path.exists()\n")
    folder.runpytest().assert_outcomes(passed=1)
