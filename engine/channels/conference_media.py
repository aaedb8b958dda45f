"""What is played to a conference, or to one member of it, and recorded of it: commands of a session, of no channel."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from callflow.protocol.events import Event, PlaybackFinished, PlaybackStarted, RecordingFinished, RecordingStarted
from callflow.protocol.outcomes import Played, Recorded
from engine.media import session as media

from .ports import Owner
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel
    from .conference import Conference
    from .timer import Timer

_UNTOLD = "the media did not report"


class RoomVerb(Protocol):
    """A playback or a recording of a conference."""

    @property
    def id(self) -> str:
        """That of its command."""
        ...

    @property
    def owner(self) -> Owner: ...

    @property
    def is_heard(self) -> bool:
        """All hear it."""
        ...

    @property
    def path(self) -> str | None:
        """The name of what it records to."""
        ...

    def receive(self, event: media.MediaEvent) -> None: ...

    def stop(self) -> None:
        """End it; its outcome follows when the media has reported."""
        ...


def play_to_room(
    conference: Conference,
    command_id: str,
    owner: Owner,
    sources: tuple[media.Source, ...],
    *,
    repeat: int,
    gain_db: float,
) -> None:
    verb = _InRoom(conference, command_id, owner, _played)
    verb.is_heard = True
    conference.room.play(verb.name, sources, repeat=repeat, gain_db=gain_db)


def record_room(
    conference: Conference, command_id: str, owner: Owner, name: str, path: Path, *, max_ms: int = 14_400_000
) -> None:
    verb = _InRoom(conference, command_id, owner, _recorded)
    verb.path = name
    conference.room.record(verb.name, path, max_ms=max_ms)
    verb.tell(RecordingStarted(command=command_id, path=name))


class _InRoom:
    """A command that the room of the media carries out."""

    def __init__(
        self,
        conference: Conference,
        command_id: str,
        owner: Owner,
        outcome: Callable[[_InRoom, media.MediaEvent | None], Event],
    ) -> None:
        self.id = command_id
        self.owner = owner
        self.is_heard = False
        self.path: str | None = None
        self._conference = conference
        self._outcome = outcome
        self._timer: Timer | None = None
        self.name = conference.name_for(self)

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackStarted):
            self.tell(PlaybackStarted(command=self.id))
        else:
            self._finish(event)

    def stop(self) -> None:
        table = self._conference.table
        self._conference.room.stop(self.name)
        if self._timer is None:
            self._timer = table.timers.after(table.limits.report_after, lambda: self._finish(None))

    def tell(self, event: Event) -> None:
        self._conference.table.emit(event, self.owner)

    def _finish(self, event: media.MediaEvent | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.tell(self._outcome(self, event))
        self._conference.drop(self.name)


def _played(verb: _InRoom, event: media.MediaEvent | None) -> Event:
    outcome = Played(0, "stopped", error=f"{_UNTOLD} what was heard")
    if isinstance(event, media.PlaybackFinished):
        outcome = Played(event.heard_ms, event.reason, error=event.error)
    return PlaybackFinished(command=verb.id, outcome=outcome)


def _recorded(verb: _InRoom, event: media.MediaEvent | None) -> Event:
    path = verb.path or ""
    outcome = Recorded(path, 0, "stopped", error=f"{_UNTOLD} the end of the recording")
    if isinstance(event, media.RecordingFinished):
        outcome = Recorded(path, event.duration_ms, event.reason, event.sha256, error=event.error)
    return RecordingFinished(command=verb.id, outcome=outcome)


class MemberPlayback:
    """What one member of a conference is played. It runs on the member's channel, and is told to who played it."""

    is_heard = False
    path: str | None = None

    def __init__(
        self,
        conference: Conference,
        channel: Channel,
        command_id: str,
        owner: Owner,
        sources: tuple[media.Source, ...],
        *,
        repeat: int,
        gain_db: float,
    ) -> None:
        self.command_id = f"{owner.session}/{command_id}"  # among the channel's own
        self.owner = owner
        self.id = command_id
        self._conference = conference
        self._channel = channel
        channel.run(self)
        self.name = channel.name_for(self)
        channel.audio.play(self.name, sources, repeat=repeat, gain_db=gain_db)

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackStarted):
            self._conference.table.emit(PlaybackStarted(command=self.id), self.owner)
        elif isinstance(event, media.PlaybackFinished):
            self._finish(Played(event.heard_ms, event.reason, error=event.error))

    def stop(self, why: Why = Why.CANCELLED) -> None:
        """Its outcome follows when the media has reported."""
        self._channel.media.stop(self.name)

    def give_up(self) -> None:
        self._finish(Played(0, "stopped", error=f"{_UNTOLD} what was heard"))

    def _finish(self, outcome: Played) -> None:
        self._conference.table.emit(PlaybackFinished(command=self.id, outcome=outcome), self.owner)
        self._channel.drop(self)
