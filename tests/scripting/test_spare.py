"""The worker that waits for a script: real processes."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import trio

from callflow.runtime.spare import Assignment
from engine.scripting.spare import Spare
from tests.interop.process import is_running, until
from tests.runtime.test_worker import TrioStream
from tests.sdk.scripted_engine import ScriptedEngine
from tests.trio_tests import run_trio, run_virtual

SCRIPT = """
import os
from pathlib import Path
from callflow import App, Call
assert os.readlink("/proc/self/fd/0") == "/dev/null"
assert b"secret" not in Path("/proc/self/environ").read_bytes() + Path("/proc/self/cmdline").read_bytes()
assert os.getpgid(0) == os.getpid()
app = App("x")
@app.route("1000")
async def x(call: Call) -> None:
    await call.answer()
"""


@asynccontextmanager
async def kept_spare() -> AsyncIterator[Spare]:
    spare = Spare()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spare.run)
        await until(lambda: spare.pid)
        yield spare
        nursery.cancel_scope.cancel()


async def end(process: trio.Process) -> None:
    process.kill()
    await process.wait()
    assert process.stdout is not None
    await process.stdout.aclose()


@run_trio
async def test_a_spare_becomes_the_worker_of_the_script_that_it_is_told(tmp_path: Path):
    script = tmp_path / "x.py"
    script.write_text(SCRIPT)
    with trio.socket.socket(trio.socket.AF_UNIX) as listening:
        await listening.bind(str(tmp_path / "socket"))
        listening.listen()
        async with kept_spare() as spare:
            waiting = spare.pid
            process = await spare.take(Assignment("x", str(script), str(tmp_path / "socket"), "secret"))
            assert process is not None
            assert process.pid == waiting
            connection, _ = await listening.accept()
            with connection:
                hello = await ScriptedEngine(TrioStream(trio.SocketStream(connection))).greet()
            assert (hello.app, hello.token, hello.pid) == ("x", "secret", waiting)
            assert Path(f"/proc/{waiting}/comm").read_text() == "cf-x\n"
            await end(process)


@run_trio
async def test_a_spare_that_was_taken_is_replaced(tmp_path: Path):
    async with kept_spare() as spare:
        first = spare.pid
        process = await spare.take(Assignment("x", str(tmp_path / "nothing.py"), "", ""))
        assert process is not None
        await until(lambda: spare.pid)
        assert spare.pid != first
        assert await process.wait() == 3  # there is no such script
        await end(process)


@run_trio
async def test_a_spare_that_has_died_is_not_given_away_and_is_replaced():
    async with kept_spare() as spare:
        dead = spare.pid
        assert dead is not None
        os.kill(dead, signal.SIGKILL)
        await until(lambda: not is_running(dead))
        assert await spare.take(Assignment("x", "", "", "")) is None
        assert not Path(f"/proc/{dead}").exists()
        await until(lambda: spare.pid)


@dataclass
class Waiting:
    """What a spare needs of a process."""

    pid: int
    stdin: None = None
    stdout: None = None

    def kill(self) -> None:
        self.pid = 0

    async def wait(self) -> int:
        return -9


@run_virtual
async def test_one_that_is_asked_for_while_it_starts_is_not_started_twice():
    started: list[Waiting] = []
    may_start = trio.Event()

    async def start() -> Waiting:
        await may_start.wait()
        started.append(Waiting(pid=len(started) + 1))
        return started[-1]

    spare = Spare(start)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spare.run)
        await trio.sleep(1)
        assert await spare.take(Assignment("x", "", "", "")) is None
        may_start.set()
        await trio.sleep(60)
        assert started == [Waiting(1)]
        nursery.cancel_scope.cancel()
    assert started == [Waiting(0)]


@run_trio
async def test_a_spare_is_gone_when_nobody_keeps_it_any_more():
    async with kept_spare() as spare:
        pid = spare.pid
    assert not Path(f"/proc/{pid}").exists()


@run_trio
async def test_one_that_was_begun_and_not_taken_is_gone_at_the_end():
    spare = Spare()
    await spare.begin()
    pid = spare.pid
    await spare.begin()  # one waits already
    assert spare.pid == pid
    await spare.end()
    assert spare.pid is None
    assert not Path(f"/proc/{pid}").exists()
