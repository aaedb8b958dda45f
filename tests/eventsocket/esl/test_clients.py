"""Clients of FreeSWITCH's, as they are installed, against a running engine with real calls."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.config import Route
from tests.interop.terminal import terminal
from tests.program import Program, run_program
from tests.trio_tests import run_within

from .ears import listening
from .place import PASSWORD, place, registered

PROGRAMS = Path(__file__).parent / "programs"
CLIENTS = Path(sys.prefix) / "clients"  # they have a place of their own: `make .venv/clients.stamp`
GENESIS = CLIENTS / "bin" / "python"
NODE = "node"
INSTALLED = pytest.mark.skipif(not CLIENTS.exists(), reason="the clients are not installed: make .venv/clients.stamp")


@asynccontextmanager
async def program(name: str, *arguments: str) -> AsyncIterator[Program]:
    """A program of this folder; killed at the end."""
    runs_in = [NODE] if name.endswith(".cjs") else [GENESIS if name.startswith("genesis") else sys.executable, "-u"]
    command = [*map(str, runs_in), str(PROGRAMS / name), *arguments]
    async with run_program(command, {"NODE_PATH": str(CLIENTS / "node_modules")}) as client:
        yield client


CLIENT_NAMES = ["greenswitch", "genesis", "modesl", "esl"]
SUFFIXES = {"greenswitch": "py", "genesis": "py", "modesl": "cjs", "esl": "cjs"}


@INSTALLED
@pytest.mark.parametrize("name", CLIENT_NAMES)
@run_within(60)
async def test_a_client_follows_plays_asks_bridges_and_originates(tmp_path: Path, name: str):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        host, port = running.address
        async with program(f"{name}_inbound.{SUFFIXES[name]}", host, str(port), PASSWORD) as client:
            assert await client.line() == "ready"
            call = await running.call(guest, "1000")
            assert [await client.line() for _ in range(2)] == ["FILE PLAYED", "asking"]
            call.press("42#")
            assert await client.line() == "digits 42"
            phone = await desk.wait_call()
            phone.answer()
            assert await client.line() == "bridged"
            if name == "genesis":  # it originates whom it bridges with
                assert await client.line() == "hung up"
            else:
                phone.hang_up()
                second = await desk.wait_call()
                second.answer()
                assert (await client.line()).startswith("originated")
                await second.wait_ended()
            assert await client.line() == "NORMAL_CLEARING"
            await call.wait_ended()
            assert await client.process.wait() == 0


@INSTALLED
@pytest.mark.parametrize("name", CLIENT_NAMES)
@run_within(60)
async def test_a_client_is_dialled_plays_asks_bridges_and_hangs_up(tmp_path: Path, name: str):
    async with program(f"{name}_outbound.{SUFFIXES[name]}") as client:
        port = (await client.line()).split()[1]
        routes = [Route(to=".*", socket=f"esl://127.0.0.1:{port}?async&full")]
        async with (
            place(tmp_path, routes=routes) as running,
            terminal() as guest,
            registered(running, "desk") as desk,
        ):
            call = await running.call(guest, "1000")
            assert [await client.line() for _ in range(2)] == ["caller guest uuid True", "played"]
            call.press("7")
            assert await client.line() == "digits 7"
            phone = await desk.wait_call()
            phone.answer()
            assert await phone.wait_answered()
            phone.hang_up()
            assert await client.line() == "parted"
            await call.wait_ended()


@INSTALLED
@run_within(60)
async def test_a_client_has_a_call_streamed_and_reads_what_is_said_in_it(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, listening() as ears:
        host, port = running.address
        async with program("greenswitch_fork.py", host, str(port), PASSWORD, ears.url) as client:
            assert await client.line() == "ready"
            call = await running.call(guest, "1000")
            assert await client.line() == "+OK Success"
            ear = await ears.accept()
            assert await ear.text() == '{"for": "greenswitch"}'
            await ear.say('{"type": "transcription", "data": {"text": "hello"}}')
            assert await client.line() == 'True {"text":"hello"}'
            assert await ear.text() == "enough"
            await call.wait_ended()
            assert await client.process.wait() == 0
