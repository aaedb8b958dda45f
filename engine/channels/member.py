"""join: a channel takes part in a conference of its app, until it leaves, is sent out, or the conference ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from callflow.protocol import commands
from callflow.protocol.conferencing import ConferenceSounds, MemberState
from callflow.protocol.events import BridgeJoined, BridgeLeft
from callflow.protocol.outcomes import Left
from engine.media import session as media

from .argument import within
from .conference import Conference, Reason
from .conference_media import MemberPlayback, record_room
from .errors import CommandError
from .leaving import leave_all
from .playback import GAIN
from .source import recording_path, resolve_for
from .verb import Why

if TYPE_CHECKING:
    from pathlib import Path

    from .channel import Channel

_LONGEST_NAME = 128  # characters
_MUSIC = "conference"  # the background of who waits


def join(channel: Channel, command_id: str, command: commands.Join) -> None:
    within("volume", command.volume, -GAIN, GAIN)
    expect_name(command.conference)
    sounds = Sounds.of(command.sounds, channel)
    path = recording_path(command.record, channel.owner) if command.record else None
    app = channel.app
    if app is None:
        raise CommandError("wrong_state", "join: expected a channel of an app")
    conferences = channel.table.conferences
    conferences.expect_room(app, command.conference)
    channel.open_call("join")
    member = Member(channel, command_id, command, sounds)
    refusal = _refusal(conferences.find(app, command.conference), command.pin)
    if refusal is not None:
        channel.run(member)
        member.refuse(refusal)
        return
    leave_all(channel)
    channel.expect_alive()
    channel.run(member)
    conference = conferences.find(app, command.conference)  # it may have been the last one in it
    member.enter(conference or conferences.open(app, command.conference, command.pin))
    if path is not None:
        _record(member, command_id, command.record, path)


def _refusal(conference: Conference | None, pin: str) -> Literal["refused", "locked"] | None:
    """Why nobody may enter with that PIN, if so."""
    if conference is None:
        return None
    if conference.pin != pin:
        return "refused"
    return "locked" if conference.is_locked else None


def expect_name(name: str) -> None:
    """Raise CommandError for a name that no conference can have."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise CommandError(
            "bad_argument", f"expected a conference's name of 1 to {_LONGEST_NAME} characters, got {name[:48]!r}"
        )


def _record(member: Member, command_id: str, name: str, path: Path) -> None:
    conference, owner = member.room, member.channel.owner
    assert conference is not None
    if owner is not None and not any(verb.path == name for verb in conference.running()):
        record_room(conference, f"{command_id}/record", owner, name, path)


@dataclass(frozen=True, slots=True)
class Sounds:
    """What is heard of a member, ready to be played."""

    enter: tuple[media.Source, ...] = ()
    leave: tuple[media.Source, ...] = ()
    music: tuple[media.Source, ...] = ()

    @classmethod
    def of(cls, sounds: ConferenceSounds, channel: Channel) -> Sounds:
        """Raises CommandError."""
        enter, leave, music = (resolve_for(channel, each) for each in (sounds.enter, sounds.leave, sounds.music))
        return cls(enter, leave, music)


class Member:
    """A join that runs."""

    def __init__(self, channel: Channel, command_id: str, command: commands.Join, sounds: Sounds) -> None:
        self.command_id = command_id
        self.channel = channel
        self.sounds = sounds
        self.room: Conference | None = None
        self.is_muted = command.muted
        self.is_deaf = command.deaf
        self.is_moderator = command.moderator
        self.waits = command.wait and not command.moderator
        self.ends_room = command.end and command.moderator
        self.gain_db = command.volume
        self.whispers_to: Channel | None = None
        self._name = command.conference
        self._is_sounding = False
        self._is_waiting = False
        self._has_music = False
        self._placed: media.Membership | None = None  # what the room of the media was told
        self._joined_at = channel.table.epoch()

    def enter(self, conference: Conference) -> None:
        channel = self.channel
        self.room = conference
        channel.member = self
        channel.untie()
        channel.digits_ahead.clear()
        conference.admit(self)

    def refuse(self, reason: Reason) -> None:
        """It may not enter."""
        self._finish("", reason, 0)

    def leave(self, reason: Reason) -> None:
        """Take part no more."""
        if self.room is None:
            return
        self.channel.member = None
        self._play_music(is_on=False)
        for verb in self.channel.running:
            if isinstance(verb, MemberPlayback):
                self.channel.stop(verb, Why.REPLACED)
        room, self.room = self.room, None
        room.dismiss(self)
        self._finish(room.id, reason, len(room.members))
        room.go_on_without(self)
        self.channel.succession.part()

    def settle(self, *, is_waiting: bool, is_alone: bool) -> None:
        """Wait, with music, or do not."""
        self._is_waiting = is_waiting
        self._play_music(is_on=is_waiting or is_alone)
        membership = self._membership()
        if self.room is not None and membership != self._placed:
            self._placed = membership
            self.room.room.add(self.channel.media, membership)

    def _play_music(self, *, is_on: bool) -> None:
        if is_on is self._has_music or not self.sounds.music:
            return
        self._has_music = is_on
        if is_on:
            self.channel.audio.set_background(_MUSIC, self.sounds.music)
        else:
            self.channel.audio.clear_background(_MUSIC)

    def _membership(self) -> media.Membership:
        to = self.whispers_to
        return media.Membership(
            gain_db=self.gain_db,
            is_muted=self.is_muted or self._is_waiting,
            is_deaf=self.is_deaf or self._is_waiting,
            speaks_to=to.media if to is not None else None,
        )

    def state(self) -> MemberState:
        assert self.room is not None
        return MemberState(
            id=self.channel.id,
            joined_at=self._joined_at,
            muted=self.is_muted,
            deaf=self.is_deaf,
            moderator=self.is_moderator,
            waiting=self._is_waiting,
            talking=self.channel.id in self.room.speakers,
            volume=self.gain_db,
            whispers_to=self.whispers_to.id if self.whispers_to is not None else None,
        )

    def note_sound(self, *, is_sound: bool) -> None:
        """It speaks, or is silent."""
        self._is_sounding = is_sound
        self.mute(is_on=self.is_muted)

    def mute(self, *, is_on: bool) -> None:
        """Who is muted speaks to nobody."""
        self.is_muted = is_on
        if self.room is not None:
            self.room.speakers.note(self.channel.id, is_talking=self._is_sounding and not is_on)

    def tell_joined(self) -> None:
        assert self.room is not None
        self.channel.emit(
            BridgeJoined(
                bridge=self.room.id,
                command=self.command_id,
                conference=self._name,
                members=len(self.room.members),
                muted=self.is_muted,
                moderator=self.is_moderator,
            )
        )

    # Verb

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        self.leave("hangup" if why is Why.HANGUP else "left")

    def give_up(self) -> None:
        self.leave("left")

    def _finish(self, bridge: str, reason: Reason, members: int) -> None:
        left = BridgeLeft(
            bridge=bridge, command=self.command_id, outcome=Left(reason), conference=self._name, members=members
        )
        self.channel.finish(self, left)
