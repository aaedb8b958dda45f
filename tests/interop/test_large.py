"""A request too large for a datagram reaches a callee who is there by TCP alone, although his number says UDP."""

from __future__ import annotations

from pathlib import Path

from tests.trio_tests import run_trio

from . import needs
from .audio import ulaw_tone
from .engine import engine
from .places import CALLS
from .sipp import sipp
from .watch import watch

TRUNK = """\
[[trunk]]
name = "carrier"
targets = ["udp:127.0.0.1:{port}"]
health = 0
headers = {{ "X-Long" = "{long}", "X-Longer" = "{long}" }}
"""


@needs.program("sipp")
@run_trio
async def test_a_large_invite_and_its_call_go_by_tcp(tmp_path: Path):
    tone = tmp_path / "tone.ulaw"
    tone.write_bytes(ulaw_tone(700, 1))
    async with sipp("answer", tmp_path / "callee", keys={"tone": tone}, transport="tcp") as callee:
        tables = TRUNK.format(port=callee.port, long="x" * 700)
        async with engine(tmp_path / "engine", CALLS, tables=tables) as running, watch(running) as seen:
            done = await running.run("dial", "0301234", "--duration", "1")
            assert done.code == 0, done.output + done.errors
            await seen.wait("channel.answered", count=2)
            await seen.wait("channel.ended", count=2)
            await callee.wait()
    assert "SIP/2.0/TCP" in callee.said()
