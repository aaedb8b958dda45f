"""The answers to commands, to the letter: clients compare them."""

from __future__ import annotations

import json
from pathlib import Path

from tests.interop.terminal import terminal
from tests.trio_tests import run_trio

from .place import PASSWORD, place

REPLIES = [
    ("event plain DTMF", "+OK event listener enabled plain"),
    ("event json CHANNEL_CREATE CUSTOM sofia::register", "+OK event listener enabled json"),
    ("event HEARTBEAT", "+OK event listener enabled json"),
    ("events xml ALL", "+OK event listener enabled xml"),
    ("event plain NO_SUCH", "-ERR no keywords supplied"),
    ("nixevent DTMF", "+OK events nixed"),
    ("nixevent", "-ERR no keywords supplied"),
    ("noevents", "+OK no longer listening for events"),
    ("noevents", "-ERR not listening for events"),
    ("filter Unique-ID abc", "+OK filter added. [Unique-ID]=[abc]"),
    ("filter add Unique-ID d e", "+OK filter added. [Unique-ID]=[d e]"),
    ("filter delete Unique-ID abc", "+OK filter deleted. [Unique-ID][abc]"),
    ("filter delete all", "+OK filter deleted. [all][]"),
    ("filter Unique-ID", "-ERR invalid syntax"),
    ("filter", "-ERR command not found"),
    ("myevents some-channel", "+OK Events Enabled"),
    ("myevents some-channel", "-ERR aready enabled."),
    ("divert_events on", "-ERR not controlling a session."),
    ("linger", "-ERR not controlling a session"),
    ("nolinger", "-ERR not controlling a session"),
    ("getvar x", "-ERR command not found"),
    ("connect", "-ERR command not found"),
    ("log debug", "+OK log level debug [7]"),
    ("log", "+OK log level  [7]"),
    ("log loud", "-ERR invalid log level"),
    ("nolog", "+OK no longer logging"),
    ("nolog", "-ERR not loging"),
    ("sendmsg nobody\ncall-command: hangup", "-ERR invalid session id [nobody]"),
    (f"auth {PASSWORD}", "-ERR command not found"),
    ("api", "-ERR command not found"),
    (" api status", "-ERR command not found"),
    ("nonsense", "-ERR command not found"),
]
BODIES = [
    ("nonsense now", "-ERR nonsense Command not found!\n"),
    ("", "-ERR  Command not found!\n"),
    ("uuid_kill nobody", "-ERR No such channel!\n"),
    ("uuid_getvar nobody x", "-ERR No such channel!\n"),
    ("uuid_exists nobody", "false"),
    ("uuid_answer nobody", "-ERROR\n"),
    ("uuid_broadcast nobody a.wav", "-ERR invalid uuid\n"),
    ("uuid_hold nobody", "+OK Success\n"),
    ("uuid_record nobody start a.wav", "-ERR Cannot locate session!\n"),
    ("uuid_displace nobody start a.wav", "-ERR Cannot locate session!\n"),
    ("tone_detect nobody fax 1100", "-ERR Cannot locate session!\n"),
    ("valet_info", "<lots>\n</lots>\n"),
    ("load mod_sofia", "-ERR [Module already loaded]\n"),
    ("unload mod_lua", "-ERR [No such module!]\n"),
    ("reload mod_sofia", "+OK Reloading XML\n+OK module reloaded\n"),
    ("json", "-ERR No JSON supplied.\n"),
    ("json {", '{"status":"error","message":"-ERR Cannot parse JSON"}'),
    (
        'json {"command": "fsapi", "data": {"cmd": "echo", "arg": "a \\"b\\""}}',
        '{"command":"fsapi","status":"success","response":{"message":"a \\"b\\""}}',
    ),
    (
        'json {"command": "dance"}',
        '{"command":"dance","status":"error","message":"Invalid request or non-existent command"}',
    ),
    ("show channels", "\n0 total.\n"),
    ("show channels as json", '{"row_count": 0}\n'),
    ("show calls count", "\n0 total.\n"),
    ("show registrations as xml", '<result row_count="0"/>\n'),
    ("global_getvar x", "-ERR no reply\n"),
    ("global_setvar x=5", "+OK\n"),
    ("global_getvar x", "5"),
    ("eval a${x}b", "a5b"),
    ("expand echo ${x}", "5"),
    ("echo hello there", "hello there"),
    ("md5 a", "0cc175b9c0f1b6a831c399e269772661"),
    ("url_encode a b", "a%20b"),
    ("url_decode a%20b", "a b"),
    ("reloadxml", "+OK [Success]\n"),
    ("log info hello", "+OK\n"),
    ("hupall", "+OK hangup all channels with cause MANAGER_REQUEST\n"),
    ("originate nonsense &park()", "-ERR CHAN_NOT_IMPLEMENTED\n"),
    ("originate sofia/gateway/g/5 &park()", "-ERR INVALID_GATEWAY\n"),
    ("originate error/USER_BUSY &park()", "-ERR USER_BUSY\n"),
    ("originate {a=1 &park()", "-ERR DESTINATION_OUT_OF_ORDER\n"),
    ("originate user/desk &park()", "-ERR USER_NOT_REGISTERED\n"),
    ("originate group/nobody &park()", "-ERR NO_ROUTE_DESTINATION\n"),
    ("hash insert/r/k/v/w", "+OK\n"),
    ("hash select/r/k", "v/w"),
    ("hash insert_ifempty/r/k/x", "-ERR key already exists\n"),
    ("hash delete_ifmatch/r/k/x", "-ERR Not found\n"),
    ("hash delete/r/k", "+OK\n"),
    ("hash delete/r/k", "-ERR Not found\n"),
    ("hash select/r/k", "-ERR no reply\n"),
    ("db insert/r/k/v", "+OK"),
    ("db exists/r/k", "true"),
    ("db select/r/k", "v"),
    ("db count/r", "1"),
    ("db list/r", "k"),
    ("db delete/r/k", "+OK"),
    ("db exists/r/k", "false"),
    ("db dance/r", "!err!"),
    ("regex 12345|^1(2.)4|x$1", "x23"),
    ("regex 12345|^2", "false"),
    ("regex 12345|^1", "true"),
    ("regex a|(a*)*", "-ERR\n"),
    ("expr 1+2*(3-1)", "5"),
    ("expr 1/4", "0.25"),
    ("sql_escape it's", "it''s"),
    ("user_exists id desk example.com", "true"),
    ("user_exists id nobody example.com", "false"),
    ("user_data desk@example.com attr id", "desk"),
    ("user_data nobody@example.com attr id", "-ERR no reply\n"),
    ("in_group desk@example.com everybody", "true"),
    ("in_group nobody everybody", "false"),
    ("fsctl ready_check", "true"),
    ("fsctl pause out", "+OK\n"),
    ("fsctl pause_check out", "true"),
    ("originate user/desk &park()", "-ERR SWITCH_CONGESTION\n"),
    ("fsctl resume", "+OK\n"),
    ("fsctl pause_check", "false"),
    ("fsctl shutdown", "-ERR shutdown is not done by this door: callflow stops by its service\n"),
    ("fsctl last_sps", "+OK last sessions per second: 0\n"),
    ("sched_api +3600 mine status", "+OK Added: 1\n"),
    ("sched_api @60 mine status", "+OK Added: 2\n"),
    ("sched_del mine", "+OK Deleted: 2\n"),
    ("sched_del 1", "+OK Deleted: 0\n"),
    ("sched_hangup +10 nobody", "-ERR No such channel!\n"),
    ("sched_transfer +10 nobody 1000", "-ERR No such channel!\n"),
    ("sched_broadcast +10 nobody a.wav", "+OK Message scheduled\n"),
    ("sofia status profile nobody", "Invalid Profile!\n"),
    ("sofia status gateway nobody", "Invalid Gateway!\n"),
    ("sofia status dance", "Invalid Args!\n"),
    ("sofia profile internal rescan", "+OK scan complete\n"),
    ("sofia profile internal killgw g", "-ERR no such gateway.\n"),
    ("sofia profile nobody rescan", "Invalid Profile!\n"),
    ("console loglevel debug", "+OK console log level set to DEBUG\n"),
    ("uuid_audio nobody stop", "-ERR No such channel!\n"),
    ("uuid_fileman nobody pause", "-ERR No such channel!\n"),
    ("uuid_phone_event nobody talk", "-ERR Operation failed\n"),
    ("uuid_buglist nobody", "-ERR No such channel!\n"),
    ("uuid_media nobody", "-ERR Operation failed\n"),
    ("uuid_display nobody hello", "-ERR Operation failed\n"),
    ("uuid_limit nobody hash r i 1", "-ERR No such channel!\n"),
    ("show tasks", "\n0 total.\n"),
    ("module_exists mod_sofia", "true"),
    ("system rm -rf /", "-ERR refused: a door over the network runs no shell\n"),
]


