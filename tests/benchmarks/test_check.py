"""Hot paths are no dearer than they were: their instructions are counted, which no other processor or load changes."""

from __future__ import annotations

import shutil

import pytest

from benchmarks import paths
from benchmarks.check import PYTHON, RUST, Checked, check_python, check_rust, read_figures
from benchmarks.instructions import of_python, versions

PYTHON_VERSION, RUST_VERSION = versions()


def test_no_path_of_python_is_dearer_than_checked():
    checked = check_python(read_figures().get(PYTHON_VERSION, {}))
    assert [each.path for each in checked] == list(PYTHON)
    assert [str(each) for each in checked if each.is_dearer] == []


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed: apt-get install valgrind")
def test_no_path_of_rust_is_dearer_than_checked():
    checked = check_rust(read_figures().get(RUST_VERSION, {}))
    assert [each.path for each in checked] == list(RUST)
    assert [str(each) for each in checked if each.is_dearer] == []


@pytest.mark.parametrize(
    ("cost", "expected", "is_dearer"),
    [(110.0, 100.0, False), (111.0, 100.0, True), (50.0, 100.0, False), (1000.0, None, False)],
)
def test_a_path_may_cost_a_tenth_more(cost, expected, is_dearer):
    assert Checked("a path", cost, expected).is_dearer is is_dearer


def test_a_path_that_does_a_sixth_more_is_found():
    def slower(many: int) -> None:
        paths.events(many)
        paths.events(many // 6)

    assert Checked("an event", of_python(slower), of_python(paths.events)).is_dearer


def test_it_is_said_how_much_dearer_a_path_is():
    told = str(Checked("a path", 1150.0, 1000.0))
    assert told == "a path: 1,150 instructions, expected 1,000 (+15.0 %)"
