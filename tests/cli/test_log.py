"""The engine's log goes to stderr, and does not care whether anybody reads it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import trio

from callflow.cli.log import StderrLogger, configure_log
from tests.interop.engine import engine
from tests.interop.terminal import terminal
from tests.interop.watch import watch
from tests.trio_tests import run_trio

SCRIPT = """
import logging
from callflow import App, Call

app = App("talkative")

@app.route("1000")
async def talk(call: Call) -> None:
    print("somebody calls")
    logging.getLogger("talkative").info("it is %s", call.caller.number)
    await call.answer()
    raise RuntimeError("out of cheese")
"""


@pytest.fixture
def as_configured() -> Iterator[None]:
    """The log is afterwards as it was."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


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


@pytest.mark.usefixtures("as_configured")
def test_as_json_each_line_is_an_object(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    monkeypatch.setenv("CALLFLOW_LOG_FORMAT", "json")
    configure_log()
    structlog.get_logger("engine").info("one \udcff", call="3f9c", path=Path("/x"))
    try:
        raise ValueError("out of cheese")
    except ValueError:
        structlog.get_logger("engine").exception("two")
    first, second = map(json.loads, written.getvalue().splitlines())
    assert {**first, "timestamp": ""} == {
        "event": "one \udcff", "level": "info", "logger": "engine", "call": "3f9c", "path": "/x", "timestamp": "",
    }  # fmt: skip
    assert "ValueError: out of cheese" in second["exception"]


@pytest.mark.usefixtures("as_configured")
def test_as_text_it_is_a_line_for_a_person(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stderr", written := io.StringIO())
    monkeypatch.delenv("CALLFLOW_LOG_FORMAT", raising=False)
    configure_log()
    structlog.get_logger("engine").info("one", call="3f9c")
    structlog.get_logger("engine").debug("not asked for")
    [line] = written.getvalue().splitlines()
    assert line.endswith("call=3f9c")


@run_trio
async def test_whatever_concerns_a_call_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CALLFLOW_LOG", "debug")
    monkeypatch.setenv("CALLFLOW_LOG_FORMAT", "json")
    (script := tmp_path / "talkative.py").write_text(SCRIPT)
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal() as caller:
        refused = await caller.call(running.sip("99"))
        await caller.call(running.sip("1000"))
        await seen.wait("channel.ended")
        with trio.fail_after(60):
            await refused.wait_ended()
        [rejected] = [line for line in map(json.loads, running.log.splitlines()) if line["event"] == "rejected"]
        traced = await running.command("trace", rejected["sip_call_id"])
        listed = await running.command("trace", (await seen.channel())[:6])
    lines = [json.loads(line) for line in running.log.splitlines() if line.startswith("{")]
    call = await seen.channel()
    of_call = {line["event"] for line in lines if line.get("call") == call}
    assert of_call >= {"somebody calls", "it is guest", "channel.created", "channel.answered", "channel.ended"}
    assert [line["call"] for line in lines if "out of cheese" in line.get("exception", "")] == [call]
    assert rejected["status"] == 404
    assert "<- 404 Not Found" in traced
    assert "channel." not in traced
    assert "channel.ended" in listed
