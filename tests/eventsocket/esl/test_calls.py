"""Calls that come in, and calls that are placed, steered by a client that dialled the engine."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

from callflow.phone import Phone, PhoneCall
from callflow.phone.events import TransferAsked
from callflow.testing import ToneSource
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import EslClient, Place, place, registered


async def take(running: Place, guest: Phone) -> tuple[EslClient, PhoneCall, str]:
    """A client, and a call that it has answered."""
    client = await running.login("ALL")
    call = await running.call(guest, "1000")
    channel = (await client.event("CHANNEL_PARK"))["Unique-ID"]
    await client.execute(channel, "answer")
    await client.event("CHANNEL_EXECUTE_COMPLETE", Application="answer")
    return client, call, channel


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


@run_trio
async def test_the_events_of_a_call_come_in_freeswitchs_order(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client = await running.login("ALL")
        await client.command("nixevent API")
        call = await running.call(guest, "1000")
        assert await client.names_until("CHANNEL_PARK") == [
            "CHANNEL_STATE", "CHANNEL_STATE", "CHANNEL_CREATE", "CHANNEL_CALLSTATE", "CHANNEL_STATE", "CHANNEL_EXECUTE",
            "CHANNEL_STATE", "CHANNEL_PARK",
        ]  # fmt: skip
        call.hang_up()
        assert await client.names_until("CHANNEL_DESTROY") == [
            "CHANNEL_HANGUP", "CHANNEL_UNPARK", "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_STATE", "CHANNEL_CALLSTATE",
            "CHANNEL_STATE", "CHANNEL_HANGUP_COMPLETE", "CHANNEL_DESTROY",
        ]  # fmt: skip


@run_trio
async def test_a_call_without_any_client_is_refused(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        call = await running.call(guest, "1000")
        assert (await call.wait_ended()).status == 503


@run_trio
async def test_applications_with_a_lock_run_one_after_another(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "playback", "tone_stream://%(300,0,440)", event_lock="true", Event_UUID="a")
        await client.execute(channel, "playback", "tone_stream://%(100,0,640)", event_lock="true", Event_UUID="b")
        await client.execute(channel, "set", "x=1", event_lock="true", Event_UUID="c")
        told: list[tuple[str, str]] = []
        while ("CHANNEL_EXECUTE_COMPLETE", "c") not in told:
            while not client.events:
                client._keep(await client.packet())
            event = client.events.pop(0)
            if event["Event-Name"].startswith("CHANNEL_EXECUTE"):
                told.append((event["Event-Name"], event["Application-UUID"]))
        names = ("CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE")
        assert told == [(name, uuid) for uuid in "abc" for name in names]
        call.hang_up()


@run_trio
async def test_without_a_lock_one_runs_inside_another(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "playback", "tone_stream://%(60000,0,440)", Event_UUID="long")
        await client.execute(channel, "set", "x=1", Event_UUID="inside")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE")
        assert done["Application-UUID"] == "inside"
        assert await client.api(f"uuid_getvar {channel} x") == "1"
        assert await client.api(f"uuid_break {channel}") == "+OK\n"
        stopped = await client.event("PLAYBACK_STOP")
        assert stopped["Playback-Status"] == "break"
        assert (await client.event("CHANNEL_EXECUTE_COMPLETE"))["Application-Response"] == "FILE PLAYED"
        call.hang_up()


@run_trio
async def test_digits_are_asked_for_and_told(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        arguments = "1 4 3 8000 # tone_stream://%(3000,0,440) silence pin \\d+ 8000"
        await client.execute(channel, "play_and_get_digits", arguments)
        await client.event("CHANNEL_EXECUTE", Application="play_and_get_digits")
        call.press("42#")
        digit = await client.event("DTMF")
        assert (digit["DTMF-Digit"], digit["DTMF-Source"], digit["Unique-ID"]) == ("4", "RTP", channel)
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="play_and_get_digits")
        assert (done["variable_pin"], done["variable_read_result"]) == ("42", "success")
        assert done["variable_read_terminator_used"] == "#"
        await client.execute(channel, "read", "1 1 silence_stream://100 other 100 # 100")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="read")
        assert done["variable_read_result"] == "timeout"
        assert "variable_other" not in done
        call.hang_up()


@run_trio
async def test_a_missing_file_and_an_unknown_application(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "playback", "/etc/passwd")
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        assert done["Application-Response"] == "FILE NOT FOUND"
        await client.execute(channel, "no_such_application")
        assert (await client.event("CHANNEL_HANGUP"))["Hangup-Cause"] == "DESTINATION_OUT_OF_ORDER"
        await call.wait_ended()


@run_trio
async def test_a_call_is_recorded_below_the_folder_of_the_door(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "record_session", "/var/spool/call.wav")
        assert (await client.event("RECORD_START"))["Record-File-Path"] == "/var/spool/call.wav"
        await client.execute(channel, "playback", "tone_stream://%(200,0,440)")
        await client.event("PLAYBACK_STOP")
        await client.execute(channel, "stop_record_session", "/var/spool/call.wav")
        stopped = await client.event("RECORD_STOP")
        assert stopped["Record-File-Path"] == "/var/spool/call.wav"
        assert int(stopped["variable_record_ms"]) >= 100
        assert (tmp_path / "data" / "recordings" / "esl" / "var" / "spool" / "call.wav").stat().st_size > 44
        call.hang_up()


@run_trio
async def test_a_call_is_bridged_to_a_user_and_both_legs_tell_of_each_other(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "set", "hangup_after_bridge=true")
        await client.execute(channel, "export", "account=7")
        await client.execute(channel, "bridge", "{origination_uuid=the-other}user/desk")
        phone = await desk.wait_call()
        assert (await client.event("CHANNEL_ORIGINATE"))["Unique-ID"] == "the-other"
        phone.answer()
        bridged = await client.event("CHANNEL_BRIDGE")
        assert (bridged["Bridge-A-Unique-ID"], bridged["Bridge-B-Unique-ID"]) == (channel, "the-other")
        assert (bridged["Other-Leg-Unique-ID"], bridged["Other-Type"]) == ("the-other", "originatee")
        assert await client.api("uuid_getvar the-other account") == "7"
        [row] = json.loads(await client.api("show calls as json"))["rows"]
        assert (row["uuid"], row["b_uuid"]) == (channel, "the-other")
        phone.hang_up()
        await client.event("CHANNEL_UNBRIDGE")
        ended = await client.event("CHANNEL_HANGUP_COMPLETE", Unique_ID=channel)
        assert ended["variable_DIALSTATUS"] == "SUCCESS"
        await call.wait_ended()


@run_trio
async def test_a_caller_stays_after_a_bridge_unless_told_otherwise(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "bridge", "user/desk")
        phone = await desk.wait_call()
        phone.answer()
        await client.event("CHANNEL_BRIDGE")
        phone.hang_up()
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
        assert await client.api(f"uuid_exists {channel}") == "true"
        await client.execute(channel, "bridge", "user/desk")
        second = await desk.wait_call()
        second.answer()
        await client.event("CHANNEL_BRIDGE")
        call.hang_up()
        await second.wait_ended()


@run_trio
async def test_a_bridge_that_fails_ends_the_caller_with_its_cause_unless_it_goes_on(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, call, channel = await take(running, guest)
        await client.execute(channel, "set", "continue_on_fail=true")
        await client.execute(channel, "bridge", "user/desk")
        (await desk.wait_call()).reject(486)
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
        assert (done["variable_DIALSTATUS"], done["variable_originate_disposition"]) == ("BUSY", "USER_BUSY")
        await client.execute(channel, "unset", "continue_on_fail")
        await client.execute(channel, "bridge", "user/desk")
        (await desk.wait_call()).reject(486)
        assert (await client.event("CHANNEL_HANGUP", Unique_ID=channel))["Hangup-Cause"] == "USER_BUSY"
        await call.wait_ended()


@run_trio
async def test_originate_rings_a_user_and_has_an_application_run(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        client, watcher = await running.login(), await running.login("ALL")
        await client.send(
            "api originate {origination_uuid=my-leg,a='b c'}user/desk &park() XML default Alice 4711 20\n\n"
        )
        phone = await desk.wait_call()
        phone.answer()
        assert (await client.packet()).body == "+OK my-leg\n"
        created = await watcher.event("CHANNEL_CREATE")
        assert (created["Unique-ID"], created["variable_a"]) == ("my-leg", "b c")
        assert (created["Caller-Caller-ID-Number"], created["Call-Direction"]) == ("4711", "outbound")
        await watcher.event("CHANNEL_PARK", Unique_ID="my-leg")
        assert await client.api("originate {origination_uuid=my-leg}user/desk &park()") == (
            "-ERR DESTINATION_OUT_OF_ORDER\n"
        )
        assert await client.api("uuid_kill my-leg USER_BUSY") == "+OK\n"
        assert (await watcher.event("CHANNEL_HANGUP"))["Hangup-Cause"] == "USER_BUSY"
        await phone.wait_ended()


@run_trio
async def test_originate_tells_why_nobody_answered(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        client = await running.login()
        await client.send("api originate user/desk &park()\n\n")
        (await desk.wait_call()).reject(486)
        assert (await client.packet()).body == "-ERR USER_BUSY\n"
        await client.send("api originate [leg_timeout=1]user/desk &park()\n\n")
        await desk.wait_call()
        assert (await client.packet()).body == "-ERR ALLOTTED_TIMEOUT\n"
        await client.send("api originate {originate_timeout=1}user/desk &park()\n\n")
        await desk.wait_call()
        assert (await client.packet()).body == "-ERR NO_ANSWER\n"


@run_trio
async def test_a_leg_whose_application_has_ended_is_hung_up(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        client = await running.login("ALL")
        await client.command("bgapi originate user/desk &playback(tone_stream://%(200,0,440))")
        phone = await desk.wait_call()
        phone.answer()
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        await phone.wait_ended()
        await client.event("CHANNEL_DESTROY")


@run_trio
async def test_two_parked_calls_are_bridged_by_api(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, first, a = await take(running, guest)
        second = await running.call(guest, "1001")
        b = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        await client.execute(b, "answer")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="answer")
        assert await client.api(f"uuid_bridge {a} {b}") == f"+OK {b}\n"
        await client.event("CHANNEL_BRIDGE")
        first.hang_up()
        await second.wait_ended()


@run_trio
async def test_a_call_is_transferred_inline_and_to_a_number(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        assert await client.api(f"uuid_transfer {channel} 2000") == "+OK\n"
        parked = await client.event("CHANNEL_PARK")
        assert (parked["Unique-ID"], parked["Caller-Destination-Number"]) == (channel, "2000")
        await client.api(f"uuid_transfer {channel} 'set:x=1,playback:tone_stream://%(100;0;440)' inline")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="set")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        await call.wait_ended()


@run_trio
async def test_variables_are_set_read_and_dumped(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        assert await client.api(f"uuid_setvar {channel} x a b") == "+OK\n"
        assert await client.api(f"uuid_setvar_multi {channel} y=1;z=2") == "+OK\n"
        assert await client.api(f"eval uuid:{channel} ${{x}}-${{y}}${{z}}") == "a b-12"
        assert "variable_x: a%20b\n" in await client.api(f"uuid_dump {channel}")
        assert json.loads(await client.api(f"uuid_dump {channel} json"))["variable_x"] == "a b"
        assert await client.api(f"uuid_setvar {channel} x") == "+OK\n"
        assert await client.api(f"uuid_getvar {channel} x") == "_undef_"
        [row] = json.loads(await client.api("show channels as json"))["rows"]
        assert (row["uuid"], row["dest"], row["callstate"]) == (channel, "1000", "ACTIVE")
        assert (await client.api("show channels")).endswith("\n\n1 total.\n")
        call.hang_up()


@run_trio
async def test_variables_are_pushed_phrases_said_and_applications_run_inside_one(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, _, channel = await take(running, guest)
        await client.execute(channel, "push", "seen=one", event_lock="true")
        await client.execute(channel, "push", "seen=two", event_lock="true")
        await client.execute(channel, "execute_extension", "m:^:set:x=1^phrase:spell,ab inline", event_lock="true")
        assert (await client.event("PLAYBACK_START"))["Playback-File-Path"] == "say:spell,ab"
        done = await client.event("CHANNEL_EXECUTE_COMPLETE", Application="execute_extension")
        assert (done["variable_seen"], done["variable_x"]) == ("ARRAY::one|:two", "1")
        await client.command("log info")
        await client.execute(channel, "strftime", "0|%Y")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="strftime")
        assert client.notices[-1].body == "1970\n"


@run_trio
async def test_whom_a_private_channel_dials_is_not_told_who_calls(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, _, channel = await take(running, guest)
        await client.execute(channel, "privacy", "full")
        await client.execute(channel, "bridge", "user/desk")
        call = await desk.wait_call()
        assert call.invite.request.header("From").startswith('"Anonymous" <sip:anonymous@')
        call.reject()


@run_trio
async def test_two_calls_meet_in_a_conference_that_is_steered_by_api(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, first, a = await take(running, guest)
        second = await running.call(guest, "1001")
        b = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        assert await client.api("conference list") == "+OK No active conferences.\n"
        await client.execute(a, "conference", "room@default+flags{moderator}")
        assert (await client.event("CUSTOM"))["Action"] == "conference-create"
        joined = await client.event("CUSTOM", Action="add-member")
        assert (joined["Conference-Name"], joined["Member-ID"], joined["Unique-ID"]) == ("room", "1", a)
        assert (joined["Speak"], joined["Hear"], joined["Member-Type"]) == ("true", "true", "moderator")
        await client.execute(b, "conference", "room@default")
        assert (await client.event("CUSTOM", Action="add-member"))["Member-ID"] == "2"
        assert await client.api("conference room count") == "2\n"
        assert await client.api("conference room mute 2") == "+OK mute 2\n"
        lines = (await client.api("conference room list")).splitlines()
        assert [line.split(";")[0] for line in lines] == ["1", "2"]
        assert ["speak" in line.split(";")[5] for line in lines] == [True, False]
        assert await client.api("conference room kick 99") == "-ERR Non-Existant ID 99\n"
        assert await client.api("conference room dance") == "-ERR Conference command 'dance' not found.\n"
        assert await client.api("conference room kick 2") == "+OK kicked 2\n"
        assert (await client.event("CUSTOM", Action="del-member"))["Unique-ID"] == b
        assert (await client.event("CHANNEL_EXECUTE_COMPLETE"))["Application"] == "conference"
        first.hang_up()
        await client.event("CUSTOM", Action="conference-destroy")
        second.hang_up()


@run_trio
async def test_a_conference_plays_says_records_lists_and_sends_members_on(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest, registered(running, "desk") as desk:
        client, _, a = await take(running, guest)
        assert (await client.api("conference room bgdial user/desk 42 Desk")).startswith("OK Job-UUID: ")
        agent = await desk.wait_call()
        assert agent.invite.request.header("From").startswith('"Desk" <sip:42@')
        agent.answer()
        await client.event("CUSTOM", Action="add-member")
        await client.execute(a, "conference", "room")
        await client.event("CUSTOM", Action="add-member", Unique_ID=a)

        assert await client.api("conference room play goodbye.wav") == "+OK (play) Playing file goodbye.wav\n"
        assert (await client.event("CUSTOM", Action="play-file-done"))["File"] == "goodbye.wav"
        await client.api("conference room play goodbye.wav")
        assert await client.api("conference room stop all") == "+OK Stopped 1 files.\n"
        assert await client.api("conference room recording start r.wav") == "+OK Record file r.wav\n"
        assert await client.api("conference room recording check") == "+OK Record file r.wav\n"
        assert await client.api("conference room norecord all") == "+OK Stopped recording 1 file\n"
        assert (await client.event("CUSTOM", Action="stop-recording"))["Path"] == "r.wav"
        members = ET.fromstring(await client.api("conference room xml_list")).findall("conference/members/member")
        assert [member.findtext("id") for member in members] == ["1", "2"]
        assert await client.api("conference room get count") == "2"
        assert await client.api("conference room transfer other 2") == "+OK Members sent to conference other.\n"
        assert (await client.event("CUSTOM", Action="add-member"))["Conference-Name"] == "other"


@run_trio
async def test_a_caller_that_does_not_call_somebody_else_stays(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        asking = await running.login()
        await asking.send(f"api uuid_deflect {channel} desk@192.0.2.1\n\n")
        assert (await asking.packet()).body == "-ERR:refused\n"
        assert await client.api(f"uuid_exists {channel}") == "true"
        call.hang_up()


@run_trio
async def test_a_caller_that_calls_somebody_else_leaves(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        call.follows_transfers = True
        await client.execute(channel, "deflect", "sip:desk@192.0.2.1")
        assert await call.wait_event(TransferAsked)
        assert "desk@192.0.2.1" in str(call.follow_transfer())
        call.tell_transfer(200)
        assert (await client.event("CHANNEL_HANGUP"))["Hangup-Cause"] == "BLIND_TRANSFER"
        await call.wait_ended()


@run_trio
async def test_an_echo_comes_later_by_what_was_said_and_by_nothing_else(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        client, call, channel = await take(running, guest)
        for wrong in ("0", "10001", "soon"):
            await client.execute(channel, "delay_echo", wrong)
            await client.event("CHANNEL_EXECUTE_COMPLETE", Application="delay_echo")
        await client.execute(channel, "delay_echo", "400")
        await client.event("CHANNEL_EXECUTE", Application="delay_echo")
        call.play(ToneSource((440.0,)))
        assert await call.wait_sound()
        await client.api(f"uuid_break {channel}")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="delay_echo")


@run_trio
async def test_texts_come_in_and_go_out_beside_calls(tmp_path: Path):
    async with place(tmp_path) as running, registered(running, "desk") as desk:
        client = await running.login("MESSAGE")
        assert await client.api("chat sip|desk@here|mobile@here|Come over, please") == "Sent\n"
        assert (await client.api("chat sip|desk|nobody|x")).startswith("-ERR ")
        await desk.write(f"sip:1000@{running.sip[0]}:{running.sip[1]}", "I am coming")
        event = await client.event("MESSAGE")
        assert (event["from_user"], event["to_user"], event["proto"]) == ("desk", "1000", "sip")
