"""An engine whose event socket speaks TLS, and the commands that reach it."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.eventsocket.test_tls import Authority
from tests.trio_tests import run_trio

from .engine import engine
from .places import CALLS
from .process import until

TOKENS = 'tokens = [{ name = "all", token = "of-the-test", scopes = ["admin"] }]'
WITH_TOKEN = ("--token", "of-the-test")


@run_trio
async def test_commands_know_the_certificate_here_and_elsewhere_are_told_whom_to_trust(tmp_path: Path):
    ours, other = Authority(tmp_path), Authority(tmp_path, "other")
    certificate, key = ours.issue("localhost")
    socket = f'certificate = "{certificate}"\nkey = "{key}"\n{TOKENS}'
    async with engine(tmp_path / "engine", CALLS, socket=socket) as running:
        assert running.socket.startswith("wss://127.0.0.1:")
        assert await running.listed("calls", *WITH_TOKEN) == []  # although the name is another

        elsewhere = ("--socket", running.socket.replace("127.0.0.1", "localhost"), *WITH_TOKEN)
        refused = await running.run("calls", *elsewhere, "--ca", str(other.file))
        assert refused.code == 1
        assert "is not trusted" in refused.errors
        assert "say who signed it with ca" in refused.errors

        other.issue("localhost")
        running.process.send_signal(signal.SIGHUP)
        await until(lambda: "certificate renewed" in running.log)
        assert await running.listed("calls", *elsewhere, "--ca", str(other.file)) == []
