"""The app that is dialled: the flow of both twins, and calls of a real engine. Run with `pytest examples/outbound`."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest
import trio

from callflow import ChannelEnded, Played
from callflow.client import Engine, connect
from callflow.protocol.events import ChannelAnswered, Event, PlaybackFinished
from callflow.testing import Simulation
from tests.interop.engine import RunningEngine, engine
from tests.trio_tests import run_trio

EventT = TypeVar("EventT", bound=Event)

twins = pytest.mark.parametrize("simulation", ["outbound.py", "outbound.lua"], indirect=True)
HERE = Path(__file__).parent
TABLES = (HERE / "callflow.toml").read_text()


@twins
async def test_an_order_that_is_unknown_is_asked_for_again(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("5000")
    await caller.hears("order.wav")
    caller.press("99")
    await caller.heard("unknown.wav")
    await caller.hears("order.wav")
    caller.press("12")
    await caller.heard("parcels.wav")
    await caller.ended()


@twins
async def test_who_keys_nothing_is_asked_three_times(simulation: Simulation) -> None:
    caller = simulation.phone("caller")
    caller.call("5000")
    for _ in range(3):
        await caller.heard("unknown.wav")
    await caller.ended()


@run_trio
async def test_an_order_s_parcels_are_told_with_the_app_s_own_prompts(tmp_path: Path) -> None:
    async with outbound() as (_, port), engine_for(port, tmp_path) as running, watching(running) as link:
        done = await running.run("dial", "5000", "--press", "12", "--socket", running.socket)
        assert done.code == 0, done.output + done.errors
        outcome = (await happening(link, PlaybackFinished)).outcome
        assert isinstance(outcome, Played)
        assert outcome.reason == "completed"
        with wave.open(str(HERE / "prompts" / "parcels.wav")) as prompt:
            assert outcome.heard_ms > 1000 * prompt.getnframes() / prompt.getframerate()
        assert (await happening(link, ChannelEnded)).ended_by == "app"


@run_trio
async def test_calls_of_an_app_that_is_killed_end_and_the_next_is_refused(tmp_path: Path) -> None:
    async with outbound() as (app, port), engine_for(port, tmp_path) as running, watching(running) as link:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.run, "dial", "5000", "--socket", running.socket)
            await happening(link, ChannelAnswered)
            app.kill()
            assert (await happening(link, ChannelEnded)).cause_name == "temporary_failure"
        done = await running.run("dial", "5000", "--socket", running.socket)
        assert done.code == 1
        assert "503" in done.output + done.errors


async def happening(link: Engine, kind: type[EventT]) -> EventT:
    """The next event of that kind."""
    async for _, event in link.events():
        if isinstance(event, kind):
            return event
    raise AssertionError("events do not end")


def engine_for(port: int, folder: Path) -> AbstractAsyncContextManager[RunningEngine]:
    """An engine with this example's configuration, but for the port."""
    return engine(folder, tables=TABLES.replace("7500", str(port)))


@asynccontextmanager
async def watching(running: RunningEngine) -> AsyncGenerator[Engine, None]:
    async with connect(running.socket, token=running.token, subscribe=["*"]) as link:
        yield link


@asynccontextmanager
async def outbound() -> AsyncGenerator[tuple[trio.Process, int], None]:
    """The app, as a process of its own, and where it listens."""
    process = await trio.lowlevel.open_process(
        [sys.executable, str(HERE / "outbound.py"), "--port", "0"], stdout=subprocess.PIPE,
        env={**os.environ, "OUTBOUND_TOKEN": "change-me"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = b""
        while not said.endswith(b"/\n"):
            said += await process.stdout.receive_some()
        yield process, int(said.decode().rsplit(":", 1)[1].strip("/\n"))
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
