"""What an engine imports when it starts: nothing that only some configurations need."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

START = """
import json, sys, trio
from dataclasses import replace
from pathlib import Path
from callflow.cli.run import load
from engine.app import serve

async def main():
    folder = Path(sys.argv[1])
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, replace(load(folder / "callflow.toml"), data=folder))
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
    "asyncpg", "cryptography", "httpx", "hypothesis", "numpy", "opentelemetry", "prometheus_client", "psycopg",
    "sqlalchemy", "callflow.simulation", "callflow.testing", "callflow.phone", "callflow.replay", "engine.media.fake",
    "engine.telemetry", "engine.eventsocket.esl.door", "engine.store.postgresql",
])  # fmt: skip
def test_a_plain_start_does_not_import(modules: frozenset[str], name: str):
    assert not {module for module in modules if module == name or module.startswith(f"{name}.")}
