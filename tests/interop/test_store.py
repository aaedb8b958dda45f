"""An engine whose store is on a PostgreSQL server, which dies and comes back under its calls."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.postgresql import Server
from tests.trio_tests import run_trio

from . import needs
from .engine import PASSWORDS, engine, run_callflow
from .places import CALLS
from .process import until
from .sipp import run_sipp
from .terminal import terminal
from .watch import watch


def store(url: str) -> str:
    return f'[store]\nurl = "{url}"\n'


def count(url: str, table: str) -> int:
    """How many rows there are."""
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    return int(found[0]) if found is not None else 0


def users(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM users ORDER BY name").fetchall()]


@run_trio
async def test_calls_go_on_while_the_database_is_dead_and_all_is_written_later(postgresql: Server, tmp_path: Path):
    url = postgresql.url()
    async with (
        engine(tmp_path, CALLS, tables=store(url)) as running,
        watch(running) as seen,
        terminal("alice") as alice,
    ):
        before = await alice.call(running.sip("3000"))
        assert await before.wait_answered()
        await postgresql.kill()
        meanwhile = await alice.call(running.sip("3000"))
        assert await meanwhile.wait_answered()
        before.hang_up()
        meanwhile.hang_up()
        await seen.wait("channel.ended", count=2)
        await running.command("user", "add", "3003")
        refused = await running.run("records")
        assert (refused.code, "records" in refused.errors) == (1, True)
        await until(lambda: "users wait" in running.log)
        await postgresql.start_again()
        await seen.wait("record.written", count=2)
        assert len((await running.command("records", "--format", "json")).splitlines()) == 2
        await until(lambda: users(url) == ["3003"])
        await until(lambda: "users are written again" in running.log)
        for kept in ("users", "call records"):
            assert running.log.count(f"{kept} wait: the store fails") == 1
            assert running.log.count(f"{kept} are written again") == 1


@run_trio
async def test_a_command_without_an_engine_writes_where_the_configuration_says(postgresql: Server, tmp_path: Path):
    url = postgresql.url()
    config = tmp_path / "callflow.toml"
    config.write_text(store(url))
    added = await run_callflow(tmp_path, "user", "add", "3003", "--config", str(config))
    assert (added.code, users(url)) == (0, ["3003"])


@needs.program("sipp")
@run_trio
async def test_an_engine_that_starts_without_its_database_knows_users_and_phones_when_it_is_back(
    postgresql: Server, tmp_path: Path
):
    url = postgresql.url()
    async with engine(tmp_path / "engine", CALLS, tables=store(url)) as first, watch(first) as seen:
        [made] = await first.listed("user", "add", "3003")
        for number, (user, password) in enumerate((("desk", PASSWORDS["desk"]), ("3003", made["password"]))):
            account = {"user": user, "password": password, "keys": {"contact_port": 5060}}
            await run_sipp("register", tmp_path / user, first.udp, **account)
            await seen.wait("registration.added", count=number + 1)
        await until(lambda: count(url, "bindings") == 2)
    await postgresql.kill()
    async with engine(tmp_path / "engine", CALLS, tables=store(url)) as second, terminal("alice") as alice:
        call = await alice.call(second.sip("3000"))
        assert await call.wait_answered()
        assert await second.listed("registrations") == []
        await postgresql.start_again()
        await until(lambda: "registrations of before are read" in second.log)
        assert {found["user"] for found in await second.listed("registrations")} == {"desk", "3003"}
        call.hang_up()


@needs.program("sipp")
@run_trio
async def test_engines_with_one_database_have_the_same_users_and_records(postgresql: Server, tmp_path: Path):
    url = postgresql.url()
    async with (
        engine(tmp_path / "north", CALLS, tables=store(url)) as north,
        engine(tmp_path / "south", CALLS, tables=store(url)) as south,
        watch(south) as seen,
    ):
        [made] = await north.listed("user", "add", "3003")
        await seen.wait("user.added")
        account = {"user": "3003", "password": made["password"], "keys": {"contact_port": 5060}}
        await run_sipp("register", tmp_path / "phone", south.udp, **account)
        await seen.wait("registration.added")
        assert await north.listed("registrations") == []
        async with terminal("alice") as alice:
            call = await alice.call(south.sip("3000"))
            assert await call.wait_answered()
            call.hang_up()
            await seen.wait("record.written")
        assert len((await north.command("records", "--format", "json")).splitlines()) == 1
        await north.command("user", "remove", "3003")
        await seen.wait("user.removed")
        await seen.wait("registration.removed")
