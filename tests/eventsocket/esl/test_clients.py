"""Clients of FreeSWITCH's, as they are installed, against a running engine with real calls."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from engine.config import Route
from tests.interop.terminal import terminal
from tests.trio_tests import run_within

from .place import PASSWORD, place

PROGRAMS = Path(__file__).parent / "programs"


class Program:
    """A running program, and the lines that it prints."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._rest = b""

    async def line(self) -> str:
        """The next line; empty at the end."""
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            data = await self.process.stdout.receive_some()
            if not data:
                return self._rest.decode()
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[Program]:
    """A program of this folder; killed at the end."""
    command = [sys.executable, "-u", str(PROGRAMS / name), *arguments]
    process = await trio.lowlevel.open_process(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        yield Program(process)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            assert process.stdout is not None
            await process.stdout.aclose()


@run_within(60)
async def test_greenswitch_steers_a_parked_call(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        host, port = running.address
        async with program("greenswitch_inbound.py", host, str(port), PASSWORD) as client:
            assert await client.line() == "ready"
            call = await running.call(guest, "1000")
            assert [await client.line() for _ in range(4)] == ["true", "FILE PLAYED", "+OK", "NORMAL_CLEARING"]
            await call.wait_ended()
            assert await client.process.wait() == 0


@run_within(60)
async def test_greenswitch_is_dialled_for_a_call_and_asks_for_a_digit(tmp_path: Path):
    async with program("greenswitch_outbound.py") as client:
        port = (await client.line()).split()[1]
        routes = [Route(to=".*", socket=f"esl://127.0.0.1:{port}?async&full")]
        async with place(tmp_path, routes=routes) as running, terminal() as guest:
            call = await running.call(guest, "1000")
            assert await client.line() == "caller guest uuid True"
            assert await call.wait_answered()
            assert await call.wait_sound()
            call.press("7")
            assert await client.line() == "chosen 7"
            await call.wait_ended()
