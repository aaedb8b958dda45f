"""What phones show, on phones that are not ours, and through a proxy that stays in the path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from callflow.protocol.events import MailboxChanged, PresenceChanged
from tests.trio_tests import run_trio

from . import needs
from .baresip import Baresip, phone
from .engine import PASSWORDS, engine
from .kamailio import carrier
from .places import CALLS
from .process import until
from .sipp import sipp
from .watch import Watch, watch

pytestmark = [needs.program("baresip"), needs.program("sipp"), needs.program("kamailio")]


async def shown(phone: Baresip, kind: str, text: str) -> dict[str, Any]:
    """The first event that says so."""
    return (await phone._wait(lambda: [it for it in phone.events if it["type"] == kind and text in it["param"]], 1))[0]


@run_trio
async def test_baresip_lights_its_message_lamp(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with phone(tmp_path, running, seen, "alice", modules=("mwi",), account=";mwi=yes") as alice:
            await until_subscribed(seen)
            await seen.client.command("set_mailbox", user="alice", new=2, saved=1)
            assert isinstance(await seen.wait("mailbox.changed"), MailboxChanged)
            await shown(alice, "MWI_NOTIFY", "Messages-Waiting: yes")
            await shown(alice, "MWI_NOTIFY", "Voice-Message: 2/1")


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
                keys={"watched": "desk", "engine": f"{host}:{port}"},
            ) as console,
        ):
            await until_subscribed(seen)
            await seen.client.command("set_lamp", lamp="desk", state="busy")
            await console.wait()
        while (await seen.client.status()).counters["subscriptions"]:  # noqa: ASYNC110
            await trio.sleep(0.02)


async def until_subscribed(seen: Watch, *, count: int = 1) -> None:
    """Wait for what nothing tells: look again and again."""
    while (await seen.client.status()).counters["subscriptions"] < count:  # noqa: ASYNC110
        await trio.sleep(0.02)
