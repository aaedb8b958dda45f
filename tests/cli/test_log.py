"""The engine's log goes to stderr, and does not care whether anybody reads it."""

import io
import sys

import pytest

from callflow.cli.log import StderrLogger


def test_it_writes_to_whatever_stderr_is_now(monkeypatch: pytest.MonkeyPatch):
    logger = StderrLogger()
    for _ in range(2):
        monkeypatch.setattr(sys, "stderr", written := io.StringIO())
        logger.info("a line")
        assert written.getvalue() == "a line\n"


def test_a_log_that_nobody_reads_stops_nothing(monkeypatch: pytest.MonkeyPatch):
    (closed := io.StringIO()).close()
    monkeypatch.setattr(sys, "stderr", closed)
    StderrLogger().error("a line")
