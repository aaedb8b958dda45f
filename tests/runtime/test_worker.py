"""The worker process: a real one, against an engine in the test's hands behind a real Unix socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trio

from callflow.protocol import commands
from callflow.protocol.outcomes import Digits, Played
from callflow.runtime.log import Record, read_record
from tests.sdk.scripted_engine import ScriptedEngine

SCRIPT = """
import os
from callflow import App, Call
app = App("reception", backend="{backend}")
assert "CALLFLOW_WORKER_TOKEN" not in os.environ
@app.route("1000")
async def reception(call: Call) -> None:
    await call.answer()
    await call.play("welcome.wav")
    await call.gather(max=1)
@app.route("bug")
async def bug(call: Call) -> None:
    raise ValueError("on purpose")
"""

Scenario = Callable[[trio.Process, ScriptedEngine], Awaitable[None]]


class TrioStream:
    """A trio stream, spelled as anyio's."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self._stream = stream

    async def send(self, data: bytes) -> None:
        await self._stream.send_all(data)

    async def receive(self) -> bytes:
        return await self._stream.receive_some()

    async def aclose(self) -> None:
        await self._stream.aclose()


async def start(script: Path, socket: Path) -> trio.Process:
    arguments = [sys.executable, "-m", "callflow.runtime.worker", "reception", str(script), str(socket)]
    environment = {**os.environ, "CALLFLOW_WORKER_TOKEN": "secret"}
    return await trio.lowlevel.open_process(
        arguments, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def run_worker(
    folder: Path, scenario: Scenario, *, script: str | None = None, backend: str = "asyncio"
) -> list[Record]:
    """Run a scenario with a worker; what it logged."""
    path, socket = folder / "reception.py", folder / "socket"
    path.write_text(script if script is not None else SCRIPT.format(backend=backend))

    async def main() -> list[Record]:
        with trio.fail_after(100), trio.socket.socket(trio.socket.AF_UNIX) as listening:
            await listening.bind(str(socket))
            listening.listen()
            process = await start(path, socket)
            connection, _ = await listening.accept()
            engine = ScriptedEngine(TrioStream(trio.SocketStream(connection)))
            try:
                await scenario(process, engine)
                await engine.close()
                lines = b"".join([chunk async for chunk in process.stderr]).splitlines()
                assert await process.stdout.receive_some() == b""
                await process.wait()
                await process.stdout.aclose()
                await process.stderr.aclose()
            finally:
                process.kill()
            return [record for line in lines if (record := read_record(line))]

    return trio.run(main)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_worker_runs_calls_until_the_socket_ends(tmp_path, backend):
    async def scenario(process: trio.Process, engine: ScriptedEngine) -> None:
        hello = await engine.greet()
        assert (hello.app, hello.token, hello.routes) == ("reception", "secret", ("1000", "bug"))
        assert hello.pid == process.pid
        await engine.call(to="1000")
        await engine.accept(commands.Answer)
        await engine.end(commands.Play, Played(heard_ms=1000, reason="completed"))
        await engine.end(commands.Gather, Digits("1"))
        await engine.expect_hangup()
        await engine.call("unfinished")
        await engine.accept(commands.Answer)
        await engine.close()
        assert await process.wait() == 4

    run_worker(tmp_path, scenario, backend=backend)


def test_a_script_that_raises_is_logged_with_its_traceback_and_call(tmp_path):
    async def scenario(process: trio.Process, engine: ScriptedEngine) -> None:
        await engine.greet()
        await engine.call("call-7", to="bug")
        await engine.end(commands.Play, Played(heard_ms=500, reason="completed"))
        await engine.expect_hangup("call-7", cause="temporary_failure")

    records = run_worker(tmp_path, scenario)
    (failure,) = [record for record in records if record.level == "error"]
    assert failure.call == "call-7"
    assert "reception.py" in failure.traceback
    assert "ValueError: on purpose" in failure.traceback


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_worker_that_is_told_to_stop_exits_with_0(tmp_path, backend):
    async def scenario(process: trio.Process, engine: ScriptedEngine) -> None:
        await engine.greet()
        await engine.call(to="1000")
        await engine.accept(commands.Answer)
        process.send_signal(signal.SIGTERM)
        with trio.fail_after(30):
            assert await process.wait() == 0

    run_worker(tmp_path, scenario, backend=backend)


def test_a_worker_whose_engine_refuses_it_says_why(tmp_path):
    async def scenario(process: trio.Process, engine: ScriptedEngine) -> None:
        await engine.refuse_hello("unauthorized", "this token is not known")
        assert await process.wait() == 1

    records = run_worker(tmp_path, scenario)
    assert "this token is not known" in records[-1].message


def test_a_script_that_does_not_load_exits_with_3_and_a_report(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("import callflow\ncallflow.nothing\n")
    result = subprocess.run(
        [sys.executable, "-m", "callflow.runtime.worker", "x", str(path), "nowhere"],
        capture_output=True, timeout=90, check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout) == (3, b"")
    record = read_record(result.stderr.splitlines()[-1])
    assert record is not None
    assert f"{path}:2: AttributeError" in record.message
    assert "callflow.nothing" in record.traceback


def test_wrong_arguments_exit_with_2(tmp_path):
    result = subprocess.run(
        [sys.executable, "-m", "callflow.runtime.worker"], capture_output=True, timeout=90, check=False
    )
    assert result.returncode == 2
    assert b"usage:" in result.stderr


def test_a_spare_ends_with_whoever_started_it():
    result = subprocess.run(
        [sys.executable, "-m", "callflow.runtime.worker", "--spare"], input=b"", capture_output=True, timeout=90,
        check=False,
    )  # fmt: skip
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")
