"""What is done later, and what keys do: sched_..., bind_digit_action, and what goes with them on a real call."""

from __future__ import annotations

from pathlib import Path

from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .application import listening
from .place import EslClient, place, registered
from .test_calls import take


async def perform(client: EslClient, channel: str, application: str, argument: str = "") -> dict[str, str]:
    """Have an application run to its end."""
    await client.execute(channel, application, argument)
    return await client.event("CHANNEL_EXECUTE_COMPLETE", Application=application)


@run_trio
async def test_a_call_is_hung_up_transferred_and_played_to_later(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        assert await client.api(f"sched_broadcast +0 {channel} tone_stream://%(100,0,440)") == "+OK Message scheduled\n"
        added = await client.event("ADD_SCHEDULE")
        assert (added["Task-Desc"], added["Task-Group"]) == ("sched_broadcast", channel)
        await client.event("EXE_SCHEDULE")
        await client.event("DEL_SCHEDULE")
        await client.event("PLAYBACK_STOP")
        await client.execute(channel, "sched_transfer", "+0 2000")
        parked = await client.event("CHANNEL_PARK")
        assert parked["Caller-Destination-Number"] == "2000"
        await client.api(f"sched_hangup +3600 {channel}")
        assert (await client.api("show tasks count")) == "\n1 total.\n"
        assert await client.api(f"sched_del {channel}") == "+OK Deleted: 1\n"
        assert await client.api(f"sched_hangup +0 {channel}") == "+OK\n"
        assert (await client.event("CHANNEL_HANGUP"))["Hangup-Cause"] == "ALLOTTED_TIMEOUT"
        await call.wait_ended()


@run_trio
async def test_a_command_is_asked_later(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login("API", "DEL_SCHEDULE")
        assert await client.api("sched_api +0 mine global_setvar asked=yes") == "+OK Added: 1\n"
        assert (await client.event("DEL_SCHEDULE"))["Task-Group"] == "mine"
        asked = await client.event("API", API_Command="global_setvar")
        assert asked["API-Command-Argument"] == "asked=yes"


@run_trio
async def test_the_tasks_of_a_call_end_with_it(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.api(f"sched_hangup +3600 {channel}")
        call.hang_up()
        await client.event("CHANNEL_DESTROY")
        await client.event("DEL_SCHEDULE")
        assert await client.api("show tasks") == "\n0 total.\n"


@run_trio
async def test_keys_run_applications_and_api_commands_by_realm(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await perform(client, channel, "bind_digit_action", "main,*1,exec:set,x=one")
        await perform(client, channel, "bind_digit_action", "main,*2,api:global_setvar,y=two")
        await perform(client, channel, "bind_digit_action", "other,*1,exec:set,x=other")
        call.press("*1")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="set")
        assert (done["variable_x"], done["variable_last_matching_digits"]) == ("one", "*1")
        call.press("*2")
        await client.event("API", API_Command="global_setvar")
        await perform(client, channel, "digit_action_set_realm", "other")
        call.press("*1")
        assert (await client.event("CHANNEL_EXECUTE_COMPLETE", Application="set"))["variable_x"] == "other"
        await perform(client, channel, "clear_digit_action", "all")
        await perform(client, channel, "bind_meta_app", "3 a s set::x=meta")
        call.press("*1*3")
        assert (await client.event("CHANNEL_EXECUTE", Application="set"))["Application-Data"] == "x=meta"
        answer = await perform(client, channel, "bind_digit_action", "main,~^\\d+,exec:set,x=1")
        assert answer["Application-Response"].startswith("-ERR expected")
        call.hang_up()


@run_trio
async def test_keys_of_the_other_leg_do_something(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, call, channel = await take(running, guest)
        await perform(client, channel, "bind_digit_action", "main,*1,exec:set,x=both,both,self")
        await client.execute(channel, "bridge", "user/desk")
        phone = await desk.wait_call()
        phone.answer()
        await client.event("CHANNEL_BRIDGE")
        phone.press("*1")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="set")
        assert (done["Unique-ID"], done["variable_x"]) == (channel, "both")
        call.hang_up()


@run_trio
async def test_an_application_is_dialled_for_a_call_that_was_originated(tmp_path: Path):
    async with listening() as application, place(tmp_path) as running, registered(running, "desk") as desk:
        client = await running.login("ALL")
        await client.command(f"bgapi originate user/desk 'socket:127.0.0.1:{application.port} async full' inline")
        phone = await desk.wait_call()
        phone.answer()
        program, channel = await application.begin("myevents")
        assert (channel["Socket-Mode"], channel["Control"]) == ("async", "full")
        await program.execute("", "playback", "tone_stream://%(100,0,440)")
        await program.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        await program.command("exit")
        await phone.wait_ended()
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="socket")
        assert done["Application-Data"].startswith("127.0.0.1:")


@run_trio
async def test_places_of_a_resource_are_taken_until_the_call_ends(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, first, a = await take(running, guest)
        await perform(client, a, "limit", "hash lines one 1")
        second = await running.call(guest, "1001")
        b = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        await client.execute(b, "limit", "hash lines one 1 5555")
        assert (await client.event("CHANNEL_PARK"))["Caller-Destination-Number"] == "5555"
        assert (await client.api(f"uuid_limit {b} hash lines one 1")).startswith("-ERR all 1 places")
        first.hang_up()
        second.hang_up()


@run_trio
async def test_what_plays_is_paused_sought_and_stopped_and_a_side_is_muted(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        assert await client.api(f"uuid_fileman {channel} pause") == "-ERR No file handle!\n"
        await client.execute(channel, "playback", "tone_stream://%(60000,0,440)")
        await client.event("PLAYBACK_START")
        for verb in ("pause", "pause", "volume:-1", "stop"):
            assert await client.api(f"uuid_fileman {channel} {verb}") == "+OK\n"
        await client.event("PLAYBACK_STOP")
        for words in ("start read mute", "start write mute", "stop"):
            assert await client.api(f"uuid_audio {channel} {words}") == "+OK\n"
        assert (await client.api(f"uuid_audio {channel} start read level 2")).startswith("-USAGE")
        await client.execute(channel, "record_session", "a.wav")
        started = await client.event("MEDIA_BUG_START")
        assert (started["Media-Bug-Function"], started["Media-Bug-Target"]) == ("session_record", "a.wav")
        assert "<target>a.wav</target>" in await client.api(f"uuid_buglist {channel}")
        await client.api(f"uuid_session_heartbeat {channel} 60")
        assert (await client.event("SESSION_HEARTBEAT"))["Unique-ID"] == channel
        call.hang_up()


@run_trio
async def test_an_application_tells_an_event_of_its_own(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "event", "Event-Name=CUSTOM,Event-Subclass=mine::this,Colour=blue")
        told = await client.event("CUSTOM", Event_Subclass="mine::this")
        assert (told["Colour"], told["Unique-ID"]) == ("blue", channel)
        call.hang_up()


@run_trio
async def test_a_paused_switch_takes_no_new_calls(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client = await running.login()
        assert await client.api("fsctl pause in") == "+OK\n"
        call = await running.call(guest, "1000")
        assert (await call.wait_ended()).status == 503
