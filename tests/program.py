"""Programs not ours, as processes: told by lines what to do, they tell by lines what happened."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import trio


class Program:
    """A running program."""

    def __init__(self, process: trio.Process) -> None:
        self.process = process
        self._rest = b""

    async def tell(self, line: str) -> None:
        """Let it do something."""
        assert self.process.stdin is not None
        await self.process.stdin.send_all(f"{line}\n".encode())

    async def line(self) -> str:
        """The next line that it prints; empty at the end."""
        assert self.process.stdout is not None
        while b"\n" not in self._rest:
            data = await self.process.stdout.receive_some()
            if not data:
                return self._rest.decode()
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def run_program(command: Sequence[str], environment: Mapping[str, str]) -> AsyncIterator[Program]:
    """Start it, with these variables besides ours; it is killed at the end."""
    process = await trio.lowlevel.open_process(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **environment}
    )
    try:
        yield Program(process)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                await stream.aclose()
