"""What phones show, on phones that are not ours: baresip subscribes, and shows what the engine tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import trio

from callflow.protocol.events import MailboxChanged
from tests.trio_tests import run_trio

from . import needs
from .baresip import Baresip, phone
from .engine import engine
from .places import CALLS
from .watch import Watch, watch

pytestmark = needs.program("baresip")


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


async def until_subscribed(seen: Watch, *, count: int = 1) -> None:
    """Wait for what nothing tells: look again and again."""
    while (await seen.client.status()).counters["subscriptions"] < count:  # noqa: ASYNC110
        await trio.sleep(0.02)
