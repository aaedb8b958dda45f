"""The api command `conference`: what is asked of conferences, and done in them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Literal, cast
from xml.sax.saxutils import escape, quoteattr

from callflow.protocol import commands

from .asked import Asked
from .conferring import Room, maintain
from .hub import Hub
from .leg import Leg
from .originating import originate
from .performing import run
from .sound import file_name, said, sources_of
from .steering import Refused

_Action = Literal["mute", "unmute", "deafen", "undeafen", "kick"]
# What the api calls it, what it answers with, and ours.
_ACTIONS: Mapping[str, tuple[str, _Action]] = MappingProxyType({
    "mute": ("mute", "mute"),
    "unmute": ("unmute", "unmute"),
    "deaf": ("deaf", "deafen"),
    "undeaf": ("undeaf", "undeafen"),
    "kick": ("kicked", "kick"),
    "hup": ("hup", "kick"),
})


async def answer(asking: Asked, arguments: str) -> str:
    """`conference list`, `conference NAME COMMAND ...`."""
    hub, words = asking.hub, arguments.split()
    if not words or (words[0] == "list" and len(words) == 1):
        return "".join([await _list(hub, room) for room in hub.rooms.values()]) or "+OK No active conferences.\n"
    if words[1:2] in (["dial"], ["bgdial"]):  # which begins a conference, too
        return await _dial(asking, words[0], words[1], " ".join(words[2:]))
    room = hub.rooms.get(words[0])
    if room is None:
        return f"-ERR Conference {words[0]} not found\n"
    verb = words[1].lower() if len(words) > 1 else "list"
    if verb in _ACTIONS:
        return await _act(hub, room, verb, words[2] if len(words) > 2 else "")
    known = _VERBS.get(verb)
    if known is None:
        return f"-ERR Conference command '{verb}' not found.\n"
    return await known(hub, room, " ".join(words[2:]))


async def _act(hub: Hub, room: Room, verb: str, whom: str) -> str:
    told, action = _ACTIONS[verb]
    members = dict(room.numbers)
    if whom == "last":
        members = dict(list(members.items())[-1:])
    elif whom == "non_moderator":
        state = await _state(hub, room)
        moderators = {member.id for member in state.members if member.moderator}
        members = {leg: number for leg, number in members.items() if leg not in moderators}
    elif whom != "all":
        members = {leg: number for leg, number in members.items() if number == whom}
    if not members:
        return f"-ERR Non-Existant ID {whom}\n"  # so it is on the wire
    for leg in members:
        await _give(hub, room, action, leg)
        _note(hub.find(leg), action)
        maintain(hub, room, f"{action.removesuffix('en')}-member", hub.find(leg))
    return "".join(f"+OK {told} {number}\n" for number in members.values())


def _note(leg: Leg | None, action: _Action) -> None:
    flag = "mute" if "mute" in action else "deaf"
    if leg is not None and action != "kick":
        leg.flags = leg.flags - {flag} if action.startswith("un") else leg.flags | {flag}


async def _list(hub: Hub, room: Room, _: str = "") -> str:
    state = await _state(hub, room)
    lines = []
    for member in state.members:
        leg = hub.find(member.id)
        if leg is not None:
            can = [name for name, is_off in (("hear", member.deaf), ("speak", member.muted)) if not is_off]
            can += ["floor"] if member.talking else []
            caller = leg.facts.caller
            number = room.numbers.get(leg.id, "0")
            cells = [
                number,
                leg.name,
                leg.id,
                caller.name or caller.number,
                caller.number,
                "|".join(can),
                "0",
                "0",
                "100",
            ]
            lines.append(";".join(cells) + "\n")
    return "".join(lines)


async def _count(hub: Hub, room: Room, _: str) -> str:
    return f"{len(room.numbers)}\n"


async def _json_list(hub: Hub, room: Room, _: str) -> str:
    state = await _state(hub, room)
    members = []
    for member in state.members:
        leg = hub.find(member.id)
        flags = {"can_hear": not member.deaf, "can_speak": not member.muted, "talking": member.talking,
                 "is_moderator": member.moderator}  # fmt: skip
        members.append({
            "type": "caller",
            "id": int(room.numbers.get(member.id, "0")),
            "uuid": member.id,
            "caller_id_name": leg.facts.caller.name if leg is not None else "",
            "caller_id_number": leg.facts.caller.number if leg is not None else "",
            "flags": flags,
        })
    return json.dumps([
        {
            "conference_name": room.name,
            "member_count": len(members),
            "conference_uuid": room.id,
            "locked": state.locked,
            "members": members,
        }
    ])


async def _lock(hub: Hub, room: Room, _: str) -> str:
    await hub.steering.command(None, commands.ConferenceCommand(conference=room.name, action="lock"))
    maintain(hub, room, "lock")
    return f"+OK {room.name} locked\n"


async def _unlock(hub: Hub, room: Room, _: str) -> str:
    await hub.steering.command(None, commands.ConferenceCommand(conference=room.name, action="unlock"))
    maintain(hub, room, "unlock")
    return f"+OK {room.name} unlocked\n"


async def _play(hub: Hub, room: Room, rest: str) -> str:
    path, id = rest.partition(" ")[0], hub.new_id()
    play = commands.ConferencePlay(conference=room.name, sources=sources_of(path, hub.sounds))
    room.playing[id] = path
    try:
        await hub.steering.command(None, play, id=id)
    except Refused as refused:
        room.playing.pop(id, None)
        return f"-ERR (play) {refused}\n"
    maintain(hub, room, "play-file", headers={"File": path})
    return f"+OK (play) Playing file {path}\n"


async def _say(hub: Hub, room: Room, text: str) -> str:
    play = commands.ConferencePlay(conference=room.name, sources=(said("words", "", text),))
    await hub.steering.command(None, play)
    return "+OK (say) OK\n"


async def _stop(hub: Hub, room: Room, _: str) -> str:
    playing = list(room.playing)
    for id in playing:
        await hub.steering.command(None, commands.Cancel(command=id))
    return f"+OK Stopped {len(playing)} files.\n"


async def _record(hub: Hub, room: Room, rest: str) -> str:
    path, id = rest.partition(" ")[0], hub.new_id()
    record = commands.ConferenceRecord(conference=room.name, path=file_name(path, hub.sounds))
    room.recording[id] = path
    try:
        await hub.steering.command(None, record, id=id)
    except BaseException:
        room.recording.pop(id, None)
        raise
    maintain(hub, room, "start-recording", headers={"Path": path})
    return f"+OK Record file {path}\n"


async def _norecord(hub: Hub, room: Room, rest: str) -> str:
    running = [id for id, path in room.recording.items() if rest in (path, "all")]
    for id in running:
        await hub.steering.command(None, commands.Cancel(command=id))
    return f"+OK Stopped recording {len(running)} file{'' if len(running) == 1 else 's'}\n"


async def _recording(hub: Hub, room: Room, rest: str) -> str:
    """`start PATH`, `stop PATH|all`, `check`."""
    verb, _, path = rest.partition(" ")
    if verb == "start":
        return await _record(hub, room, path)
    if verb == "stop":
        return await _norecord(hub, room, path)
    return "".join(f"+OK Record file {each}\n" for each in room.recording.values()) or "+OK is not being recorded\n"


async def _dial(asking: Asked, name: str, verb: str, rest: str) -> str:
    """Call somebody into a conference: `dial URL [NUMBER [NAME]]`; `bgdial` answers at once."""
    url, number, caller = [*rest.split(maxsplit=2), "", "", ""][:3]
    line = f"{url} &conference({name}) XML default '{caller}' '{number}'"
    if not url:
        return "-ERR Bad Args\n"
    if verb == "dial":
        told = await originate(asking, line)
        return f"+OK Call Requested: result: [{'SUCCESS' if told.startswith('+OK') else told[5:].strip()}]\n"

    async def work() -> None:
        await originate(asking, line)

    return f"OK Job-UUID: {asking.hub.new_id()}\n" if asking.hub.start_job(work) else "-ERR too many jobs\n"


async def _transfer(hub: Hub, room: Room, rest: str) -> str:
    """`CONFERENCE ID|all|last ...`: to another one."""
    to, *ids = rest.split()
    moved = [leg for leg, number in room.numbers.items() if number in ids or "all" in ids]
    if not to or not moved:
        return "-ERR No members of those ids, or no conference to go to\n"
    for id in moved:
        leg = hub.find(id)
        if leg is not None:
            await _give(hub, room, "kick", id)
            run(hub, leg, "conference", to)
    return f"+OK Members sent to conference {to}.\n"


async def _get(hub: Hub, room: Room, name: str) -> str:
    up = round(hub.epoch() - room.began_at)
    known = {"count": str(len(room.numbers)), "uuid": room.id, "run_time": str(up), "max_members": "0"}
    return known.get(name.strip().lower(), "-ERR unknown variable\n")


async def _xml_list(hub: Hub, room: Room, _: str) -> str:
    state = await _state(hub, room)
    lines = []
    for member in state.members:
        leg = hub.find(member.id)
        caller = leg.facts.caller if leg is not None else None
        flags = {"can_hear": not member.deaf, "can_speak": not member.muted, "talking": member.talking,
                 "is_moderator": member.moderator}  # fmt: skip
        lines += [
            '    <member type="caller">',
            f"      <id>{room.numbers.get(member.id, '0')}</id>",
            "      <flags>",
            *(f"        <{flag}>{str(is_so).lower()}</{flag}>" for flag, is_so in flags.items()),
            "      </flags>",
            f"      <uuid>{escape(member.id)}</uuid>",
            f"      <caller_id_name>{escape(caller.name if caller is not None else '')}</caller_id_name>",
            f"      <caller_id_number>{escape(caller.number if caller is not None else '')}</caller_id_number>",
            "    </member>",
        ]
    up = round(hub.epoch() - room.began_at)
    head = f'  <conference name={quoteattr(room.name)} member-count="{len(state.members)}" '
    head += f'uuid={quoteattr(room.id)} run_time="{up}" locked="{str(state.locked).lower()}">'
    members = ["    <members>", *(f"  {line}" for line in lines), "    </members>"]
    return "\n".join(['<?xml version="1.0"?>', "<conferences>", head, *members, "  </conference>", "</conferences>\n"])


async def _give(hub: Hub, room: Room, action: _Action, member: str) -> None:
    await hub.steering.command(None, commands.ConferenceCommand(conference=room.name, action=action, member=member))


async def _state(hub: Hub, room: Room) -> commands.ConferenceState:
    state = await hub.steering.command(None, commands.ConferenceCommand(conference=room.name))
    return cast("commands.ConferenceState", state)  # the protocol says so


_Verb = Callable[[Hub, Room, str], Awaitable[str]]
_VERBS: Mapping[str, _Verb] = MappingProxyType({
    "list": _list, "json_list": _json_list, "xml_list": _xml_list, "count": _count, "get": _get, "lock": _lock,
    "unlock": _unlock, "play": _play, "say": _say, "stop": _stop, "record": _record, "norecord": _norecord,
    "recording": _recording, "transfer": _transfer,
})  # fmt: skip
