"""The api commands: what is asked, and the text that answers it. The table of them all is at the end."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec
import structlog

from . import (
    asked,
    browsing,
    channel_api,
    conference_api,
    controlling,
    detecting,
    displacing,
    gateways,
    keeping,
    knowing,
    originating,
    parking,
    refusing,
    scheduling,
    showing,
    streaming,
    tending,
    texting,
)
from .asked import ApiCommand, Asked
from .schedule import Work
from .steering import Refused


class _Asked(msgspec.Struct):
    cmd: str = ""
    arg: str = ""


class _Question(msgspec.Struct):
    """What `json` is asked; other keys are passed over."""

    command: str = ""
    data: _Asked = msgspec.field(default_factory=_Asked)


logger = structlog.get_logger("engine.esl")


async def answer_api(asking: Asked, line: str) -> str:
    """What `api LINE` is answered."""
    hub = asking.hub
    name, _, arguments = line.partition(" ")
    found = API.get(name.lower())
    if found is None:
        hub.note_unknown(f"api {name[:64]}")
        return f"-ERR {name} Command not found!\n"
    if not asking.user.may_ask(name):  # inside another
        return "-ERR permission denied\n"
    hub.announce("API", {"API-Command": name, "API-Command-Argument": arguments})
    try:
        return await found.answer(asking, arguments.strip())
    except Refused as refused:
        return f"-ERR {refused}\n"
    except Exception:  # a fault of ours must not take the connection with it
        logger.exception("an api command failed", command=name)
        return "-ERR it failed inside the engine; its log has the traceback\n"


async def bgapi(asking: Asked, arguments: str) -> str:
    hub, job = asking.hub, asking.hub.new_id()
    name, _, data = arguments.partition(" ")

    async def work() -> None:
        body = await answer_api(asking, arguments)
        headers = {"Job-UUID": job, "Job-Command": name, **({"Job-Command-Arg": data} if data else {})}
        hub.announce("BACKGROUND_JOB", headers, body=body)

    return f"+OK Job-UUID: {job}\n" if hub.start_job(work) else "-ERR too many jobs\n"


async def sched_api(asking: Asked, arguments: str) -> str:
    def ask(line: str) -> Work:
        async def work() -> None:
            await answer_api(asking, line)

        return work

    return scheduling.add_api(asking, arguments, ask)


async def json_api(asking: Asked, arguments: str) -> str:
    """`{"command": "fsapi", "data": {"cmd": ..., "arg": ...}}`, or `{"command": "status"}`."""
    if not arguments:
        return "-ERR No JSON supplied.\n"
    try:
        question = msgspec.json.decode(arguments, type=_Question)
    except msgspec.DecodeError:
        return '{"status":"error","message":"-ERR Cannot parse JSON"}'
    line = "status" if question.command == "status" else f"{question.data.cmd} {question.data.arg}".strip()
    if question.command not in ("status", "fsapi"):
        told = {"command": question.command, "status": "error", "message": "Invalid request or non-existent command"}
        return msgspec.json.encode(told).decode()
    response = {"message": await answer_api(asking, line)}
    return msgspec.json.encode({"command": question.command, "status": "success", "response": response}).decode()


async def expand_and_answer(asking: Asked, arguments: str) -> str:
    return await answer_api(asking, await asked.evaluate(asking, arguments))


API: Mapping[str, ApiCommand] = MappingProxyType({
    "bg_system": refusing.NO_SHELL_API,
    "bgapi": ApiCommand(bgapi),
    "chat": ApiCommand(asked.chat, "sip alone, to users"),
    "conference": ApiCommand(
        conference_api.answer,
        "no set, energy, volume, floor, video; of this door",
    ),
    "console": ApiCommand(asked.console, "changes nothing"),
    "create_uuid": ApiCommand(asked.create_uuid),
    "curl": ApiCommand(browsing.curl_api, browsing.DIFFERS),
    "db": ApiCommand(keeping.db_api, "in memory; no SQL"),
    "domain_exists": ApiCommand(knowing.domain_exists, "the host of the first SIP address"),
    "echo": ApiCommand(asked.echo),
    "escape": ApiCommand(texting.escape),
    "eval": ApiCommand(asked.evaluate, "variables; no functions"),
    "expand": ApiCommand(expand_and_answer, "variables; no functions"),
    "expr": ApiCommand(texting.expr, "+ - * / % and parentheses"),
    "file_exists": ApiCommand(knowing.file_exists, "in the folder of the prompts, or the door's recordings"),
    "fsctl": ApiCommand(controlling.fsctl, "pause and resume are for calls of this door; no shutdown"),
    "global_getvar": ApiCommand(asked.global_getvar),
    "global_setvar": ApiCommand(asked.global_setvar, "for ESL clients alone"),
    "group_call": ApiCommand(knowing.group_call, "the groups of [esl]"),
    "hash": ApiCommand(keeping.hash_api),
    "hostname": ApiCommand(asked.hostname),
    "hupall": ApiCommand(channel_api.hang_up_all),
    "in_group": ApiCommand(knowing.in_group, "the groups of [esl]"),
    "json": ApiCommand(json_api, "the commands status and fsapi"),
    "list_users": ApiCommand(knowing.list_users, "no contexts, no caller IDs"),
    "load": ApiCommand(asked.load, "loads nothing"),
    "log": ApiCommand(asked.log),
    "md5": ApiCommand(asked.md5),
    "module_exists": ApiCommand(asked.module_exists, "true for what this door stands in for"),
    "msleep": ApiCommand(asked.msleep),
    "originate": ApiCommand(originating.originate, "an extension is a number of our routes"),
    "regex": ApiCommand(texting.regex, "at most three repetitions in a pattern, 256 characters of data"),
    "reload": ApiCommand(asked.reload, "changes nothing"),
    "reloadacl": ApiCommand(asked.reload_acl, "changes nothing"),
    "reloadxml": ApiCommand(asked.reload_xml, "changes nothing"),
    "replace": ApiCommand(texting.replace),
    "sched_api": ApiCommand(sched_api),
    "sched_broadcast": ApiCommand(scheduling.api_broadcast),
    "sched_del": ApiCommand(scheduling.api_delete),
    "sched_hangup": ApiCommand(scheduling.api_hangup),
    "sched_transfer": ApiCommand(scheduling.api_transfer, "to a number of our routes, or inline"),
    "show": ApiCommand(
        showing.show,
        "channels, calls, bridged_calls, registrations, tasks, application, endpoint, modules; other lists are empty",
    ),
    "sofia": ApiCommand(gateways.sofia, "status and xmlstatus; one profile, internal; gateways are our trunks"),
    "sofia_contact": ApiCommand(asked.sofia_contact, "a dial string for the user, whatever its contacts"),
    "sql_escape": ApiCommand(texting.sql_escape),
    "status": ApiCommand(showing.status),
    "strepoch": ApiCommand(asked.strepoch, "now"),
    "strftime": ApiCommand(asked.strftime),
    "switchname": ApiCommand(asked.hostname),
    "system": refusing.NO_SHELL_API,
    "tone_detect": ApiCommand(detecting.tone_detect_api, "the frequencies of fax, busy, congestion, SIT, and 1000"),
    "unload": ApiCommand(asked.unload, "unloads nothing"),
    "unsched_api": ApiCommand(scheduling.api_delete),
    "uptime": ApiCommand(showing.uptime_of_engine),
    "url_decode": ApiCommand(asked.url_decode),
    "url_encode": ApiCommand(asked.url_encode),
    "user_data": ApiCommand(knowing.user_data, "id, user_context and dial-string"),
    "user_exists": ApiCommand(knowing.user_exists),
    "uuid_answer": ApiCommand(channel_api.answer),
    "uuid_audio": ApiCommand(tending.audio, "mute, no levels"),
    "uuid_audio_fork": streaming.AUDIO_FORK,
    "uuid_audio_stream": streaming.AUDIO_STREAM,
    "uuid_break": ApiCommand(channel_api.break_off),
    "uuid_bridge": ApiCommand(channel_api.bridge, "two answered calls of this door"),
    "uuid_broadcast": ApiCommand(channel_api.broadcast, "aleg, bleg or both; no holdb"),
    "uuid_buglist": ApiCommand(tending.bug_list, "recordings and streams"),
    "uuid_chat": ApiCommand(tending.chat),
    "uuid_deflect": ApiCommand(channel_api.deflect, "an answered call"),
    "uuid_displace": ApiCommand(displacing.displace_api, "who talks with the channel hears it; nothing is mixed"),
    "uuid_display": ApiCommand(tending.succeed, "changes nothing"),
    "uuid_dump": ApiCommand(channel_api.dump),
    "uuid_early_ok": ApiCommand(channel_api.accept, "changes nothing"),
    "uuid_exists": ApiCommand(channel_api.exists),
    "uuid_fileman": ApiCommand(tending.file_manager, "pause, stop, restart, seek, volume"),
    "uuid_flush_dtmf": ApiCommand(channel_api.accept, "digits keyed ahead stay"),
    "uuid_getvar": ApiCommand(channel_api.getvar),
    "uuid_hold": ApiCommand(channel_api.hold),
    "uuid_kill": ApiCommand(channel_api.kill),
    "uuid_limit": ApiCommand(tending.take_place, "no intervals"),
    "uuid_loglevel": ApiCommand(channel_api.accept, "changes nothing"),
    "uuid_media": ApiCommand(tending.media, "media go through the engine: off fails"),
    "uuid_media_reneg": ApiCommand(tending.keep_media, "fails: the codec stays the one that was agreed on"),
    "uuid_park": ApiCommand(channel_api.park),
    "uuid_phone_event": ApiCommand(tending.phone_event),
    "uuid_pre_answer": ApiCommand(channel_api.pre_answer),
    "uuid_preprocess": ApiCommand(channel_api.accept, "changes nothing"),
    "uuid_record": ApiCommand(channel_api.record, "below the recordings folder of the door; mask is a pause"),
    "uuid_recv_dtmf": ApiCommand(channel_api.receive_dtmf, "w and W are left out"),
    "uuid_ring_ready": ApiCommand(channel_api.ring_ready),
    "uuid_send_dtmf": ApiCommand(channel_api.send_dtmf, "RFC 4733; w and W are left out"),
    "uuid_send_info": ApiCommand(tending.send_info),
    "uuid_send_message": ApiCommand(tending.chat),
    "uuid_session_heartbeat": ApiCommand(tending.heartbeat),
    "uuid_setvar": ApiCommand(channel_api.setvar),
    "uuid_setvar_multi": ApiCommand(channel_api.setvar_multi),
    "uuid_transfer": ApiCommand(channel_api.transfer, "to a number of our routes, or inline"),
    "valet_info": ApiCommand(parking.valet_info),
    "version": ApiCommand(showing.version),
})
