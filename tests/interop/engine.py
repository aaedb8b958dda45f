"""The engine as its user starts it: a process of its own, found by what it says and by its notes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trio

PASSWORDS = {"alice": "wonderland-7", "desk": "mahogany-8", "mobile": "pocket-9"}
CONFIG = """\
[sip]
listen = ["udp:127.0.0.1:0", "tcp:127.0.0.1:0"]
[rtp]
address = "127.0.0.1"
ports = "{ports}"
[socket]
listen = "127.0.0.1:0"
{users}
[[app]]
name = "script"
script = "{script}"
"""


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """A running engine."""

    process: trio.Process
    data: Path
    udp: tuple[str, int]
    tcp: tuple[str, int]
    socket: str

    @property
    def token(self) -> str:
        return (self.data / "token").read_text().strip()

    @property
    def log(self) -> str:
        return (self.data / "log.txt").read_text()

    async def command(self, *arguments: str, check: bool = True) -> str:
        """Run `callflow ARGUMENTS` against this engine; what it printed."""
        done = await trio.run_process(
            [sys.executable, "-m", "callflow.cli", *arguments], capture_stdout=True, capture_stderr=True,
            check=False, env=_environment(self.data),
        )  # fmt: skip
        output = done.stdout.decode() + done.stderr.decode()
        assert done.returncode == 0 or not check, f"callflow {arguments} ended with {done.returncode}:\n{output}"
        return done.stdout.decode()

    async def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """What a listing command says, as JSON."""
        listing: list[dict[str, Any]] = json.loads(await self.command(*arguments, "--json"))
        return listing


@asynccontextmanager
async def engine(folder: Path, script: Path, *, ports: str = "30000-39999") -> AsyncIterator[RunningEngine]:
    """An engine with the users of PASSWORDS that runs a script. On exit it is asked to stop, and must."""
    data = folder / "data"
    data.mkdir(parents=True)
    users = "\n".join(f'[[user]]\nname = "{name}"\npassword = "{PASSWORDS[name]}"' for name in PASSWORDS)
    config = folder / "callflow.toml"
    config.write_text(CONFIG.format(users=users, script=script, ports=ports))
    command = [sys.executable, "-m", "callflow.cli", "serve", "--config", str(config), "--data", str(data)]
    with (data / "log.txt").open("wb") as log:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=_environment(data)
        )
        try:
            assert process.stdout is not None
            said = b""
            async for chunk in process.stdout:
                said += chunk
                if b"is ready" in said and said.endswith(b"\n"):
                    break
            else:
                raise AssertionError(f"the engine did not start:\n{said.decode()}\n{(data / 'log.txt').read_text()}")
            note = json.loads((data / "engine.json").read_text())
            udp, tcp = (_address(place) for place in note["sip"])
            yield RunningEngine(process, data, udp, tcp, note["socket"])
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(10):
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)
                await process.wait()
            if process.poll() is None:
                process.kill()
                await process.wait()
                raise AssertionError(f"the engine did not stop:\n{(data / 'log.txt').read_text()}")


def _address(place: str) -> tuple[str, int]:
    _, host, port = place.rsplit(":", 2)
    return host, int(port)


def _environment(data: Path) -> dict[str, str]:
    """Nothing of the user's own is found or touched."""
    return {**os.environ, "CALLFLOW_DATA": str(data), "XDG_STATE_HOME": str(data / "state"), "NO_COLOR": "1"}
