"""Events as tables: in which order those of a call come, and which headers each of them has."""

from __future__ import annotations

from pathlib import Path

from engine.eventsocket.esl.vocabulary import WITH_VARIABLES
from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import place, registered

CORE = {
    "Event-Name", "Core-UUID", "FreeSWITCH-Hostname", "FreeSWITCH-Switchname", "FreeSWITCH-IPv4", "FreeSWITCH-IPv6",
    "Event-Date-Local", "Event-Date-GMT", "Event-Date-Timestamp", "Event-Calling-File", "Event-Calling-Function",
    "Event-Calling-Line-Number", "Event-Sequence",
}  # fmt: skip
CHANNEL = {
    "Channel-State", "Channel-Call-State", "Channel-State-Number", "Channel-Name", "Unique-ID", "Call-Direction",
    "Presence-Call-Direction", "Channel-HIT-Dialplan", "Channel-Call-UUID", "Answer-State", "Caller-Direction",
    "Caller-Logical-Direction", "Caller-Username", "Caller-Caller-ID-Name", "Caller-Caller-ID-Number",
    "Caller-Network-Addr", "Caller-ANI", "Caller-Destination-Number", "Caller-Unique-ID", "Caller-Context",
    "Caller-Channel-Name", "Caller-Channel-Created-Time", "Caller-Channel-Answered-Time",
    "Caller-Channel-Progress-Time", "Caller-Channel-Progress-Media-Time", "Caller-Channel-Hangup-Time",
    "Caller-Channel-Transfer-Time", "Caller-Channel-Bridged-Time",
}  # fmt: skip
# What else each has.
TABLE = {
    "CHANNEL_CALLSTATE": {"Original-Channel-Call-State", "Channel-Call-State-Number"},
    "CHANNEL_EXECUTE": {"Application", "Application-UUID"},
    "CHANNEL_EXECUTE_COMPLETE": {"Application", "Application-UUID", "Application-Response"},
    "CHANNEL_BRIDGE": {"Bridge-A-Unique-ID", "Bridge-B-Unique-ID", "Other-Type", "Other-Leg-Unique-ID",
                       "Other-Leg-Caller-ID-Number", "Other-Leg-Channel-Name", "Other-Leg-Destination-Number"},
    "CHANNEL_UNBRIDGE": {"Bridge-A-Unique-ID", "Bridge-B-Unique-ID"},
    "CALL_UPDATE": {"Direction"},
    "CHANNEL_HANGUP": {"Hangup-Cause"},
    "CHANNEL_HANGUP_COMPLETE": {"Hangup-Cause", "variable_hangup_cause", "variable_duration", "variable_billsec",
                                "variable_start_epoch", "variable_answer_epoch", "variable_end_epoch",
                                "variable_hangup_cause_q850", "variable_sip_hangup_disposition"},
    "CHANNEL_DESTROY": {"Hangup-Cause"},
    "DTMF": {"DTMF-Digit", "DTMF-Duration", "DTMF-Source"},
    "PLAYBACK_START": {"Playback-File-Path"},
    "PLAYBACK_STOP": {"Playback-File-Path", "Playback-Status", "variable_playback_ms"},
    "RECORD_START": {"Record-File-Path"},
    "RECORD_STOP": {"Record-File-Path", "variable_record_ms"},
    "MEDIA_BUG_START": {"Media-Bug-Function", "Media-Bug-Target"},
    "MEDIA_BUG_STOP": {"Media-Bug-Function", "Media-Bug-Target"},
}  # fmt: skip
EVERYWHERE = {"variable_uuid", "variable_call_uuid", "variable_direction", "variable_channel_name"}
OF_CALLER = [
    "CHANNEL_STATE", "CHANNEL_STATE", "CHANNEL_CREATE", "CHANNEL_CALLSTATE", "CHANNEL_STATE",
    "CHANNEL_EXECUTE", "CHANNEL_STATE", "CHANNEL_PARK", "CHANNEL_EXECUTE", "CODEC", "CODEC", "CHANNEL_ANSWER",
    "CHANNEL_CALLSTATE",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_EXECUTE", "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_EXECUTE", "PLAYBACK_START", "DTMF", "PLAYBACK_STOP", "CHANNEL_EXECUTE_COMPLETE",
    "CHANNEL_EXECUTE", "CHANNEL_BRIDGE", "CALL_UPDATE", "CHANNEL_STATE", "CHANNEL_UNBRIDGE",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_HANGUP", "CHANNEL_UNPARK",
    "CHANNEL_EXECUTE_COMPLETE", "CHANNEL_STATE", "CHANNEL_CALLSTATE", "CHANNEL_STATE", "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_DESTROY", "CHANNEL_STATE",
]  # fmt: skip
# A recording begins and ends when the media say so, among the others.
WHEN_MEDIA_SAY = {"RECORD_START", "MEDIA_BUG_START", "RECORD_STOP", "MEDIA_BUG_STOP"}
OF_CALLEE = [
    "CHANNEL_OUTGOING", "CHANNEL_STATE", "CHANNEL_CREATE", "CHANNEL_ORIGINATE", "CHANNEL_STATE", "CHANNEL_STATE",
    "CHANNEL_PROGRESS", "CHANNEL_CALLSTATE", "CODEC", "CODEC", "CHANNEL_ANSWER", "CHANNEL_CALLSTATE", "CALL_UPDATE",
    "CHANNEL_STATE",
    "CHANNEL_HANGUP", "CHANNEL_STATE", "CHANNEL_CALLSTATE", "CHANNEL_STATE", "CHANNEL_HANGUP_COMPLETE",
    "CHANNEL_DESTROY", "CHANNEL_STATE",
]  # fmt: skip


