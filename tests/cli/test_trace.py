"""`callflow trace` on a real engine: a call that dials on, seen while it is up and when it is over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import trio

from tests.interop import needs
from tests.interop.engine import RunningEngine, engine, run_callflow
from tests.interop.terminal import terminal
from tests.interop.watch import watch
from tests.trio_tests import run_trio

pytestmark = needs.program("tshark")
CALLFLOW = [sys.executable, "-m", "callflow.cli"]
SCRIPT = """
from callflow import Answered, App, Call

app = App("onward")

@app.route("9([0-9]+)")
async def onward(call: Call) -> None:
    await call.answer()
    if isinstance(result := await call.dial(f"sip:callee@127.0.0.1:{call.to[1:]}"), Answered):
        await call.bridge(result.leg)
"""


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "onward.py"
    path.write_text(SCRIPT)
    return path


async def trace(running: RunningEngine, *arguments: str) -> str:
    done = await run_callflow(running.data, "trace", *arguments)
    assert done.code == 0, done.errors
    return done.output


@run_trio
async def test_a_call_is_shown_with_its_legs_their_messages_and_events(tmp_path: Path, script: Path):
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen:
        async with terminal() as caller, terminal("callee") as callee:
            port = callee.endpoint.listeners[0][2]
            call = await caller.call(running.sip(f"9{port}"))
            (await callee.wait_call()).answer()
            await seen.wait("channel.bridged", count=2)
            live = await trace(running, (await seen.channel(1))[:12])
            call.hang_up()
            await seen.wait("channel.ended", count=2)
        ladder = await trace(running, await seen.channel())
        rows = json.loads(await trace(running, await seen.channel(), "--json"))
        path = tmp_path / "call.pcap"
        await trace(running, await seen.channel(), "--pcap", str(path))
        unknown = await run_callflow(running.data, "trace", "nobody")
    assert "channel.bridged" in live
    assert "channel.ended" not in live
    us, them = f"127.0.0.1:{caller.endpoint.listeners[0][2]}", f"127.0.0.1:{port}"
    assert [line.split() for line in ladder.splitlines() if us in line] == [[us, "callflow", them]]
    for row in (
        f"INVITE 9{port} +SDP",
        "INVITE callee +SDP",
        "200 OK (INVITE) +SDP",
        "BYE",
        "a: channel.ended",
        "b: channel.ended",
        "received=(",
    ):
        assert row in ladder
    times = [row["at"] for row in rows]
    assert times == sorted(times)
    texts = [row["text"] for row in rows if row["kind"] == "message"]
    assert sum(text.startswith("BYE ") for text in texts) == 2
    assert {row["channel"] for row in rows if row["kind"] == "event"} == {await seen.channel(0), await seen.channel(1)}
    read = await trio.run_process(["tshark", "-r", str(path), "-Y", "sip"], capture_stdout=True, capture_stderr=True)
    assert len(read.stdout.splitlines()) == len(texts)
    assert unknown.code == 1
    assert "knows no call" in unknown.errors


@run_trio
async def test_followed_it_goes_on_until_the_call_is_over(tmp_path: Path, script: Path):
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen:
        async with terminal() as caller, terminal("callee") as callee:
            call = await caller.call(running.sip(f"9{callee.endpoint.listeners[0][2]}"))
            ringing = await callee.wait_call()
            await seen.wait("channel.created")
            command = [
                *CALLFLOW,
                "trace",
                await seen.channel(),
                "--follow",
                "--socket",
                running.socket,
                "--token",
                running.token,
            ]
            follower = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE)
            try:
                said = await read_until(follower, b"INVITE callee")
                ringing.answer()
                said += await read_until(follower, b"channel.bridged")
                call.hang_up()
                said += await read_until(follower, None)
                assert await follower.wait() == 0
            finally:
                follower.kill()
    assert said.count(b"channel.ended") == 2
    assert said.count(b"200 OK (BYE)") == 2


async def read_until(process: trio.Process, wanted: bytes | None) -> bytes:
    """What it says up to that, or to its end."""
    assert process.stdout is not None
    said = b""
    while wanted is None or wanted not in said:
        chunk = await process.stdout.receive_some()
        assert chunk or wanted is None, said
        if not chunk:
            break
        said += chunk
    return said


@run_trio
async def test_it_ends_without_a_word_when_its_reader_has_seen_enough(tmp_path: Path, script: Path):
    async with engine(tmp_path / "engine", script) as running:
        reader, writer = os.pipe()
        os.close(reader)
        done = await trio.run_process(
            [*CALLFLOW, "status", "--data", str(running.data)], stdout=writer, capture_stderr=True, check=False
        )
        os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


@run_trio
async def test_the_status_is_one_value_a_line(tmp_path: Path, script: Path):
    async with engine(tmp_path / "engine", script) as running:
        lines = (await running.command("status")).splitlines()
    assert {"memory_octets", "sip_dialogs"} <= {line.split()[0] for line in lines}
    assert not [line for line in lines if "{" in line]
