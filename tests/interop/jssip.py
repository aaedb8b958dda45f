"""JsSIP, the library of phones in web pages, as a process: told by lines what to do, it tells what happened."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.program import Program, run_program

PROGRAM = Path(__file__).with_name("jssip.cjs")
CLIENTS = Path(sys.prefix) / "clients"
INSTALLED = pytest.mark.skipif(
    not (CLIENTS / "node_modules" / "jssip").exists(), reason="JsSIP is not installed: make .venv/clients.stamp"
)


@asynccontextmanager
async def web_phone(url: str, user: str, password: str, *, ca: Path | None = None) -> AsyncIterator[Program]:
    """A phone that registers; it is killed at the end. `ca`: whose certificates it trusts besides."""
    trusting = {"NODE_EXTRA_CA_CERTS": str(ca)} if ca is not None else {}
    modules = {"NODE_PATH": str(CLIENTS / "node_modules")}
    async with run_program(["node", str(PROGRAM), url, user, password], modules | trusting) as phone:
        yield phone
