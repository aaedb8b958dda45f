"""The conferences of all apps, by name; and `conference`, `conference_play`, `conference_record`, which steer them.

A name belongs to the app: its sessions share the conference, whichever made it, and each may steer it. To other apps
the name says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.conferencing import ConferenceState

from .argument import within
from .conference import Conference
from .conference_media import MemberPlayback, play_to_room, record_room
from .errors import CommandError
from .playback import GAIN
from .ports import Owner
from .source import recording_path, resolve_sources

if TYPE_CHECKING:
    from .conference_media import RoomVerb
    from .member import Member
    from .table import ChannelTable

_MOST_REPEATS = 1_000_000
_LONGEST = 86400.0  # seconds


class Conferences:
    """The conferences of one engine."""

    def __init__(self, table: ChannelTable) -> None:
        self._table = table
        self._by_name: dict[tuple[str, str], Conference] = {}
        self._ending: list[Conference] = []  # gone for all but the media

    @property
    def count(self) -> int:
        """How many there are, those included whose last recording is being closed."""
        return len(self._by_name) + len(self._ending)

    def __iter__(self) -> Iterator[Conference]:
        return iter(tuple(self._by_name.values()))

    def find(self, app: str, name: str) -> Conference | None:
        return self._by_name.get((app, name))

    def open(self, app: str, name: str, pin: str) -> Conference:
        conference = self._by_name[app, name] = Conference(self._table, app, name, pin)
        return conference

    def expect_room(self, app: str, name: str) -> None:
        """Raise CommandError if nobody more fits in."""
        conference, most = self.find(app, name), self._table.limits.members
        if conference is not None and len(conference.members) >= most:
            raise CommandError("overloaded", f"expected at most {most} members of one conference")

    def forget(self, conference: Conference) -> None:
        """It is over: the name is free."""
        del self._by_name[conference.app, conference.name]
        self._ending.append(conference)

    def close(self, conference: Conference) -> None:
        self._ending.remove(conference)

    # Commands

    def steer(self, command: commands.ConferenceCommand, owner: Owner) -> ConferenceState:
        """Raises CommandError."""
        conference = self._expect(owner, command.conference)
        match command.action:
            case "list":
                pass
            case "lock" | "unlock":
                conference.is_locked = command.action == "lock"
            case "pause" | "resume":
                _pause(conference, is_paused=command.action == "pause")
            case "end":
                conference.end()
            case "kick":
                _expect_member(conference, command.member).leave("kicked")
            case "volume":
                within("gain_db", command.gain_db, -GAIN, GAIN)
                _expect_member(conference, command.member).gain_db = command.gain_db
            case "whisper":
                _whisper(conference, command)
            case "mute" | "unmute" | "deafen" | "undeafen":
                for member in _meant(conference, command.member):
                    _silence(member, command.action)
        conference.settle()
        return conference.state()

    def play(self, command_id: str, command: commands.ConferencePlay, owner: Owner) -> None:
        """Raises CommandError."""
        within("repeat", command.repeat, 0, _MOST_REPEATS)
        within("gain_db", command.gain_db, -GAIN, GAIN)
        sources = resolve_sources(command.sources, owner, self._table.limits.sources)
        if not sources:
            raise CommandError("bad_argument", "expected at least one source to play")
        conference = self._expect(owner, command.conference, command_id)
        if command.member is None:
            play_to_room(conference, command_id, owner, sources, repeat=command.repeat, gain_db=command.gain_db)
            return
        channel = _expect_member(conference, command.member).channel
        if len(tuple(channel.running)) >= self._table.limits.running_commands:
            raise _too_many(self._table.limits.running_commands, "on one channel")
        MemberPlayback(conference, channel, command_id, owner, sources, repeat=command.repeat, gain_db=command.gain_db)

    def record(self, command_id: str, command: commands.ConferenceRecord, owner: Owner) -> None:
        """Raises CommandError."""
        within("max", command.max, 0.02, _LONGEST)
        path = recording_path(command.path, owner)
        conference = self._expect(owner, command.conference, command_id)
        record_room(conference, command_id, owner, command.path, path, max_ms=round(command.max * 1000))

    def cancel(self, command_id: str, owner: Owner) -> None:
        """End what `play` or `record` began; its outcome follows. One that has ended is a success."""
        verb = self._find_verb(command_id, owner)
        if verb is not None:
            verb.stop()

    def lose(self, session: str) -> None:
        """The session is gone: what it plays ends. What it records goes on."""
        for verb in self._verbs():
            if verb.path is None and verb.owner.session == session:
                verb.stop()

    # Inside

    def _expect(self, owner: Owner, name: str, command_id: str | None = None) -> Conference:
        """The conference, with room for a command of that id."""
        conference = self.find(owner.app, name)
        if conference is None:
            raise CommandError("not_found", f"there is no conference {name[:64]!r} of the app {owner.app}")
        if command_id is not None:
            if self._find_verb(command_id, owner) is not None:
                raise CommandError("bad_argument", f"expected a new command id, {command_id[:64]!r} still runs")
            if len(conference.verbs) >= self._table.limits.running_commands:
                raise _too_many(self._table.limits.running_commands, "in one conference")
        return conference

    def _find_verb(self, command_id: str, owner: Owner) -> RoomVerb | None:
        whose = (owner.session, command_id)
        return next((verb for verb in self._verbs() if (verb.owner.session, verb.id) == whose), None)

    def _verbs(self) -> Iterator[RoomVerb]:
        for conference in (*self, *self._ending):
            yield from conference.running()
            for member in tuple(conference.members.values()):
                yield from (verb for verb in member.channel.running if isinstance(verb, MemberPlayback))


def _too_many(most: int, where: str) -> CommandError:
    return CommandError("overloaded", f"expected at most {most} running commands {where}")


def _expect_member(conference: Conference, channel_id: str | None) -> Member:
    member = conference.members.get(channel_id or "")
    if channel_id is None:
        raise CommandError("bad_argument", "expected a member: the id of a channel")
    if member is None:
        raise CommandError("not_found", f"{channel_id[:64]!r} is no member of {conference.name!r}")
    return member


def _meant(conference: Conference, channel_id: str | None) -> list[Member]:
    """The member, or all but moderators."""
    if channel_id is not None:
        return [_expect_member(conference, channel_id)]
    return [member for member in conference.members.values() if not member.is_moderator]


def _silence(member: Member, action: str) -> None:
    if action in ("mute", "unmute"):
        member.mute(is_on=action == "mute")
    else:
        member.is_deaf = action == "deafen"


def _pause(conference: Conference, *, is_paused: bool) -> None:
    recordings = [name for name, verb in conference.verbs.items() if verb.path is not None]
    if not recordings:
        raise CommandError("not_found", f"nothing is recorded of {conference.name!r}")
    for name in recordings:
        conference.room.pause(name, is_paused=is_paused)


def _whisper(conference: Conference, command: commands.ConferenceCommand) -> None:
    member = _expect_member(conference, command.member)
    to = _expect_member(conference, command.to) if command.to is not None else None
    if to is member:
        raise CommandError("bad_argument", "whisper: expected another member, got the one who whispers")
    member.whispers_to = to.channel if to is not None else None
