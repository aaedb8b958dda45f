"""`callflow top` in a terminal, at an engine with calls, over a connection that is lost and comes back."""

from __future__ import annotations

import fcntl
import os
import re
import struct
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trio

from tests.interop.engine import engine, run_callflow
from tests.interop.terminal import terminal
from tests.interop.watch import watch
from tests.ledger.link import Link
from tests.trio_tests import run_trio

TOP = [sys.executable, "-m", "callflow.cli", "top"]
READER = 'tokens = [{ name = "eye", token = "of-the-eye", scopes = ["read"] }, { name = "all", token = "of-all", ' + (
    'scopes = ["read", "calls:own", "calls:any", "admin"] }]'
)
SCRIPT = """
from callflow import App, Call

app = App("echo")

@app.route("1000")
async def echo(call: Call) -> None:
    await call.answer()
    await call.echo()

@app.route("1001")
async def wrong(call: Call) -> None:
    await call.answer()
    raise RuntimeError("out of cheese")
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "echo.py"
    path.write_text(SCRIPT)
    return path


class Terminal:
    """What a program in it has drawn, and its keyboard."""

    def __init__(self, master: int, process: trio.Process) -> None:
        self.process = process
        self._master = master
        self._said = ""

    async def shows(self, *wanted: str) -> None:
        """Wait for a picture that is drawn from here on and has all of that."""
        self._said = ""
        while not any(all(text in picture for text in wanted) for picture in self._pictures()):
            assert await self._read(), f"the terminal was left:\n{self._said}"

    def press(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def resize(self, *, lines: int, columns: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    async def ends(self) -> int:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._drain)
            code = await self.process.wait()
            nursery.cancel_scope.cancel()
        return code

    def _pictures(self) -> list[str]:
        """Those that are complete: the next one has begun."""
        return [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", part) for part in self._said.split("\x1b[H")[1:-1]]

    async def _drain(self) -> None:
        while await self._read():
            pass

    async def _read(self) -> bool:
        """False: the program has left the terminal."""
        await trio.lowlevel.wait_readable(self._master)
        try:
            self._said += os.read(self._master, 65536).decode("utf-8", "replace")
        except OSError:
            return False
        return True


@asynccontextmanager
async def opened(*arguments: str, folder: Path) -> AsyncIterator[Terminal]:
    """`callflow top` in a terminal of 30 lines."""
    master, slave = os.openpty()
    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
        variables = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment = {**variables, "TERM": "xterm", "CALLFLOW_DATA": str(folder), "XDG_STATE_HOME": str(folder)}
        try:
            process = await trio.lowlevel.open_process(
                [*TOP, *arguments], stdin=slave, stdout=slave, stderr=slave, env=environment
            )
        finally:
            os.close(slave)  # a program that ends leaves its terminal
        try:
            yield Terminal(master, process)
        finally:
            process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
            assert termios.tcgetattr(master)[3] & termios.ECHO  # the terminal is as it was
    finally:
        os.close(master)


@run_trio
async def test_it_shows_calls_errors_and_rates_sorts_by_keys_and_comes_back_after_a_lost_connection(
    tmp_path: Path, script: Path
):
    async with engine(tmp_path / "engine", script, socket=READER) as running, trio.open_nursery() as nursery:
        (running.data / "token").write_text("of-all")
        link = Link(("127.0.0.1", urlsplit(running.socket).port or 0))
        await nursery.start(link.run)
        through = ["--socket", f"ws://127.0.0.1:{link.port}/v1/socket", "--token", "of-the-eye"]
        async with terminal("alice") as alice, watch(running) as seen, opened(*through, folder=tmp_path) as screen:
            first = await alice.call(running.sip("1000"))
            await seen.wait("channel.answered")
            await screen.shows("callflow/", "cpu", "lag", "1 leg up", "alice", "1000", "echo", "answered", "longest")
            screen.press("s")
            await screen.shows("newest")
            screen.press("r")
            await screen.shows("newest reversed")
            await alice.call(running.sip("1001"))
            await screen.shows("RuntimeError: out of cheese", "2 answered")
            link.target, target = ("127.0.0.1", 1), link.target
            link.cut(is_silent=False)
            await screen.shows("no connection:", "alice")
            first.hang_up()
            await seen.wait("channel.ended", count=2)
            link.target = target
            await screen.shows("0 legs up", "2 answered", "RuntimeError")
            screen.resize(lines=12, columns=60)
            screen.press("q")
            assert await screen.ends() == 0
        nursery.cancel_scope.cancel()


@run_trio
async def test_once_it_prints_one_picture_for_scripts(tmp_path: Path, script: Path):
    async with engine(tmp_path / "engine", script) as running, watch(running) as seen, terminal("alice") as alice:
        await alice.call(running.sip("1000"))
        await seen.wait("channel.answered")
        lines = (await running.command("top", "--once")).splitlines()
        refused = await running.run("top", "--once", "--token", "wrong")
        piped = await running.run("top")
    assert lines[0].startswith("callflow/")
    assert "1 leg up" in lines[1]
    assert [row.split()[1:5] for row in lines if "alice" in row] == [["answered", "alice", "1000", "echo"]]
    assert "\x1b" not in "".join(lines)
    assert (refused.code, "--token" in refused.errors) == (1, True)
    assert (piped.code, "callflow top --once" in piped.errors) == (1, True)


@run_trio
async def test_an_engine_that_is_not_there_is_told(tmp_path: Path):
    done = await run_callflow(tmp_path, "top", "--once", "--socket", "ws://127.0.0.1:1/v1/socket")
    assert (done.code, "is the engine running?" in done.errors) == (1, True)
