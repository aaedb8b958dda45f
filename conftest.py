"""In CI a skipped test is a failed one: what is not there must be installed, not overlooked."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
import structlog


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
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