async def events_of_a_whole_call(folder: Path) -> list[dict[str, str]]:
    """A caller is answered, recorded, played to, presses a key, is bridged to a user, who hangs up, and hangs up."""
    async with place(folder) as running, terminal() as guest, registered(running, "desk") as desk:
        client, watcher = await running.login("ALL"), await running.login("ALL")
        call = await running.call(guest, "1000")
        channel = (await client.event("CHANNEL_PARK"))["Unique-ID"]
        for application, argument in (("answer", ""), ("record_session", "call.wav")):
            await client.execute(channel, application, argument)
            await client.event("CHANNEL_EXECUTE_COMPLETE", Application=application)
        await client.execute(channel, "playback", "tone_stream://%(60000,0,440)")
        await client.event("PLAYBACK_START")
        call.press("5")
        await client.event("DTMF")
        await client.api(f"uuid_break {channel}")
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="playback")
        await client.execute(channel, "bridge", "{origination_uuid=the-callee}user/desk")
        phone = await desk.wait_call()
        phone.ring()
        await client.event("CHANNEL_PROGRESS")
        phone.answer()
        await client.event("CHANNEL_BRIDGE")
        phone.hang_up()
        await client.event("CHANNEL_EXECUTE_COMPLETE", Application="bridge")
        call.hang_up()
        events: list[dict[str, str]] = []
        gone: set[str] = set()
        while len(gone) < 2:
            while not watcher.events:
                watcher._keep(await watcher.packet())
            event = watcher.events.pop(0)
            events.append(event)
            if event["Event-Name"] == "CHANNEL_STATE" and event["Channel-State"] == "CS_DESTROY":
                gone.add(event["Unique-ID"])
        return [event for event in events if "Unique-ID" in event]


@run_trio
async def test_the_events_of_a_whole_call_have_their_order_and_their_headers(tmp_path: Path):
    events = await events_of_a_whole_call(tmp_path)
    callee = [event for event in events if event["Unique-ID"] == "the-callee"]
    caller = [event for event in events if event["Unique-ID"] != "the-callee"]
    told = [event["Event-Name"] for event in caller]
    assert [name for name in told if name not in WHEN_MEDIA_SAY] == OF_CALLER
    assert set(told) >= WHEN_MEDIA_SAY
    assert [event["Event-Name"] for event in callee] == OF_CALLEE
    numbers = [int(event["Event-Sequence"]) for event in events]
    assert numbers == sorted(set(numbers))
    for event in events:
        name = event["Event-Name"]
        missing = (CORE | CHANNEL | TABLE.get(name, set())) - event.keys()
        assert not missing, (name, missing)
        variables = {header for header in event if header.startswith("variable_")}
        assert variables >= EVERYWHERE if name in WITH_VARIABLES else not variables, name
    assert {event["Channel-Call-UUID"] for event in callee} == {caller[0]["Unique-ID"]}
    assert {event["Unique-ID"] for event in callee} == {"the-callee"}
    assert callee[-3]["variable_hangup_cause"] == callee[-3]["Hangup-Cause"] == "NORMAL_CLEARING"


@run_trio
async def test_registrations_and_what_clients_read_of_them(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login("CUSTOM", "sofia::register", "sofia::unregister")
        async with registered(running, "desk"):
            event = await client.event("CUSTOM", Event_Subclass="sofia::register")
            wanted = {"profile-name", "from-user", "from-host", "contact", "status", "expires", "to-user", "to-host",
                      "network-ip", "network-port", "username", "realm"}  # fmt: skip
            assert wanted <= event.keys()
            assert (event["from-user"], event["network-ip"]) == ("desk", "127.0.0.1")
            assert "desk@" in await client.api("sofia status profile internal reg")
            assert "<auth-user>desk</auth-user>" in await client.api("sofia xmlstatus profile internal reg desk")
            assert "sip:mod_sofia@127.0.0.1:" in await client.api("sofia status")
