"""What phones show, on phones that are not ours, and through a proxy that stays in the path."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import trio

from callflow.protocol.events import MailboxChanged, PresenceChanged, TextSent
from callflow.protocol.outcomes import Sent
from tests.trio_tests import run_trio

from . import needs
from .baresip import phone
from .engine import PASSWORDS, engine
from .kamailio import carrier
from .places import CALLS
from .process import until
from .sipp import sipp
from .watch import Watch, watch

pytestmark = [needs.program("baresip"), needs.program("sipp"), needs.program("kamailio")]


@run_trio
async def test_a_phone_s_message_lamp_is_lit_over_tcp(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        host, port = running.tcp
        async with sipp(
            "watch",
            tmp_path / "phone",
            server=running.tcp,
            transport="tcp",
            user="alice",
            password=PASSWORDS["alice"],
            keys={
                "watched": "alice",
                "engine": f"{host}:{port}",
                "event": "message-summary",
                "accept": "application/simple-message-summary",
                "dark": "Messages-Waiting: no",
                "lit": "Voice-Message: 2/1",
            },
        ) as lamp:
            await until_subscribed(seen)
            await seen.client.command("set_mailbox", user="alice", new=2, saved=1)
            assert isinstance(await seen.wait("mailbox.changed"), MailboxChanged)
            await lamp.wait()


@run_trio
async def test_a_message_lamp_is_right_after_the_engine_was_killed(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as first, watch(first) as seen:
        await seen.client.command("set_mailbox", user="alice", new=2, saved=1)
        await until(lambda: kept(first.data))
        first.process.kill()
        await first.process.wait()
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        host, port = running.udp
        async with sipp(
            "watch",
            tmp_path / "phone",
            server=running.udp,
            user="alice",
            password=PASSWORDS["alice"],
            keys={
                "watched": "alice",
                "engine": f"{host}:{port}",
                "event": "message-summary",
                "accept": "application/simple-message-summary",
                "dark": "Voice-Message: 2/1",
                "lit": "Voice-Message: 3/1",
            },
        ) as lamp:
            await until_subscribed(seen)
            await seen.client.command("set_mailbox", user="alice", new=3, saved=1)
            await lamp.wait()


@run_trio
async def test_baresip_shows_who_is_there_and_publishes_that_its_user_is(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with phone(
            tmp_path,
            running,
            seen,
            "alice",
            modules=("contact", "presence"),
            contacts=[f'"desk" <{running.sip("desk")}>;presence=p2p'],
            account=";pubint=600",
        ):
            published = await seen.wait("presence.changed")
            assert isinstance(published, PresenceChanged)
            assert (published.user, published.status) == ("alice", "open")
            await until_subscribed(seen)
            await seen.client.command("set_presence", user="desk", status="open")
            await until(lambda: "changed status from" in (tmp_path / "alice" / "log.txt").read_text())


@run_trio
async def test_a_console_behind_a_proxy_watches_a_lamp(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        host, port = running.udp
        async with (
            carrier(tmp_path / "proxy", callee=port, asks=False) as proxy,
            sipp(
                "watch",
                tmp_path / "console",
                server=proxy,
                user="alice",
                password=PASSWORDS["alice"],
                keys={
                    "watched": "desk",
                    "engine": f"{host}:{port}",
                    "event": "dialog",
                    "accept": "application/dialog-info+xml",
                    "dark": "&lt;state&gt;terminated",
                    "lit": "&lt;state&gt;confirmed",
                },
            ) as console,
        ):
            await until_subscribed(seen)
            await seen.client.command("set_lamp", lamp="desk", state="busy")
            await console.wait()
        while (await seen.client.status()).counters["subscriptions"]:  # noqa: ASYNC110
            await trio.sleep(0.02)


@run_trio
async def test_a_text_waits_until_a_phone_registers(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        await seen.client.command("send_text", to="alice", body="hello", sender="200")
        kept = await seen.wait("text.sent")
        assert isinstance(kept, TextSent)
        assert kept.outcome == Sent(reason="kept", sip_status=202)
        async with phone(tmp_path, running, seen, "alice"):
            while (await seen.client.status()).counters["texts_kept"]:  # noqa: ASYNC110
                await trio.sleep(0.02)
            await seen.client.command("send_text", to="alice", body="and now", sender="200")
            taken = await seen.wait("text.sent", count=2)
            assert isinstance(taken, TextSent)
            assert taken.outcome == Sent(reason="completed", sip_status=200)


def kept(data: Path) -> int:
    """How much there is of what programs said."""
    with closing(sqlite3.connect(data / "shown.db")) as connection:
        tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'shown'").fetchone()[0]
        return int(connection.execute("SELECT count(*) FROM shown").fetchone()[0]) if tables else 0


async def until_subscribed(seen: Watch, *, count: int = 1) -> None:
    """Wait for what nothing tells: look again and again."""
    while (await seen.client.status()).counters["subscriptions"] < count:  # noqa: ASYNC110
        await trio.sleep(0.02)
