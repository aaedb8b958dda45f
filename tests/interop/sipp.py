"""SIPp running one of our scenarios: a phone that does exactly what the file says, and fails if the other does not."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

import trio

SCENARIOS = Path(__file__).parent / "sipp_scenarios"


def free_port() -> int:
    """A UDP port nobody has right now. SIPp cannot say which port the kernel gave it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def sipp(
    scenario: str,
    server: tuple[str, int],
    folder: Path,
    *,
    user: str = "",
    keys: Mapping[str, str | int] | None = None,
    password: str = "",
    port: int | None = None,
    media_port: int | None = None,
    calls: int = 1,
    transport: str = "u1",
    timeout: int = 30,
    arguments: tuple[str, ...] = (),
) -> None:
    """Run a scenario to its end; an AssertionError shows what SIPp did not expect."""
    program = shutil.which("sipp")
    assert program, "sipp is not installed (apt-get install sip-tester)"
    folder.mkdir(parents=True, exist_ok=True)
    command = [
        program, f"{server[0]}:{server[1]}", "-sf", str(SCENARIOS / f"{scenario}.xml"), "-i", "127.0.0.1",
        "-p", str(port or free_port()), "-t", transport, "-m", str(calls), "-nostdin", "-trace_err", "-trace_msg",
        "-error_file", str(folder / f"{scenario}.errors"), "-message_file", str(folder / f"{scenario}.messages"),
        "-timeout", str(timeout), "-timeout_error", *arguments,
    ]  # fmt: skip
    if media_port:
        command += ["-min_rtp_port", str(media_port), "-max_rtp_port", str(media_port + 3)]
    if user:
        command += ["-au", user, "-ap", password]
    for key, value in {"user": user, **(keys or {})}.items():
        command += ["-key", key, str(value)]
    done = await trio.run_process(
        command, cwd=folder, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    if done.returncode != 0:
        files = [folder / f"{scenario}.errors", folder / f"{scenario}.messages"]
        told = "\n".join(file.read_text(errors="replace")[-4000:] for file in files if file.exists())
        raise AssertionError(f"SIPp {scenario} ended with {done.returncode}: {done.stderr.decode()[-500:]}\n{told}")
