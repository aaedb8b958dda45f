"""The flow tests of a version, run before it takes calls: by a process of their own, on the version's copy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trio

from callflow.runtime.tester import EXIT_NO_TESTS

from .limits import WorkerLimits
from .worker import Exit, start_tester

TEST_WITHIN = 60.0  # seconds
_OF_TESTS = ("its flow tests", "it has no flow tests")  # how errors begin
_KEPT_LINES = 400
_LONGEST = (12_000, 4_000)  # characters of a report: from its beginning, and from its end, where the names are


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a version does not take calls."""

    error: str
    report: str


async def run_tests(
    app: str, script: Path, folder: Path, *, known_as: Path, limits: WorkerLimits, within: float = TEST_WITHIN
) -> Refusal | None:
    """Run the tests beside a script; None if they pass. `known_as`: the folder that the script's is a copy of."""
    try:
        process = await start_tester(app, script, folder, known_as=known_as, limits=limits, keeps=_KEPT_LINES)
    except OSError as error:
        return Refusal(f"cannot run its flow tests: {error}", "")
    with trio.move_on_after(within):
        return judge(await process.run(), known_as)
    return Refusal(f"its flow tests were not done within {within:g} s", "")


def judge(exit: Exit, folder: Path) -> Refusal | None:
    """What the end of the tests means."""
    if exit.status == 0:
        return None
    if exit.verdict:
        return Refusal(f"its flow tests were ended: {exit.verdict}", exit.report)
    if exit.message:  # the script does not load, or pytest is not there
        return Refusal(exit.message, exit.report)
    if exit.status == EXIT_NO_TESTS:
        wanted = "expected `async def test_...(simulation)` in files named test_*.py"
        return Refusal(f"it has no flow tests: {wanted} in {folder}", "")
    return Refusal(_failed(exit), _shortened(exit.report))


def concerns_tests(error: str) -> bool:
    """It loads, but was not found good."""
    return error.startswith(_OF_TESTS)


def _failed(exit: Exit) -> str:
    """The tests' names, as pytest sums them up."""
    _, _, summary = exit.report.rpartition("short test summary info")
    lines = [line.partition(" ") for line in summary.splitlines()]
    names = [rest.partition(" - ")[0] for word, _, rest in lines if word in ("FAILED", "ERROR")]
    if not names:
        return f"its flow tests ended with {exit.status}"
    return f"its flow tests failed: {names[0]}" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _shortened(report: str) -> str:
    first, last = _LONGEST
    return report if len(report) <= first + last else f"{report[:first]}\n...\n{report[-last:]}"
