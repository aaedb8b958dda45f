"""What a channel takes part in ends, because something else is to be heard from now on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .echo import stop_echo
from .listening import Listening
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel


def leave_all(channel: Channel) -> None:
    """Leave the bridge, and what `leave_rooms` says, and echo no more."""
    if channel.bridge is not None:
        channel.bridge.end("unbridged", by=channel)
    leave_rooms(channel)
    stop_echo(channel)


def leave_rooms(channel: Channel) -> None:
    """Take part in no conference any more, and listen to nobody."""
    if channel.member is not None:
        channel.stop(channel.member, Why.REPLACED)
    for verb in channel.running:
        if isinstance(verb, Listening):
            channel.stop(verb, Why.REPLACED)
