"""`callflow records`, and what is left of calls when an engine is killed: real processes, sockets and signals."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio
from prometheus_client.parser import text_string_to_metric_families

from callflow.cli.main import run_command
from callflow.client import connect
from callflow.protocol.events import ChannelEnded

DASHBOARD = Path(__file__).parents[2] / "ops" / "grafana.json"
CALLFLOW = [sys.executable, "-m", "callflow.cli"]
SCRIPT = """
from callflow import App, Call

app = App("menu")

@app.route("1000")
async def echo(call: Call) -> None:
    await call.answer()
    await call.echo()
"""


@pytest.fixture
def environment(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "CALLFLOW"))}
    return kept | {"HOME": str(tmp_path), "COLUMNS": "200"}


@pytest.fixture
def start(tmp_path, environment):
    """Starts an engine, again if it was killed."""
    script = tmp_path / "menu.py"
    script.write_text(SCRIPT)
    started = []

    def start() -> subprocess.Popen:
        options = ["--sip", "udp:127.0.0.1:0", "--socket", "127.0.0.1:0"]
        process = subprocess.Popen(
            [*CALLFLOW, "run", str(script), *options], env=environment, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        for line in process.stdout:
            if "Ctrl-C" in line:
                break
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def run(environment):
    def run(*arguments: str) -> subprocess.CompletedProcess:
        return subprocess.run([*CALLFLOW, *arguments], env=environment, capture_output=True, text=True, timeout=100)

    return run


def test_records_are_shown_as_one_likes(start, run):
    start()
    assert run("dial", "1000", "--duration", "0.1").returncode == 0
    (record,) = [json.loads(line) for line in run("records", "--format", "json").stdout.splitlines()]
    assert (record["to"], record["app"], record["cause_name"]) == ("1000", "menu", "normal_clearing")
    assert record["ended_by"] == "caller"
    assert record["received"]["packets"] > 0
    table = list(csv.DictReader(run("records", "--format", "csv").stdout.splitlines()))
    assert [(row["id"], row["caller"], row["phase"]) for row in table] == [(record["id"], "dial", "answered")]
    assert run("records", "--format", "{caller} -> {to} {ended:%Y}").stdout.startswith("dial -> 1000 20")
    assert "normal_clearing" in run("records").stdout
    assert run("records", "--call", record["channel"], "--since", "1h", "--format", "{to}").stdout == "1000\n"
    assert run("records", "--number", "999").stderr == "no records\n"
    assert run("records", "--until", "2020-01-01", "--format", "{to}").stdout == ""


def test_prometheus_finds_what_the_dashboard_shows(start, run, tmp_path):
    start()
    assert run("dial", "1000", "--duration", "0.1").returncode == 0
    note = json.loads((tmp_path / ".local/share/callflow/engine.json").read_text())
    url = f"http://{urlsplit(note['socket']).netloc}/metrics"
    with urllib.request.urlopen(url, timeout=100) as response:
        families = list(text_string_to_metric_families(response.read().decode()))
    samples = {sample.name: sample.value for family in families for sample in family.samples}
    assert samples["callflow_rtp_packets_total"] > 0
    assert samples["callflow_answer_delay_seconds_count"] == 1
    shown = set(re.findall(r"\bcallflow_\w+", DASHBOARD.read_text()))
    assert len(shown) > 10
    empty = {f"{family.name}_total" if family.type == "counter" else family.name for family in families}
    assert shown <= samples.keys() | empty  # of trunks, of which there are none, and of what did not fail


def test_nothing_is_lost_when_the_engine_is_killed_the_moment_a_call_has_ended(start, run, tmp_path):
    for _ in range(2):
        engine = start()
        note = json.loads((tmp_path / ".local/share/callflow/engine.json").read_text())
        token = (tmp_path / ".local/share/callflow/token").read_text().strip()

        async def kill(url=note["socket"], token=token, pid=engine.pid) -> str:
            with trio.fail_after(100):
                async with connect(url, token=token, subscribe=["channel.ended"]) as monitor:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(trio.to_thread.run_sync, run, "dial", "1000", "--duration", "0.1")
                        async for frame, event in monitor.events():
                            assert isinstance(event, ChannelEnded)
                            os.kill(pid, signal.SIGKILL)
                            return frame.channel
            raise AssertionError

        channel = trio.run(kill)
        assert engine.wait() == -signal.SIGKILL
        again = start()
        found = run("records", "--call", channel, "--format", "{channel} {cause_name} {billable}").stdout.split()
        assert found[:2] == [channel, "normal_clearing"]
        assert float(found[2]) > 0.05
        again.kill()
        again.wait()
    start()
    assert len(set(run("records", "--format", "{id}").stdout.split())) == 2


def test_those_to_come_are_followed(start, run, environment, tmp_path):
    start()
    assert run("dial", "1000", "--duration", "0.1").returncode == 0
    command = [*CALLFLOW, "records", "--follow", "--format", "{to} {ended_by}"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout.readline() == "1000 caller\n"
        assert run("dial", "1000", "--duration", "0.1").returncode == 0
        assert follower.stdout.readline() == "1000 caller\n"
        follower.terminate()


@pytest.mark.parametrize(
    "arguments", [["--format", "{nope}"], ["--format", "{to"], ["--since", "yesterday"], ["--until", "5"]]
)
def test_what_cannot_be_meant_is_wrong_usage(arguments, capsys):
    assert run_command(["records", *arguments]) == 2
    assert "expected" in capsys.readouterr().err


def test_a_name_that_a_spreadsheet_would_run_is_text():
    from callflow.cli.records import _plain

    assert _plain("=1+1") == "'=1+1"
    assert _plain("+4930123") == "+4930123"
    assert _plain(-1.5) == "-1.5"
