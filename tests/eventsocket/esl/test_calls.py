"""Calls that come in are steered by a client that dialled the engine."""

from __future__ import annotations

from pathlib import Path

from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import place


@run_trio
async def test_a_call_is_parked_answered_hears_a_prompt_and_is_hung_up(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client = await running.login("ALL")
        call = await running.call(guest, "1000")
        parked = await client.event("CHANNEL_PARK")
        channel = parked["Unique-ID"]
        assert parked["Caller-Destination-Number"] == "1000"

        assert (await client.execute(channel, "answer")).text == "+OK"
        assert (await client.event("CHANNEL_EXECUTE"))["Application"] == "answer"
        assert (await client.event("CHANNEL_ANSWER"))["Answer-State"] == "answered"
        await client.execute(channel, "playback", "goodbye.wav", Event_UUID="the-prompt")
        assert (await client.event("PLAYBACK_START"))["Playback-File-Path"] == "goodbye.wav"
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        assert (done["Application-Response"], done["Application-UUID"]) == ("FILE PLAYED", "the-prompt")
        await client.execute(channel, "hangup", "USER_BUSY")
        ended = await client.event("CHANNEL_HANGUP_COMPLETE")
        assert (ended["Hangup-Cause"], ended["variable_hangup_cause_q850"]) == ("USER_BUSY", "17")
        await client.event("CHANNEL_DESTROY")
        await call.wait_ended()
