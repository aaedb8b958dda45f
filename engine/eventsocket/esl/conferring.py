"""Conferences: the applications `conference`, `eavesdrop` and `three_way`, and CUSTOM conference::maintenance."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from callflow.protocol import commands, events

from .headers import channel_headers
from .hub import Hub
from .leg import Leg
from .stage import NONE, Stage

SUBCLASS = "conference::maintenance"
_FLAGS = re.compile(r"\+flags\{([^{}]*)\}")


@dataclass(slots=True, eq=False)
class Room:
    """A conference as clients know it: members have numbers."""

    name: str
    id: str
    numbers: dict[str, str] = field(default_factory=dict)  # by leg
    speakers: frozenset[str] = frozenset()
    playing: dict[str, str] = field(default_factory=dict)  # by command: the file, as the client said it
    recording: dict[str, str] = field(default_factory=dict)
    began_at: float = 0.0
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


async def three_way(stage: Stage, data: str) -> str:
    await stage.run(commands.Listen(other=data.strip(), mode="barge"))
    return NONE


def joined(hub: Hub, leg: Leg, event: events.BridgeJoined, at: float) -> None:
    """A leg of this door takes part in a conference, or begins to listen."""
    if not event.conference or leg.owner != hub.steering.session:
        return
    room = hub.rooms.get(event.conference)
    if room is None:
        room = hub.rooms[event.conference] = Room(event.conference, event.bridge, began_at=at)
        maintain(hub, room, "conference-create", leg)
    room.add(leg.id)
    maintain(hub, room, "add-member", leg)


def left(hub: Hub, leg: Leg, event: events.BridgeLeft, at: float) -> None:
    hub.steering.note_outcome(event.command, event.outcome)
    room = hub.rooms.get(event.conference)
    if room is None or leg.id not in room.numbers:
        return
    maintain(hub, room, "del-member", leg)
    del room.numbers[leg.id]
    if not room.numbers:
        maintain(hub, room, "conference-destroy")
        del hub.rooms[room.name]


def spoke(hub: Hub, leg: Leg | None, event: events.Event, at: float) -> None:
    assert isinstance(event, events.BridgeSpeaker)
    room = hub.rooms.get(event.conference)
    if room is None or room.id != event.bridge:
        return
    speakers = frozenset(event.speakers)
    for action, who in (("start-talking", speakers - room.speakers), ("stop-talking", room.speakers - speakers)):
        for id in sorted(who):
            maintain(hub, room, action, hub.find(id))
        if action == "start-talking" and not room.speakers:
            for id in sorted(who)[:1]:
                maintain(hub, room, "floor-change", hub.find(id))
    room.speakers = speakers


def played(hub: Hub, event: events.PlaybackFinished) -> None:
    """What was played to all is over."""
    for room in hub.rooms.values():
        if (path := room.playing.pop(event.command, None)) is not None:
            maintain(hub, room, "play-file-done", headers={"File": path})


def recorded(hub: Hub, event: events.RecordingFinished) -> None:
    """The recording of a conference is over."""
    for room in hub.rooms.values():
        if (path := room.recording.pop(event.command, None)) is not None:
            maintain(hub, room, "stop-recording", headers={"Path": path})


def maintain(
    hub: Hub, room: Room, action: str, leg: Leg | None = None, *, headers: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Tell what has happened in a conference."""
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
