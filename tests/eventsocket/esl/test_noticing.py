"""Events of what is no call's signalling: voice messages that wait, and who talks."""

from __future__ import annotations

from pathlib import Path

from callflow.protocol import events
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import place
from .test_calls import take


@run_trio
async def test_voice_messages_that_wait_are_told(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login("MESSAGE_WAITING")
        running.engine.switch.log.emit(events.MailboxChanged(user="desk", new=2, saved=1))
        told = await client.event("MESSAGE_WAITING")
        assert (told["MWI-Messages-Waiting"], told["MWI-Voice-Message"]) == ("yes", "2/1 (0/0)")
        assert told["MWI-Message-Account"].startswith("desk@")
        running.engine.switch.log.emit(events.MailboxChanged(user="desk", saved=3))
        assert (await client.event("MESSAGE_WAITING"))["MWI-Messages-Waiting"] == "no"


@run_trio
async def test_who_talks_is_told_while_somebody_listens_for_it(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        for event, name in ((events.ChannelTalking(level_dbov=-20), "TALK"), (events.ChannelSilent(), "NOTALK")):
            running.engine.switch.log.emit(event, channel=channel)
            assert (await client.event(name))["Unique-ID"] == channel
