"""Registrations of phones that are not ours: over a crash of the engine, through a proxy, of users who come and go."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from callflow.protocol.events import RegistrationAdded
from tests.trio_tests import run_trio

from . import needs
from .audio import ulaw_tone
from .engine import PASSWORDS, engine
from .kamailio import edge
from .places import CALLS
from .process import until
from .sipp import run_sipp, sipp
from .terminal import terminal
from .watch import watch

pytestmark = [needs.program("sipp"), needs.raw_sockets()]

PATIENT = ("-timeout", "120")  # it waits while engines start and end


def account(port: int) -> dict[str, object]:
    return {"user": "desk", "password": PASSWORDS["desk"], "keys": {"contact_port": port}}


def tone(folder: Path) -> Path:
    path = folder / "tone.ulaw"
    path.write_bytes(ulaw_tone(700, 1))
    return path


def kept(data: Path) -> int:
    """How many registrations are in the file."""
    with closing(sqlite3.connect(data / "registrations.db")) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'bindings'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM bindings").fetchone()[0]) if tables else 0


@run_trio
async def test_who_was_registered_is_called_after_the_engine_was_killed(tmp_path: Path):
    async with sipp("answer", tmp_path / "desk", keys={"tone": tone(tmp_path)}, arguments=PATIENT) as desk:
        async with engine(tmp_path / "engine", CALLS) as first:
            await run_sipp("register", tmp_path / "register", first.udp, **account(desk.port))
            await until(lambda: kept(first.data))
            first.process.kill()
            await first.process.wait()
        async with engine(tmp_path / "engine", CALLS, udp=first.udp[1]) as running, terminal() as guest:
            assert [found["user"] for found in await running.listed("registrations")] == ["desk"]
            call = await guest.call(running.sip("2003"))
            assert await call.wait_answered()
            call.hang_up()
            await desk.wait()


@needs.program("kamailio")
@run_trio
async def test_a_phone_behind_a_proxy_is_called_through_it(tmp_path: Path):
    async with (
        sipp("answer", tmp_path / "desk", keys={"tone": tone(tmp_path)}, arguments=PATIENT) as desk,
        engine(tmp_path / "engine", CALLS) as running,
        watch(running) as seen,
        edge(tmp_path / "edge", registrar=running.udp[1]) as proxy,
        terminal() as guest,
    ):
        await run_sipp("register", tmp_path / "register", proxy, **account(desk.port))
        registered = await seen.wait("registration.added")
        assert isinstance(registered, RegistrationAdded)
        assert registered.contact == f"sip:desk@127.0.0.1:{desk.port}"
        call = await guest.call(running.sip("2003"))
        assert await call.wait_answered()
        call.hang_up()
        await desk.wait()
        invite = desk.said().partition("INVITE sip:desk@")[2].partition("Call-ID")[0]
        assert re.findall(r"^Via:.*127\.0\.0\.1:([0-9]+)", invite, re.M) == [str(proxy[1]), str(running.udp[1])]


@run_trio
async def test_users_come_and_go_while_the_engine_runs_and_outlive_it(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as first, watch(first) as seen:
        [made] = await first.listed("user", "add", "3003", "--group", "sales")
        await seen.wait("user.added")
        carol = {"user": made["user"], "password": made["password"], "keys": {"contact_port": 5060}}
        await run_sipp("register", tmp_path / "first", first.udp, **carol)
        await seen.wait("registration.added")
        refused = await first.run("user", "passwd", "desk")
        assert (refused.code, "configuration file" in refused.errors) == (1, True)
    async with engine(tmp_path / "engine", CALLS) as second, watch(second) as seen:
        await run_sipp("register", tmp_path / "second", second.udp, **carol)
        await seen.wait("registration.added")
        rows = {row["id"]: row for row in await second.listed("user", "list")}
        assert (rows["3003"]["groups"], rows["3003"]["contacts"]) == (["sales"], 1)
        assert rows["desk"]["is_of_file"]
        await second.command("user", "remove", "3003")
        await seen.wait("registration.removed")
        await seen.wait("user.removed")
        assert await second.listed("registrations") == []
