"""tone_detect, wait_for_silence, displace, uuid_recv_dtmf: what the far end sounds like, or seems to."""

from __future__ import annotations

from pathlib import Path

from callflow.testing import FAX_CALLS, ToneSource
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import place, registered
from .test_calls import take


@run_trio
async def test_a_tone_that_is_looked_for_is_told_and_runs_an_application(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "tone_detect", "fax 1100 r +30 set is_fax=true 1")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="tone_detect")
        call.play(*FAX_CALLS, repeat=3)
        assert (await client.event("DETECTED_TONE"))["Detected-Tone"] == "fax"
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="set")
        assert await client.api(f"uuid_getvar {channel} is_fax") == "true"
        assert (await client.api(f"tone_detect {channel} dial 350,440")).startswith("-ERR expected: key tone_spec")
        await client.execute(channel, "start_tone_detect", "dialtone")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="start_tone_detect")
        assert done["Application-Response"].startswith("-ERR expected a tone of beep, busy")


@run_trio
async def test_silence_is_waited_for_while_a_file_plays(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        call.play(ToneSource((300.0,), duration_ms=500))
        await client.execute(channel, "wait_for_silence", "200 25 0 20000 goodbye.wav")
        assert (await client.event("PLAYBACK_START"))["Playback-File-Path"] == "goodbye.wav"
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="wait_for_silence")
        assert (await client.event("PLAYBACK_STOP"))["Playback-Status"] == "break"


@run_trio
async def test_what_a_channel_says_is_displaced_for_whom_it_talks_with(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "bridge", "user/desk")
        agent = await desk.wait_call()
        agent.answer()
        far = (await client.event("CHANNEL_BRIDGE"))["Bridge-B-Unique-ID"]
        assert await client.api(f"uuid_displace {channel} start goodbye.wav 0 mux") == "+OK Success\n"
        assert (await client.event("PLAYBACK_START", Unique_ID=far))["Playback-File-Path"] == "goodbye.wav"
        assert await agent.wait_sound()
        assert await client.api(f"uuid_displace {channel} stop goodbye.wav") == "+OK Success\n"
        assert (await client.event("PLAYBACK_STOP", Unique_ID=far))["Playback-Status"] == "break"
        assert (await client.api(f"uuid_displace {channel} stop goodbye.wav")).startswith("-ERR nothing")
        call.hang_up()
        await agent.wait_ended()


@run_trio
async def test_keys_that_nobody_pressed_are_read(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        await client.execute(channel, "read", "2 2 none pin 20000 # 5000")
        await client.event("CHANNEL_EXECUTE", Application="read")
        assert await client.api(f"uuid_recv_dtmf {channel} 42@100") == f"+OK {channel} received DTMF 42@100.\n"
        assert (await client.event("DTMF"))["DTMF-Digit"] == "4"
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="read")
        assert await client.api(f"uuid_getvar {channel} pin") == "42"
        assert await client.api("uuid_recv_dtmf nobody 1") == "-ERR Cannot locate session!\n"
