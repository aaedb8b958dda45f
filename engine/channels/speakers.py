"""Who speaks in a conference: told when it changes, at most five times a second however many speak."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol.events import BridgeSpeaker

if TYPE_CHECKING:
    from .conference import Conference
    from .timer import Timer

_PAUSE = 0.2  # seconds between two events
_MOST = 16  # in one event


class Speakers:
    """The members that sound, in the order in which they began."""

    def __init__(self, conference: Conference) -> None:
        self._conference = conference
        self._talking: dict[str, None] = {}
        self._told: tuple[str, ...] = ()
        self._timer: Timer | None = None

    def __contains__(self, channel_id: str) -> bool:
        return channel_id in self._talking

    def note(self, channel_id: str, *, is_talking: bool) -> None:
        """A member speaks, or is silent."""
        if is_talking:
            self._talking.setdefault(channel_id)
        else:
            self._talking.pop(channel_id, None)
        if self._timer is None:
            self._tell()

    def close(self) -> None:
        self._talking.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._timer = None
        now = tuple(self._talking)[:_MOST]
        if now == self._told:
            return
        self._told = now
        conference = self._conference
        event = BridgeSpeaker(bridge=conference.id, speakers=now, conference=conference.name)
        conference.table.emit(event, conference.owner)
        self._timer = conference.table.timers.after(_PAUSE, self._tell)
