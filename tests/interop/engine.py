"""The engine as its user starts it: a process of its own, found by what it says and by its notes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import trio

PASSWORDS = {"alice": "wonderland-7", "desk": "mahogany-8", "mobile": "pocket-9"}
CONFIG = """\
[sip]
listen = ["udp:127.0.0.1:{udp}", "tcp:127.0.0.1:0"{listener}]
{sip}
[rtp]
address = "127.0.0.1"
ports = "{ports}"
{rtp}
[socket]
listen = "127.0.0.1:0"
{socket}
{tables}"""
# Timers are waited out in virtual time (tests/sip, tests/scenarios). To see one expire on a real wire it is made short.
IMPATIENT = """\
import sys
from engine.sip import timers
timers.T1, timers.T2, timers.T4, timers.GIVE_UP, timers.TIMER_D = 0.1, 0.4, 0.5, 2.0, 2.0
timers.HALF_MESSAGE = 2.0
from tests.interop.tasks import write_on_signal
write_on_signal()
from callflow.cli.main import main
main(sys.argv[1:])
"""
# Nor does a session have to last for a minute and a half before it is refreshed.
SHORT_SESSIONS = """\
import sys
from engine.sip import session_timer
session_timer.MIN_SE, session_timer._MARGIN = 4, 0.1
from callflow.cli.main import main
main(sys.argv[1:])
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """A command of ours that has ended."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """A running engine."""

    process: trio.Process
    data: Path
    udp: tuple[str, int]
    tcp: tuple[str, int]
    socket: str
    tls: tuple[str, int] | None = None
    ports: Mapping[str, int] = field(default_factory=dict)  # by transport

    @property
    def token(self) -> str:
        return (self.data / "token").read_text().strip()

    @property
    def log(self) -> str:
        return (self.data / "log.txt").read_text()

    def sip(self, number: str) -> str:
        """The SIP URI of a number here."""
        return f"sip:{number}@127.0.0.1:{self.udp[1]}"

    async def run(self, *arguments: str) -> Finished:
        """Run `callflow ARGUMENTS` to its end, against this engine where the command asks for one."""
        return await run_callflow(self.data, *arguments)

    async def command(self, *arguments: str) -> str:
        """What a command printed that has to succeed."""
        done = await self.run(*arguments)
        assert done.code == 0, f"callflow {arguments} ended with {done.code}:\n{done.output}{done.errors}"
        return done.output

    async def listed(self, *arguments: str) -> list[dict[str, Any]]:
        """What a listing command says, as JSON."""
        listing: list[dict[str, Any]] = json.loads(await self.command(*arguments, "--json"))
        return listing

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It stands still meanwhile: whatever is done to its files is found done at once."""
        self.process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    async def interrupt(self) -> int:
        """Press Ctrl-C, and wait for the exit code."""
        self.process.send_signal(signal.SIGINT)
        return await self.process.wait()


async def run_callflow(folder: Path, *arguments: str) -> Finished:
    """Run `callflow ARGUMENTS` to its end. `folder` is all it finds of what a user keeps."""
    done = await trio.run_process(
        [sys.executable, "-m", "callflow.cli", *arguments], capture_stdout=True, capture_stderr=True,
        check=False, env=_environment(folder),
    )  # fmt: skip
    return Finished(done.returncode, done.stdout.decode(), done.stderr.decode())


@asynccontextmanager
async def engine(
    folder: Path,
    *scripts: Path,
    ports: str = "30000-39999",
    routes: Mapping[str, str] | None = None,
    tables: str = "",
    socket: str = "",
    sip: str = "",
    rtp: str = "",
    is_impatient: bool = False,
    has_websocket: bool = False,
    has_short_sessions: bool = False,
    udp: int = 0,
) -> AsyncIterator[RunningEngine]:
    """An engine with the users of PASSWORDS, an app for each script, and routes (pattern to app). On exit it must stop.

    `tables`: more of its configuration; `socket`: of its event socket; `sip`: of SIP, which with a certificate speaks
    TLS too; `rtp`: of media. `is_impatient`: SIP gives up on a silent peer after 2 seconds, not 32. `has_websocket`:
    it speaks SIP over WebSocket too. `has_short_sessions`: session timers of 4 seconds are borne, and used to their
    end. `udp`: the port of SIP; with that of an engine before, in the same folder, it takes its place.
    """
    data = folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    config = folder / "callflow.toml"
    made = _tables(scripts, routes or {}) + "\n" + tables
    further = ["tls"] if "certificate" in sip else []
    if has_websocket:
        further += ["ws", "wss"] if further else ["ws"]
    listener = "".join(f', "{name}:127.0.0.1:0"' for name in further)
    settings = {"ports": ports, "socket": socket, "sip": sip, "rtp": rtp, "listener": listener, "udp": udp}
    config.write_text(CONFIG.format(tables=made, **settings))
    program = ["-c", IMPATIENT] if is_impatient else ["-m", "callflow.cli"]
    if has_short_sessions:
        program = ["-c", SHORT_SESSIONS]
    command = [sys.executable, *program, "serve", "--config", str(config), "--data", str(data)]
    with (data / "log.txt").open("wb") as log:
        process = await trio.lowlevel.open_process(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=_environment(data)
        )
        try:
            await _wait_ready(process, data)
            note = json.loads((data / "engine.json").read_text())
            at = {place.partition(":")[0]: _address(place) for place in note["sip"]}
            ports = {name: port for name, (_, port) in at.items()}
            yield RunningEngine(process, data, at["udp"], at["tcp"], note["socket"], at.get("tls"), ports)
        finally:
            await _stop(process, data)


async def _wait_ready(process: trio.Process, data: Path) -> None:
    assert process.stdout is not None
    said = b""
    async for chunk in process.stdout:
        said += chunk
        if b"Ctrl-C ends it" in said:
            return
    raise AssertionError(f"the engine did not start:\n{said.decode()}\n{(data / 'log.txt').read_text()}")


async def _stop(process: trio.Process, data: Path) -> None:
    """Ask it to stop, and see that it does."""
    with trio.CancelScope(shield=True):
        with trio.move_on_after(10) as stopping:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            await process.wait()
        process.kill()
        await process.wait()
        assert process.stdout is not None
        await process.stdout.aclose()
    assert not stopping.cancelled_caught, f"the engine did not stop:\n{(data / 'log.txt').read_text()}"


def _tables(scripts: tuple[Path, ...], routes: Mapping[str, str]) -> str:
    tables = [f'[[user]]\nname = "{name}"\npassword = "{password}"' for name, password in PASSWORDS.items()]
    tables += [f'[[app]]\nname = "{script.stem}"\nscript = "{script}"' for script in scripts]
    tables += [f'[[route]]\nto = "{pattern}"\napp = "{app}"' for pattern, app in routes.items()]
    return "\n".join(tables)


def _address(place: str) -> tuple[str, int]:
    _, host, port = place.rsplit(":", 2)
    return host, int(port)


def _environment(data: Path) -> dict[str, str]:
    """Nothing of the user's own is found or touched."""
    return {**os.environ, "CALLFLOW_DATA": str(data), "XDG_STATE_HOME": str(data / "state"), "NO_COLOR": "1"}
