"""An engine whose store is on a PostgreSQL server, which dies and comes back under its calls."""

from __future__ import annotations

from pathlib import Path

import psycopg

from tests.postgresql import Server
from tests.trio_tests import run_trio

from .engine import engine, run_callflow
from .places import CALLS
from .process import until
from .terminal import terminal
from .watch import watch


def store(url: str) -> str:
    return f'[store]\nurl = "{url}"\n'


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
