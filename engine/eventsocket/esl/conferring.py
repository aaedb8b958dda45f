"""Conferences: the applications `conference` and `eavesdrop`, the api command, and CUSTOM conference::maintenance."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, cast

from callflow.protocol import commands, events

from .asked import Asked
from .headers import channel_headers
from .hub import Hub
from .leg import Leg
from .sound import file_name, sources_of
from .stage import NONE, Stage
from .steering import Refused

SUBCLASS = "conference::maintenance"
_FLAGS = re.compile(r"\+flags\{([^{}]*)\}")
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


@dataclass(slots=True, eq=False)
class Room:
    """A conference as clients know it: members have numbers."""

    name: str
    id: str
    numbers: dict[str, str] = field(default_factory=dict)  # by leg
    speakers: frozenset[str] = frozenset()
    last: int = 0

    def add(self, leg: str) -> None:
        self.last += 1
        self.numbers[leg] = str(self.last)


async def conference(stage: Stage, data: str) -> str:
    stage.leg.flags = flags = frozenset(
        flag for found in _FLAGS.findall(data) for flag in re.split(r"[|,]", found.lower())
    )
    room, _, pin = _FLAGS.sub("", data.strip()).partition("+")
    await stage.run(
        commands.Join(
            conference=room.partition("@")[0],
            pin=pin.partition("+")[0],
            muted="mute" in flags,
            deaf="deaf" in flags,
            moderator="moderator" in flags,
            wait="wait-mod" in flags,
            end="endconf" in flags,
        )
    )
    return NONE


async def eavesdrop(stage: Stage, data: str) -> str:
    await stage.run(commands.Listen(other=data.split()[-1] if data.split() else ""))
    return NONE


async def answer(asking: Asked, arguments: str) -> str:
    """`conference list`, `conference NAME COMMAND ...`."""
    hub, words = asking.hub, arguments.split()
    if not words or (words[0] == "list" and len(words) == 1):
        return "".join([await _list(hub, room) for room in hub.rooms.values()]) or "+OK No active conferences.\n"
    room = hub.rooms.get(words[0])
    if room is None:
        return f"-ERR Conference {words[0]} not found\n"
    verb = words[1].lower() if len(words) > 1 else "list"
    if verb in _ACTIONS:
        return await _act(hub, room, verb, words[2] if len(words) > 2 else "")
    known = _VERBS.get(verb)
    if known is None:
        return f"-ERR Conference command '{verb}' not found.\n"
    return await known(hub, room, words[2] if len(words) > 2 else "")


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
        _maintain(hub, room, f"{action.removesuffix('en')}-member", hub.find(leg))
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
    _maintain(hub, room, "lock")
    return f"+OK {room.name} locked\n"


async def _unlock(hub: Hub, room: Room, _: str) -> str:
    await hub.steering.command(None, commands.ConferenceCommand(conference=room.name, action="unlock"))
    _maintain(hub, room, "unlock")
    return f"+OK {room.name} unlocked\n"


async def _play(hub: Hub, room: Room, path: str) -> str:
    play = commands.ConferencePlay(conference=room.name, sources=sources_of(path, hub.sounds))
    try:
        await hub.steering.command(None, play)
    except Refused as refused:
        return f"-ERR (play) {refused}\n"
    _maintain(hub, room, "play-file", headers={"File": path})
    return f"+OK (play) Playing file {path}\n"


async def _record(hub: Hub, room: Room, path: str) -> str:
    record = commands.ConferenceRecord(conference=room.name, path=file_name(path, hub.sounds))
    await hub.steering.command(None, record)
    _maintain(hub, room, "start-recording", headers={"Path": path})
    return f"+OK Record file {path}\n"


async def _give(hub: Hub, room: Room, action: _Action, member: str) -> None:
    await hub.steering.command(None, commands.ConferenceCommand(conference=room.name, action=action, member=member))


async def _state(hub: Hub, room: Room) -> commands.ConferenceState:
    state = await hub.steering.command(None, commands.ConferenceCommand(conference=room.name))
    return cast("commands.ConferenceState", state)  # the protocol says so


_VERBS = MappingProxyType({
    "list": _list, "json_list": _json_list, "count": _count, "lock": _lock, "unlock": _unlock, "play": _play,
    "record": _record,
})  # fmt: skip


def joined(hub: Hub, leg: Leg, event: events.BridgeJoined, at: float) -> None:
    """A leg of this door takes part in a conference, or begins to listen."""
    if not event.conference or leg.owner != hub.steering.session:
        return
    room = hub.rooms.get(event.conference)
    if room is None:
        room = hub.rooms[event.conference] = Room(event.conference, event.bridge)
        _maintain(hub, room, "conference-create", leg)
    room.add(leg.id)
    _maintain(hub, room, "add-member", leg)


def left(hub: Hub, leg: Leg, event: events.BridgeLeft, at: float) -> None:
    hub.steering.note_outcome(event.command, event.outcome)
    room = hub.rooms.get(event.conference)
    if room is None or leg.id not in room.numbers:
        return
    _maintain(hub, room, "del-member", leg)
    del room.numbers[leg.id]
    if not room.numbers:
        _maintain(hub, room, "conference-destroy")
        del hub.rooms[room.name]


def spoke(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    assert isinstance(event, events.BridgeSpeaker)
    room = hub.rooms.get(event.conference)
    if room is None or room.id != event.bridge:
        return
    speakers = frozenset(event.speakers)
    for action, who in (("start-talking", speakers - room.speakers), ("stop-talking", room.speakers - speakers)):
        for id in sorted(who):
            _maintain(hub, room, action, hub.find(id))
    room.speakers = speakers


def _maintain(
    hub: Hub, room: Room, action: str, leg: Leg | None = None, *, headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    if not hub.wants("CUSTOM", SUBCLASS):
        return
    of_leg = channel_headers("CUSTOM", leg, hub.find) if leg is not None else {}
    member = _member(room, leg) if leg is not None and leg.id in room.numbers else {}
    own = {
        "Conference-Name": room.name,
        "Conference-Domain": hub.domain,
        "Conference-Size": str(len(room.numbers)),
        "Conference-Ghosts": "0",
        "Conference-Profile-Name": "default",
        "Conference-Unique-ID": room.id,
        "Action": action,
    }
    hub.announce("CUSTOM", {**own, **member, **headers, **of_leg}, subclass=SUBCLASS)


def _member(room: Room, leg: Leg) -> dict[str, str]:
    is_talking = leg.id in room.speakers
    said = {"Floor": is_talking, "Video": False, "Hear": "deaf" not in leg.flags, "See": False,
            "Speak": "mute" not in leg.flags, "Talking": is_talking, "Mute-Detect": False, "Hold": False}  # fmt: skip
    return {
        **{name: "true" if is_so else "false" for name, is_so in said.items()},
        "Member-ID": room.numbers[leg.id],
        "Member-Type": "moderator" if "moderator" in leg.flags else "member",
        "Member-Ghost": "false",
        "Energy-Level": "0",
        "Current-Energy": "0",
    }
