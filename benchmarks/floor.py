"""The least that the kernel takes for the same packets: `floor.rs`, compiled by the toolchain that the crate needs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Literal

import trio

from .bench import Bench
from .process import on_core

_SOURCE = Path(__file__).with_name("floor.rs")


async def floor_microseconds(bench: Bench, kind: Literal["playback", "relay", "standing"], *, legs: int) -> float:
    """CPU-µs of a packet sent (playback), received and sent (relay), or of a standing leg's second, at our pace."""
    program = bench.folder / "floor"
    if not program.exists():
        await trio.run_process(["rustc", "-O", "--edition", "2021", str(_SOURCE), "-o", str(program)])
    far_side = on_core(bench.cores.load, [str(program)])
    milliseconds = int(1000 * bench.sizes.media_time)
    command = on_core(bench.cores.engine, [str(program), kind, str(legs), str(milliseconds), *far_side])
    done = await trio.run_process(command, stdin=subprocess.DEVNULL, capture_stdout=True)
    return int(done.stdout) / 1e3
