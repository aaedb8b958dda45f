"""The systemd unit: systemd finds nothing wrong with it, and its commands do what they are there for."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import trio

from tests.interop.process import until
from tests.trio_tests import run_trio

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "ops" / "callflow.service"
INSTALLED = "/opt/callflow/bin/callflow"
CALLFLOW = Path(sys.executable).with_name("callflow")
CONFIG = """\
[sip]
listen = ["udp:127.0.0.1:0"]
[rtp]
address = "127.0.0.1"
[socket]
listen = "127.0.0.1:0"
"""


def settings() -> Mapping[str, str]:
    """The unit's settings; one that is there twice would be a mistake."""
    pairs = [line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line and line[0] not in "#["]
    named = dict(pairs)
    assert len(named) == len(pairs)
    return named


def command(name: str, folder: Path, pid: int = 0) -> list[str]:
    """A command of the unit, as it is on this machine."""
    text = settings()[name].replace(INSTALLED, str(CALLFLOW)).replace("$MAINPID", str(pid))
    return shlex.split(text.replace("/etc/callflow", str(folder)).replace("/var/lib/callflow", str(folder / "data")))


def test_systemd_finds_nothing_wrong(tmp_path: Path):
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(INSTALLED, str(CALLFLOW)))
    told = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (told.returncode, [line for line in told.stderr.splitlines() if UNIT.name in line]) == (0, [])


@run_trio
async def test_its_commands_check_start_reload_and_end_an_engine(tmp_path: Path):
    (tmp_path / "callflow.toml").write_text(CONFIG)
    note = tmp_path / "data" / "engine.json"
    await trio.run_process(command("ExecStartPre", tmp_path), capture_stdout=True)
    status = [str(CALLFLOW), "status", "--data", str(tmp_path / "data")]
    with (tmp_path / "log.txt").open("wb") as log:
        start = partial(trio.run_process, command("ExecStart", tmp_path), stdout=log, stderr=log)
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(start)
            await until(note.exists)
            await trio.run_process(command("ExecReload", tmp_path, process.pid))
            await trio.run_process(status, capture_stdout=True)  # a signal that nobody heeds would have ended it
            process.terminate()
    assert process.returncode == 0
    assert not note.exists()
