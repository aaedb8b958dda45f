"""Clients of FreeSWITCH's, as they are installed, against a running engine with real calls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from engine.config import Route
from tests.interop.terminal import terminal
from tests.trio_tests import run_within

from .place import PASSWORD, place, registered

PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = Path(sys.prefix) / "clients"  # they have a place of their own: `make .venv/clients.stamp`
GENESIS = CLIENTS / "bin" / "python"
NODE = "node"
INSTALLED = pytest.mark.skipif(not CLIENTS.exists(), reason="the clients are not installed: make .venv/clients.stamp")


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
    runs_in = [NODE] if name.endswith(".cjs") else [GENESIS if name.startswith("genesis") else sys.executable, "-u"]
    process = await trio.lowlevel.open_process(
        [*map(str, runs_in), str(PROGRAMS / name), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(CLIENTS / "node_modules")},
    )
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


@INSTALLED
@pytest.mark.parametrize("name", ["genesis_outbound.py", "modesl_outbound.cjs", "esl_outbound.cjs"])
@run_within(60)
async def test_a_client_is_dialled_for_a_call_plays_and_hangs_up(tmp_path: Path, name: str):
    async with program(name) as client:
        port = (await client.line()).split()[1]
        routes = [Route(to=".*", socket=f"esl://127.0.0.1:{port}?async&full")]
        async with place(tmp_path, routes=routes) as running, terminal() as guest:
            call = await running.call(guest, "1000")
            assert (await client.line()).startswith("played to guest")
            await call.wait_ended()


@INSTALLED
@run_within(60)
async def test_genesis_originates_a_call_plays_and_hangs_up(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        async with program("genesis_inbound.py", *map(str, running.address), PASSWORD) as client:
            assert await client.line() == "hello"
            phone = await desk.wait_call()
            phone.answer()
            assert [await client.line() for _ in range(2)] == ["played", "hung up"]
            await phone.wait_ended()


@INSTALLED
@run_within(60)
async def test_modesl_runs_a_job_and_plays_to_a_parked_call(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        async with program("modesl_inbound.cjs", *map(str, running.address), PASSWORD) as client:
            assert [await client.line() for _ in range(3)] == ["hello", "from a job", "ready"]
            call = await running.call(guest, "1000")
            assert [await client.line() for _ in range(2)] == ["FILE PLAYED", "NORMAL_CLEARING"]
            await call.wait_ended()
            assert await client.process.wait() == 0


@INSTALLED
@run_within(60)
async def test_esl_originates_a_call_by_a_job_plays_and_hangs_up(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        async with program("esl_inbound.cjs", *map(str, running.address), PASSWORD) as client:
            assert await client.line() == "hello"
            phone = await desk.wait_call()
            phone.answer()
            assert [await client.line() for _ in range(2)] == ["+OK mine", "FILE PLAYED"]
            await phone.wait_ended()
