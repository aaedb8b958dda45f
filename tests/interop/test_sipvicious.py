"""sipvicious, which asks for users: of a running engine it learns nothing about them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import trio

from tests.ports import free_ports
from tests.trio_tests import run_trio

from .engine import RunningEngine, engine
from .places import CALLS

USERS, STRANGERS = ("alice", "desk"), ("nobody", "1000")
TABLES = """
[[route]]
to = "3001"
app = "calls"
from = ["anyone"]
[[route]]
to = "2.*"
app = "calls"
from = ["users"]
"""


async def sipvicious(folder: Path, engine: RunningEngine, tool: str, *arguments: str) -> str:
    """Run a tool to its end; what it printed."""
    folder.mkdir()
    first, _ = free_ports(1)
    done = await trio.run_process(
        [
            sys.executable, "-W", "ignore", "-m", f"sipvicious.{tool}", "-p", str(engine.udp[1]),
            "-P", str(first), "-b", "127.0.0.1", "-x", "127.0.0.1", *arguments, "127.0.0.1",
        ],
        capture_stdout=True, stderr=-2, check=False, cwd=folder, env={**os.environ, "HOME": str(folder)},
    )  # fmt: skip
    return done.stdout.decode(errors="replace")


def verdicts(printed: str) -> dict[str, str]:
    """What svwar says of each name, of its table."""
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in printed.splitlines() if line.startswith("|")]
    return dict(rows[1:])  # below its head


@run_trio
async def test_sipvicious_learns_nothing_about_users(tmp_path: Path):
    """A user and a name that nobody has look alike, whatever it asks by, also where some numbers are for anyone."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join([*USERS, *STRANGERS, *("last" for _ in range(2))]) + "\n")  # it waits for no last answer
    printed: dict[str, str] = {}
    async with engine(tmp_path / "engine", CALLS, tables=TABLES) as running, trio.open_nursery() as nursery:

        async def scan(method: str) -> None:
            arguments = ("-m", method, "--force", "-t", "0.5", "-d", str(names))
            printed[method] = await sipvicious(tmp_path / method, running, "svwar", *arguments)

        nursery.start_soon(scan, "REGISTER")
        nursery.start_soon(scan, "INVITE")
    for method, text in printed.items():
        told = verdicts(text)
        assert len({told.get(name) for name in (*USERS, *STRANGERS)}) == 1, f"{method}:\n{text}"
        assert told or "found nothing" in text, f"{method}:\n{text}"  # it got answers
