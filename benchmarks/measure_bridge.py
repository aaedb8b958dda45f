"""What a call costs that an app dials on and bridges, without media, and how many of them an engine takes."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import trio

from . import script
from .bench import Bench
from .engine import free_port, running_engine
from .figure import Figure
from .load_signalling import LoadFailed
from .measure_calls import measure_calls_to
from .process import on_core


async def measure(bench: Bench) -> list[Figure]:
    """Rate and cost, by a script worker: two legs a call, and a bridge of them."""
    async with _callees(bench) as (port, process), running_engine(bench) as engine:
        number = script.BRIDGE.format(port=port)
        return await measure_calls_to(bench, replace(engine, called=process.pid), number, "dialled on and bridged")


@asynccontextmanager
async def _callees(bench: Bench) -> AsyncIterator[tuple[int, trio.Process]]:
    """SIPp that answers every call at once, and sends nothing: its port and its process."""
    program = shutil.which("sipp")
    if program is None:
        raise LoadFailed("sipp is not installed: apt-get install sip-tester")
    port = free_port()
    command = [program, "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin"]
    process = await trio.lowlevel.open_process(
        on_core(bench.cores.load, command), cwd=Path(mkdtemp(prefix="callees-", dir=bench.folder)),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield port, process
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
