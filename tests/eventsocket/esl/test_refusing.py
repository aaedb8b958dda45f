"""What is refused on purpose, and what a script of ours stands in for."""

from __future__ import annotations

from pathlib import Path

from engine.config import Route
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import place
from .test_calls import take


@run_trio
async def test_no_shell_is_run(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        for name in ("system", "bg_system"):
            assert await client.api(f"{name} touch {tmp_path}/here") == (
                "-ERR refused: a door over the network runs no shell\n"
            )
        await client.execute(channel, "system", f"touch {tmp_path}/here")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="system")
        assert done["Application-Response"].startswith("-ERR refused")
        assert not (tmp_path / "here").exists()
        assert await client.api(f"uuid_exists {channel}") == "true"


@run_trio
async def test_who_wants_speech_recognized_is_told_of_streams(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        await client.execute(channel, "detect_speech", "vosk default default")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="detect_speech")
        assert "uuid_audio_fork" in done["Application-Response"]


@run_trio
async def test_files_are_there_that_could_be_played(tmp_path: Path):
    async with place(tmp_path) as running, terminal():
        client = await running.login()
        assert await client.api("file_exists goodbye.wav") == "true"
        for name in ("nowhere.wav", "../prompts/goodbye.wav", "/etc/passwd", "http://127.0.0.1/a.wav", ""):
            assert await client.api(f"file_exists {name}".strip()) == "false", name
        assert await client.api("uuid_media_reneg no-such PCMU") == "-ERR Operation failed\n"


@run_trio
async def test_a_script_in_lua_is_ours_and_is_told_its_arguments(tmp_path: Path):
    routes = (Route(to=".*", app="esl"),)
    async with place(tmp_path, routes=routes, applications={"lua": "4001"}) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        await client.execute(channel, "lua", "ivr.lua 'two words' last")
        parked = await client.event("CHANNEL_PARK")
        assert parked["Caller-Destination-Number"] == "4001"
        assert parked["variable_application_name"] == "lua"
        assert [parked[f"variable_application_argv{at}"] for at in range(3)] == ["ivr.lua", "two words", "last"]
        await client.execute(channel, "lua", "other.lua")
        parked = await client.event("CHANNEL_PARK")
        assert parked["variable_application_argv0"] == "other.lua"
        assert "variable_application_argv1" not in parked
        assert await client.api("lua ivr.lua") == "-ERR lua Command not found!\n"


@run_trio
async def test_without_one_it_ends_the_call_as_freeswitch_without_its_module_does(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "lua", "ivr.lua")
        ended = await client.event("CHANNEL_HANGUP_COMPLETE")
        assert ended["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"
        await call.wait_ended()