@run_trio
async def test_every_command_is_answered_as_freeswitch_answers_it(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login()
        assert [(command, (await client.command(command)).text) for command, _ in REPLIES] == REPLIES
        bodies = [(command, await client.api(command)) for command, _ in BODIES]
        assert bodies == BODIES
        assert (await client.api("originate")).startswith("-USAGE: <call url> <exten>|&<application_name>(<app_args>)")
        assert len(await client.api("create_uuid")) == 36
        assert (await client.api("status")).startswith("UP 0 years, 0 days")
        assert (await client.api("version")).startswith("FreeSWITCH Version ")


@run_trio
async def test_before_the_password_nothing_is_done(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.open()
        await client.packet()
        assert (await client.command("api status")).text == "-ERR command not found"
        assert (await client.command("event plain ALL")).text == "-ERR command not found"


@run_trio
async def test_a_user_logs_in_and_is_told_what_it_may(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.open()
        await client.packet()
        reply = await client.command(f"userauth somebody@somewhere:{PASSWORD}")
        assert (reply.text, reply.headers["Allowed-LOG"]) == ("+OK accepted", "true")


@run_trio
async def test_who_exits_is_told_goodbye(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login()
        assert (await client.command("exit")).text == "+OK bye"
        [notice] = await client.rest()
        assert notice.headers["Content-Type"] == "text/disconnect-notice"
        assert len(notice.body) == 67


@run_trio
async def test_commands_sent_at_once_are_answered_in_their_order(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login()
        await client.send("".join(f"api echo {number}\n\n" for number in range(200)))
        assert [(await client.packet()).body for _ in range(200)] == [str(number) for number in range(200)]


@run_trio
async def test_a_job_is_named_at_once_and_its_result_is_an_event(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login("BACKGROUND_JOB")
        reply = await client.command("bgapi echo hello")
        job = reply.headers["Job-UUID"]
        assert reply.text == f"+OK Job-UUID: {job}"
        packet = await client.packet()
        assert packet.event["Job-UUID"] == job
        assert (packet.event["Job-Command"], packet.event["Job-Command-Arg"]) == ("echo", "hello")
        assert packet.body.endswith("Content-Length: 5\n\nhello")
        assert (await client.command("bgapi status\nJob-UUID: mine")).headers["Job-UUID"] == "mine"


@run_trio
async def test_an_event_of_a_client_reaches_the_others(tmp_path: Path):
    async with place(tmp_path) as running:
        listener = await running.login("CUSTOM", "my::event")
        sender = await running.login()
        reply = await sender.command("sendevent CUSTOM\nEvent-Subclass: my::event\nX-Mine: a%0Ab\n")
        event = await listener.event("CUSTOM", Event_Subclass="my::event")
        assert reply.text == f"+OK {event['Event-UUID']}"
        assert event["X-Mine"] == "a\nb"


@run_trio
async def test_events_are_json_and_xml_for_who_wants_them_so(tmp_path: Path):
    async with place(tmp_path) as running, terminal() as guest:
        as_json, as_xml = await running.login(), await running.login()
        await as_json.command("event json CHANNEL_CREATE")
        await as_xml.command("event xml CHANNEL_CREATE")
        call = await running.call(guest, "1000")
        packet = await as_json.packet()
        assert packet.headers["Content-Type"] == "text/event-json"
        document = json.loads(packet.body)
        assert (document["Event-Name"], document["variable_sip_req_user"]) == ("CHANNEL_CREATE", "1000")
        packet = await as_xml.packet()
        assert packet.headers["Content-Type"] == "text/event-xml"
        assert f"<Unique-ID>{document['Unique-ID']}</Unique-ID>" in packet.body
        call.hang_up()


@run_trio
async def test_the_log_is_read_at_its_level(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login()
        await client.command("log warning")
        await client.api("log info quiet")
        await client.api("log err loud")
        await client.command("exit")
        assert [(notice.headers["Log-Level"], notice.body) for notice in client.notices] == [("3", "loud\n")]


@run_trio
async def test_clients_are_told_when_the_engine_stops(tmp_path: Path):
    async with place(tmp_path) as running:
        client = await running.login("SHUTDOWN")
        await running.engine.switch.sockets.close()
        last = [packet.headers["Content-Type"] for packet in await client.rest()]
    assert last == ["text/event-plain", "text/disconnect-notice"]
