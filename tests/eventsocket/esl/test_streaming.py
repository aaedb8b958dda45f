"""uuid_audio_fork and uuid_audio_stream, with real calls and a program behind a real WebSocket."""

from __future__ import annotations

import base64
import json
from array import array
from pathlib import Path

from callflow.testing import ToneSource
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .ears import listening
from .place import place, registered
from .test_calls import take

TONE = ToneSource((440.0,), duration_ms=600_000)
HUM = array("h", [8000, -8000] * 8000).tobytes()  # two seconds of it, at 8000 Hz
OK = "+OK Success\n"


@run_trio
async def test_a_fork_is_told_the_metadata_and_then_hears_the_caller(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, listening() as ears:
        client, call, channel = await take(running, guest)
        call.play(TONE)
        assert await client.api(f'uuid_audio_fork {channel} start {ears.url} mono 16k {{"a": 1}}') == OK
        ear = await ears.accept()
        assert ear.subprotocol == "audio.drachtio.org"
        assert await ear.connection.recv() == '{"a": 1}'
        assert len(await ear.loud()) == 640  # 20 ms of 16 bits at 16 kHz
        connected = await client.event("CUSTOM", Event_Subclass="mod_audio_fork::connect")
        assert connected["Unique-ID"] == channel
        assert "<function>audio_fork</function>" in await client.api(f"uuid_buglist {channel}")
        assert await client.api(f"uuid_audio_fork {channel} start {ears.url} mono 16k") == "-ERR Operation Failed\n"

        assert await client.api(f"uuid_audio_fork {channel} send_text once more") == OK
        assert await ear.text() == "once more"
        assert await client.api(f"uuid_audio_fork {channel} stop goodbye") == OK
        assert await ear.text() == "goodbye"
        assert await ear.ended() == 1000
        await client.event("MEDIA_BUG_STOP", Media_Bug_Function="audio_fork")
        assert await client.api(f"uuid_audio_fork {channel} stop") == "-ERR Operation Failed\n"
        assert await client.api(f"uuid_exists {channel}") == "true"


@run_trio
async def test_what_a_forks_program_says_is_events(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, listening() as ears:
        client, _, channel = await take(running, guest)
        await client.api(f"uuid_audio_fork {channel} start {ears.url} stereo 8k")
        ear = await ears.accept()
        assert len(await ear.connection.recv()) == 640  # two channels of 20 ms
        bodies = []
        for message in (
            {"type": "transcription", "data": {"transcript": "hello"}},
            {"type": "transfer", "data": {"to": "1000"}},
            {"type": "nothing known"},
            {"type": "json", "more": True},
            {"type": "disconnect"},
        ):
            await ear.say(json.dumps(message))
        for subclass in ("transcription", "transfer", "json", "disconnect"):
            event = await client.event("CUSTOM", Event_Subclass=f"mod_audio_fork::{subclass}")
            bodies.append("Content-Length" in event)
        assert bodies == [True, True, True, False]

        await client.execute(channel, "endless_playback", "goodbye.wav")
        await client.event("PLAYBACK_START")
        await ear.say('{"type": "killAudio"}')
        assert (await client.event("PLAYBACK_STOP"))["Playback-Status"] == "break"
        ear.close()
        await client.event("CUSTOM", Event_Subclass="mod_audio_fork::disconnect")


@run_trio
async def test_what_a_forks_program_gives_to_play_is_a_file_until_the_call_ends(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, listening() as ears:
        client, call, channel = await take(running, guest)
        await client.command("event json CUSTOM mod_audio_fork::play_audio")
        reader = await running.login("CUSTOM mod_audio_fork::play_audio")
        await client.api(f"uuid_audio_fork {channel} start {ears.url} mono 8k")
        ear = await ears.accept()
        content = base64.b64encode(HUM).decode()
        data = {"audioContentType": "raw", "sampleRate": 8000, "audioContent": content, "textContent": "hum"}
        await ear.say(json.dumps({"type": "playAudio", "data": data}))
        packet = await reader.packet()
        told = json.loads(packet.body.partition("\n\n")[2])
        assert (told["textContent"], told["sampleRate"]) == ("hum", 8000)
        assert "audioContent" not in told
        kept = tmp_path / "data/recordings/esl" / told["file"]
        assert kept.read_bytes() == HUM
        assert await client.api(f"uuid_broadcast {channel} {told['file']} aleg") == "+OK Message sent\n"
        assert await call.wait_sound()
        call.hang_up()
        await call.wait_ended()
        while await client.api(f"file_exists {told['file']}") == "true":
            pass
        assert not kept.exists()


@run_trio
async def test_a_fork_that_is_paused_or_shuts_down_is_told_no_sound_and_may_still_speak(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, listening() as ears:
        client, call, channel = await take(running, guest)
        call.play(TONE)
        await client.api(f"uuid_audio_fork {channel} start {ears.url} mono 8k ears '{{}}' true true 8000")
        ear = await ears.accept()
        await ear.loud()
        assert await client.api(f"uuid_audio_fork {channel} pause ears") == OK
        assert await client.api(f"uuid_audio_fork {channel} send_text ears paused") == OK
        assert await ear.text() == "paused"
        assert await client.api(f"uuid_audio_fork {channel} send_text ears still") == OK
        assert await ear.connection.recv() == "still"  # and no sound in between
        assert await client.api(f"uuid_audio_fork {channel} resume ears") == OK
        await ear.loud()
        await ear.say(HUM)
        assert await call.wait_sound()
        assert await client.api(f"uuid_audio_fork {channel} graceful-shutdown ears") == OK
        await ear.say('{"type": "transcription", "data": "the last"}')
        await client.event("CUSTOM", Event_Subclass="mod_audio_fork::transcription")
        ear.close()
        await client.event("MEDIA_BUG_STOP", Media_Bug_Function="ears")


@run_trio
async def test_an_audio_stream_tells_its_events_and_its_program_is_heard(tmp_path: Path):
    async with (
        place(tmp_path) as running,
        terminal() as guest,
        registered(running, "desk") as desk,
        listening() as ears,
    ):
        client, call, channel = await take(running, guest)
        await client.execute(channel, "bridge", "user/desk")
        agent = await desk.wait_call()
        agent.answer()
        await client.event("CHANNEL_BRIDGE")
        agent.play(TONE)
        assert await client.api(f"uuid_audio_stream {channel} start {ears.url} mixed 8k") == OK
        ear = await ears.accept()
        assert len(await ear.loud()) == 320  # both in one, and the agent talks
        connected = await client.event("CUSTOM", Event_Subclass="mod_audio_stream::connect")
        assert connected["Unique-ID"] == channel
        await ear.say("whatever it is")
        await client.event("CUSTOM", Event_Subclass="mod_audio_stream::json")
        await ear.say(HUM)
        assert await call.wait_sound()
        ear.close()
        await client.event("CUSTOM", Event_Subclass="mod_audio_stream::disconnect")
        call.hang_up()
        await agent.wait_ended()


@run_trio
async def test_the_end_of_the_call_ends_the_stream(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, listening() as ears:
        client, call, channel = await take(running, guest)
        await client.api(f"uuid_audio_stream {channel} start {ears.url} mono")
        ear = await ears.accept()
        call.hang_up()
        await client.event("CUSTOM", Event_Subclass="mod_audio_stream::disconnect")
        await client.event("CHANNEL_DESTROY")
        await ear.ended()


@run_trio
async def test_what_cannot_be_streamed_is_refused(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        for arguments, answer in (
            ("", "-USAGE: <uuid> [start"),
            (channel, "-USAGE: <uuid> [start"),
            (f"{channel} start ws://127.0.0.1:9/", "-USAGE: <uuid> [start"),
            (f"{channel} send_text", "-ERR Operation Failed"),
            ("nobody start ws://127.0.0.1:9/ mono 8k", "-ERR Operation Failed"),
            (f"{channel} start ws://127.0.0.1:9/ quadro 8k", "-ERR expected mono, mixed or stereo, got 'quadro'"),
            (f"{channel} start ws://127.0.0.1:9/ mono 11k", "-ERR expected 8k, 16k or 24k, got '11k'"),
            (f"{channel} start ws://example.com/ mono 8k", "-ERR stream: expected this machine"),
            (
                f"{channel} start ws://127.0.0.1:9/ mono 8k b {{}} true true 16k",
                "-ERR expected the same rate both ways",
            ),
        ):
            assert (await client.api(f"uuid_audio_fork {arguments}".strip())).startswith(answer), arguments
        assert await client.api(f"uuid_audio_fork {channel} start ws://127.0.0.1:9/ mono 8k") == OK
        await client.event("CUSTOM", Event_Subclass="mod_audio_fork::connect_failed")
        assert await client.api(f"uuid_audio_stream {channel} start ws://127.0.0.1:9/ mono 8k") == OK
        await client.event("CUSTOM", Event_Subclass="mod_audio_stream::error")
