"""listen: a channel hears the bridge or conference that another one is in, and may speak to that one, or to all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands

from .errors import CommandError
from .leaving import leave_all
from .listening import Heard, Listening

if TYPE_CHECKING:
    from .channel import Channel


def listen(channel: Channel, command_id: str, command: commands.Listen) -> None:
    other = _expect_other(channel, command.other)
    if other.bridge is not None and channel in other.bridge.channels:
        raise CommandError("bad_argument", "listen: expected a channel of another bridge, came one of its own")
    _heard_of(other)
    channel.open_call("listen")
    leave_all(channel)
    channel.expect_alive()
    heard, bridge = _heard_of(other)  # leaving may have ended it
    Listening(channel, other, command_id, command.mode).begin(heard, bridge)


def _expect_other(channel: Channel, other_id: str) -> Channel:
    """The channel to listen to: another one of the same app's. Raises CommandError."""
    other = channel.table.channels.get(other_id)
    if other is None or not other.is_alive:
        raise CommandError("not_found", f"no channel {other_id[:64]!r} to listen to", {"channel": other_id[:64]})
    if other is channel:
        raise CommandError("bad_argument", "expected another channel to listen to, got the channel itself")
    if channel.app is None or channel.app != other.app:
        raise CommandError("not_owner", f"expected a channel of the same app, {other_id!r} is another's")
    return other


def _heard_of(other: Channel) -> tuple[Heard, str]:
    """What the channel is in, and its id. Raises CommandError if it is in nothing."""
    if other.bridge is not None:
        return other.bridge.audience, other.bridge.id
    if other.member is not None and other.member.room is not None:
        return other.member.room, other.member.room.id
    raise CommandError("wrong_state", "listen: expected a channel in a bridge or a conference, came one that is alone")
