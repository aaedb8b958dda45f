"""The monitor, killed while calls come and go: a real engine, real calls. Run with `pytest examples/monitor`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec
import trio

from callflow.client import connect
from tests.interop.engine import RunningEngine, engine
from tests.trio_tests import run_trio

HERE = Path(__file__).parent
SCRIPT = HERE.parent / "ivr" / "ivr.py"


@run_trio
async def test_a_killed_monitor_is_right_again_and_has_counted_each_call_once(tmp_path: Path) -> None:
    seen = tmp_path / "calls.json"
    async with engine(tmp_path, SCRIPT) as running, AsyncExitStack() as calls:
        async with monitor(running, seen) as first:
            await calls.enter_async_context(call(running))
            async with call(running):
                await wait_until_true(running, seen, calls=2, ended=0)
                first.kill()
                await first.wait()
            await calls.enter_async_context(call(running))
            async with call(running):
                pass
        async with monitor(running, seen):
            await wait_until_true(running, seen, calls=2, ended=2)
            async with call(running):
                await wait_until_true(running, seen, calls=3, ended=2)
            await wait_until_true(running, seen, calls=2, ended=3)
        assert read(seen).begun == 5


@run_trio
async def test_the_events_of_another_engine_are_not_taken_for_those_of_the_first(tmp_path: Path) -> None:
    seen = tmp_path / "calls.json"
    async with engine(tmp_path / "one", SCRIPT) as running, monitor(running, seen), call(running):
        await wait_until_true(running, seen, calls=1, ended=0)
    async with engine(tmp_path / "two", SCRIPT) as running, call(running), monitor(running, seen):
        await wait_until_true(running, seen, calls=1, ended=None)


class Seen(msgspec.Struct):
    """What the monitor keeps, as far as this test looks at it."""

    calls: dict[str, dict[str, object]] = {}
    begun: int = 0
    ended: int = 0


def read(path: Path) -> Seen:
    return msgspec.json.decode(path.read_bytes(), type=Seen) if path.exists() else Seen()


async def wait_until_true(running: RunningEngine, path: Path, *, calls: int, ended: int | None) -> None:
    """Wait until the monitor's table is the engine's own list, with so many calls, and so many ended before."""
    async with connect(running.socket, token=running.token) as link:
        while True:
            seen, live = read(path), {channel.id: channel.state for channel in await link.channels()}
            shown = {id: line["state"] for id, line in seen.calls.items()}
            if len(live) == calls and shown == live and ended in (None, seen.ended):
                return
            await trio.sleep(0.02)


@asynccontextmanager
async def monitor(running: RunningEngine, path: Path) -> AsyncGenerator[trio.Process, None]:
    """The monitor, as a process of its own, until the block ends."""
    command = [sys.executable, str(HERE / "monitor.py"), "--socket", running.socket, "--state", str(path)]
    process = await trio.lowlevel.open_process(command, env={**os.environ, "CALLFLOW_TOKEN": running.token})
    try:
        yield process
    finally:
        await end(process)


@asynccontextmanager
async def call(running: RunningEngine) -> AsyncGenerator[None, None]:
    """A call to 1001, answered when the block begins and over when it has ended."""
    command = [sys.executable, "-m", "callflow.cli", "dial", "1001", "--socket", running.socket, "--json"]
    environment = {**os.environ, "CALLFLOW_DATA": str(running.data), "XDG_STATE_HOME": str(running.data / "state")}
    process = await trio.lowlevel.open_process(command, stdout=subprocess.PIPE, env=environment)
    try:
        assert process.stdout is not None
        said = b""
        while b"answered" not in said:
            said += await process.stdout.receive_some()
        yield
    finally:
        process.send_signal(signal.SIGINT)
        await end(process, within=60)


async def end(process: trio.Process, *, within: float = 0) -> None:
    """Let it end, for so many seconds; then kill it."""
    with trio.CancelScope(shield=True):
        with trio.move_on_after(within):
            await process.wait()
        process.kill()
        await process.wait()
