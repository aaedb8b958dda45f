"""Those who listen in on a bridge: a room of the media beside it, into which its two ends are tapped.

The bridge stays a relay. An end to which a listener speaks hears the room instead, for as long as that lasts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.media.session import MediaEvent, MediaRoom, Membership

if TYPE_CHECKING:
    from .channel import Channel
    from .listening import Listening


class Audience:
    """The listeners of one bridge, of these two."""

    def __init__(self, channels: tuple[Channel, Channel]) -> None:
        self._channels = channels
        self._listeners: list[Listening] = []
        self._room: MediaRoom | None = None  # there while there are listeners

    def attend(self, listening: Listening) -> None:
        self._listeners.append(listening)
        if self._room is None:
            one = self._channels[0]
            self._room = one.table.media.open_room(_ignore, near=one.media)
        self._tap(self._room)
        self._room.add(listening.channel.media, listening.membership())

    def unattend(self, listening: Listening) -> None:
        self._listeners.remove(listening)
        if self._room is None:
            return
        self._room.remove(listening.channel.media)
        if self._listeners:
            self._tap(self._room)
        else:
            self._room.close()
            self._room = None

    def end(self) -> None:
        """The bridge is over."""
        for listening in tuple(self._listeners):
            listening.end("ended")

    def _tap(self, room: MediaRoom) -> None:
        for channel in self._channels:
            room.add(channel.media, Membership(is_tapped=True, is_deaf=not self._is_spoken_to(channel)))

    def _is_spoken_to(self, channel: Channel) -> bool:
        return any(
            listening.mode == "barge" or (listening.mode == "whisper" and listening.other is channel)
            for listening in self._listeners
        )


def _ignore(event: MediaEvent) -> None:
    """Nothing is played to it, nor recorded."""
