"""What an engine imports when it starts: nothing that only some configurations need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

START = """
import json, sys
from dataclasses import replace
from pathlib import Path
from callflow.cli.main import run_command
from callflow.cli.plain import read
folder = Path(sys.argv[1])
start = read(["serve", "--config", str(folder / "callflow.toml"), "--data", str(folder)])
import trio
from engine.app import serve
from engine.config import load

async def main():
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, replace(load(start.config), data=start.data))
        print(json.dumps(sorted(sys.modules)))
        nursery.cancel_scope.cancel()

trio.run(main)
"""
CONFIG = """
[sip]
listen = ["udp:127.0.0.1:0"]
[rtp]
address = "127.0.0.1"
[socket]
listen = "127.0.0.1:0"
"""


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> frozenset[str]:
    """Those of an engine of no apps that is ready."""
    folder = tmp_path_factory.mktemp("start")
    (folder / "callflow.toml").write_text(CONFIG)
    said = subprocess.run(
        [sys.executable, "-c", START, folder], capture_output=True, text=True, check=True, timeout=300
    )
    return frozenset(json.loads(said.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", [
    "asyncpg", "cryptography", "dns", "httpx", "hypothesis", "lupa", "numpy", "opentelemetry", "prometheus_client",
    "psycopg", "pydantic", "sqlalchemy", "typer", "callflow.simulation", "callflow.testing", "callflow.phone",
    "callflow.replay", "callflow.runtime.lua.program", "callflow.runtime.lua.world", "engine.media.fake",
    "engine.telemetry", "engine.eventsocket.esl.door", "engine.scripting.lua", "engine.store.postgresql",
])  # fmt: skip
def test_a_plain_start_does_not_import(modules: frozenset[str], name: str):
    assert not {module for module in modules if module == name or module.startswith(f"{name}.")}


def test_a_plain_start_imports_so_many_of_our_modules_and_no_more(modules: frozenset[str]):
    # Each takes about a third of a millisecond. Who adds more at once writes so here, or imports it when it is used.
    assert len([name for name in modules if name.partition(".")[0] in ("callflow", "engine")]) <= 410
