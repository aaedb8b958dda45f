"""A conference: the members of an app's room, who hears whom in it, and when it is over.

It is made by the first join of its name, and is gone when the last member leaves, or when all are sent out. What was
played to it or recorded of it then ends first: only when the media has told how is its room closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal, TypeAlias

from callflow.protocol.conferencing import ConferenceState
from callflow.protocol.events import BridgeCreated, BridgeEnded
from callflow.protocol.frames import BridgeState
from engine.media import session as media

from .speakers import Speakers

if TYPE_CHECKING:
    from .conference_media import RoomVerb
    from .listening import Listening
    from .member import Member
    from .ports import Owner
    from .table import ChannelTable

Reason: TypeAlias = Literal["left", "hangup", "kicked", "ended", "locked", "refused"]


class Conference:
    """The room of that name of that app."""

    def __init__(self, table: ChannelTable, app: str, name: str, pin: str) -> None:
        self.table = table
        self.id = table.new_id()
        self.app = app
        self.name = name
        self.pin = pin
        self.is_locked = False
        self.room = table.media.open_room(self._receive)
        self.members: dict[str, Member] = {}  # by channel, in the order in which they came
        self.listeners: list[Listening] = []
        self.speakers = Speakers(self)
        self.verbs: dict[str, RoomVerb] = {}  # what is played to all and recorded, by the media's name for it
        self.is_over = False
        self._mood = (False, False)  # as of the last settling: is there a moderator, is somebody alone
        self._started = 0

    @property
    def owner(self) -> Owner | None:
        """Whose session is told what is no member's: that of the member who has been there longest."""
        return next((member.channel.owner for member in self.members.values()), None)

    @property
    def has_moderator(self) -> bool:
        return any(member.is_moderator for member in self.members.values())

    def state(self) -> ConferenceState:
        members = tuple(member.state() for member in self.members.values())
        return ConferenceState(self.id, self.name, members, self.is_locked)

    def bridge_state(self) -> BridgeState:
        """The conference as one of the bridges."""
        return BridgeState(self.id, tuple(self.members), self.name, self.app)

    # Members

    def admit(self, member: Member) -> None:
        """Somebody joins."""
        is_new = not self.members
        self.members[member.channel.id] = member
        if is_new:
            created = BridgeCreated(bridge=self.id, channels=(member.channel.id,), conference=self.name)
            self.table.emit(created, self.owner)
        member.tell_joined()
        if not self._settle_mood():
            member.settle(is_waiting=member.waits and not self.has_moderator, is_alone=False)
        if not is_new:
            self.chime(member.sounds.enter)

    def dismiss(self, member: Member) -> None:
        """Somebody leaves."""
        del self.members[member.channel.id]
        self.room.remove(member.channel.media)
        for listening in [each for each in self.listeners if each.other is member.channel]:
            listening.end("ended")
        if self.members:
            self.speakers.note(member.channel.id, is_talking=False)
            self._settle_mood()
            self.chime(member.sounds.leave)

    def go_on_without(self, member: Member) -> None:
        """A member has left, and that was told: the conference is over if it was the last, or one on whom it hung."""
        if not self.members:
            self._finish(member.channel.owner)
        elif member.ends_room and not any(other.ends_room for other in self.members.values()):
            self.end()

    def end(self) -> None:
        """All leave."""
        for member in tuple(self.members.values()):
            member.leave("ended")

    def settle(self) -> None:
        """Who hears whom, and who waits, may be another thing now."""
        has_moderator, is_alone = self._mood = (self.has_moderator, len(self.members) == 1)
        for member in self.members.values():
            member.settle(is_waiting=member.waits and not has_moderator, is_alone=is_alone)

    def _settle_mood(self) -> bool:
        """Settle if it is another thing for those who are there, too. In a large room it hardly ever is."""
        if self._mood == (self.has_moderator, len(self.members) == 1):
            return False
        self.settle()
        return True

    # Listeners

    def attend(self, listening: Listening) -> None:
        """Somebody listens to a member."""
        self.listeners.append(listening)
        self.room.add(listening.channel.media, listening.membership())

    def unattend(self, listening: Listening) -> None:
        self.listeners.remove(listening)
        self.room.remove(listening.channel.media)

    # What is played to all, and recorded

    def name_for(self, verb: RoomVerb) -> str:
        """A new name under which the verb starts something in the room."""
        self._started += 1
        name = str(self._started)
        self.verbs[name] = verb
        return name

    def drop(self, name: str) -> None:
        """It is over."""
        self.verbs.pop(name, None)
        self._close_if_done()

    def chime(self, sounds: tuple[media.Source, ...]) -> None:
        """Let all hear that somebody came or went, unless something is played to them."""
        if sounds and not any(verb.is_heard for verb in self.verbs.values()):
            self.room.play("chime", sounds)

    def running(self) -> Iterator[RoomVerb]:
        return iter(tuple(self.verbs.values()))

    # Inside

    def _receive(self, event: media.MediaEvent) -> None:
        match event:
            case media.PlaybackStarted(name) | media.PlaybackFinished(name) | media.RecordingFinished(name):
                verb = self.verbs.get(name)
                if verb is not None:
                    verb.receive(event)
            case _:
                pass

    def _finish(self, owner: Owner | None) -> None:
        if self.is_over:
            return
        self.is_over = True
        self.speakers.close()
        self.table.conferences.forget(self)
        self.table.emit(BridgeEnded(bridge=self.id), owner)
        for verb in self.running():
            verb.stop()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self.is_over and not self.verbs:
            self.room.close()
            self.table.conferences.close(self)
