"""How tests are run: in CI a skipped test is a failed one; `--numprocesses auto` runs one for each core."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
import structlog

MOST_WORKERS = 4  # tests of real time are many: more of them at once would be late too often


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """How many processes run tests with `--numprocesses auto`; 0: this one."""
    cores = len(os.sched_getaffinity(0))
    return min(cores, MOST_WORKERS) if cores > 1 else 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What is not there must be installed, not overlooked."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("CI"):
        report.outcome = "failed"
        report.longrepr = f"skipped in CI: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def _log_as_before() -> Generator[None]:
    """A command that is run in this process configures the log: the next test has its own."""
    yield
    structlog.reset_defaults()
