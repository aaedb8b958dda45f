"""JsSIP, the library of phones in web pages, as a process: told by lines what to do, it tells what happened."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

PROGRAM = Path(__file__).with_name("jssip.cjs")
CLIENTS = Path(sys.prefix) / "clients"
INSTALLED = pytest.mark.skipif(
    not (CLIENTS / "node_modules" / "jssip").exists(), reason="JsSIP is not installed: make .venv/clients.stamp"
)


class WebPhone:
    """A running phone."""

    def __init__(self, process: trio.Process) -> None:
        self._process = process
        self._rest = b""

    async def tell(self, line: str) -> None:
        """Let it do something."""
        assert self._process.stdin is not None
        await self._process.stdin.send_all(f"{line}\n".encode())

    async def line(self) -> str:
        """What happened next; empty at its end."""
        assert self._process.stdout is not None
        while b"\n" not in self._rest:
            data = await self._process.stdout.receive_some()
            if not data:
                return self._rest.decode()
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()


@asynccontextmanager
async def web_phone(url: str, user: str, password: str, *, ca: Path | None = None) -> AsyncIterator[WebPhone]:
    """A phone that registers; it is killed at the end. `ca`: whose certificates it trusts besides."""
    trusting = {"NODE_EXTRA_CA_CERTS": str(ca)} if ca is not None else {}
    process = await trio.lowlevel.open_process(
        ["node", str(PROGRAM), url, user, password],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "NODE_PATH": str(CLIENTS / "node_modules"), **trusting},
    )
    try:
        yield WebPhone(process)
    finally:
        with trio.CancelScope(shield=True):
            process.kill()
            await process.wait()
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                await stream.aclose()
