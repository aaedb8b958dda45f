"""bridge, unbridge: two channels hear each other, until one hangs up, is parted, or the command is cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import BridgeCreated, BridgeEnded, ChannelBridged, ChannelUnbridged
from callflow.protocol.frames import BridgeState
from callflow.protocol.outcomes import Unbridged
from engine.media.session import MediaEvent

from .audience import Audience
from .echo import stop_echo
from .ending import By, Ending
from .errors import CommandError
from .leaving import leave_rooms
from .reason import NORMAL_CLEARING, reason_header
from .state import State
from .verb import Why

if TYPE_CHECKING:
    from typing import Literal

    from .channel import Channel


def connect(channel: Channel, command_id: str, command: commands.Bridge) -> None:
    other = _partner(channel, command.other)
    for each in (other, channel):
        if each.state is not State.ANSWERED:
            each.expect_inbound("bridge")
    for each in (other, channel):
        each.open_call("bridge")
    channel.expect_alive()
    for each in (channel, other):
        if each.bridge is not None:
            each.bridge.end("unbridged", by=channel)
        leave_rooms(each)
    for each in (channel, other):  # a channel whose app is lost may have lived for its bridge only
        each.expect_alive()
    BridgeOfTwo(channel, other, command_id, is_hung_up_after=command.hangup_after).begin()


def part(channel: Channel, _id: str, _command: commands.Unbridge) -> None:
    if channel.bridge is None:
        raise CommandError("wrong_state", "unbridge: expected a bridged channel, came one without a bridge")
    channel.bridge.end("unbridged", by=channel)


def _partner(channel: Channel, other_id: str) -> Channel:
    other = channel.table.channels.get(other_id)
    if other is None or not other.is_alive:
        raise CommandError("not_found", f"no channel {other_id[:64]!r} to bridge with", {"channel": other_id[:64]})
    if other is channel:
        raise CommandError("bad_argument", "expected another channel to bridge with, got the channel itself")
    if channel.owner is None or other.owner is None or channel.owner.session != other.owner.session:
        raise CommandError("not_owner", f"expected a channel of the same owner, {other_id!r} is another's")
    return other


class BridgeOfTwo:
    """Two channels that hear each other. It is the verb of the command that made it, on the channel it was given to."""

    def __init__(self, channel: Channel, other: Channel, command_id: str, *, is_hung_up_after: bool) -> None:
        self.command_id = command_id
        self.id = channel.table.new_id()
        self.channels = (channel, other)
        self.audience = Audience(self)
        self._is_hung_up_after = is_hung_up_after
        self._is_over = False

    def begin(self) -> None:
        channel, other = self.channels
        channel.run(self)
        for each in self.channels:
            stop_echo(each)
            each.digits_ahead.clear()
            each.bridge = self
            each.untie()
        channel.bridged_with.append(other.id)
        other.bridged_with.append(channel.id)
        channel.table.add_bridge(self)
        channel.media.relay(other.media)
        channel.table.emit(BridgeCreated(bridge=self.id, channels=(channel.id, other.id)), channel.owner)
        channel.emit(ChannelBridged(bridge=self.id, other=other.id))
        other.emit(ChannelBridged(bridge=self.id, other=channel.id))

    def state(self) -> BridgeState:
        """The bridge as a list or a snapshot shows it."""
        return BridgeState(self.id, tuple(channel.id for channel in self.channels))

    def end(
        self,
        reason: Literal["hangup", "unbridged", "stopped"],
        *,
        by: Channel | None = None,
        told: By = "engine",
    ) -> None:
        """Part the two. After a hang-up the other is hung up too, if that was wished; `told` is who ended it all."""
        if self._is_over:
            return
        self._is_over = True
        channel, other = self.channels
        channel.bridge = other.bridge = None
        channel.table.remove_bridge(self)
        self.audience.end()
        channel.media.unrelay()
        outcome = Unbridged(reason, by.id if by is not None else None)
        other.emit(ChannelUnbridged(bridge=self.id, other=channel.id, outcome=outcome))
        channel.table.emit(BridgeEnded(bridge=self.id), channel.owner)
        channel.finish(self, ChannelUnbridged(bridge=self.id, other=other.id, command=self.command_id, outcome=outcome))
        if reason == "hangup" and self._is_hung_up_after:
            left = other if by is channel else channel
            left.end(Ending(NORMAL_CLEARING, told, headers=[reason_header(NORMAL_CLEARING)]))
        for each in self.channels:
            each.succession.part()

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        self.end("stopped")

    def give_up(self) -> None:
        self.end("stopped")
