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
from .verb import Verb, Why

if TYPE_CHECKING:
    from collections.abc import Sequence
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
    bridging = Bridging(channel, command_id)
    channel.run(bridging)
    BridgeOfTwo(channel, other, is_hung_up_after=command.hangup_after, commands=[bridging]).begin()


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


class Bridging:
    """A bridge command that runs. It outlives the bridge it began with when its channel is transferred to another."""

    def __init__(self, channel: Channel, command_id: str) -> None:
        self.channel = channel
        self.command_id = command_id
        self.transit: Verb | None = None  # what its channel waits for between two bridges
        self._last = ("", "")  # the bridge it was in, and with whom

    def enter(self, bridge: BridgeOfTwo, other: Channel) -> None:
        self.transit = None
        self._last = bridge.id, other.id

    def end(self, outcome: Unbridged) -> None:
        """Its one outcome."""
        bridge, other = self._last
        ended = ChannelUnbridged(bridge=bridge, other=other, command=self.command_id, outcome=outcome)
        self.channel.finish(self, ended)

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        if self.channel.bridge is not None:
            self.channel.bridge.end("stopped", command=self)
            return
        transit, self.transit = self.transit, None
        self.end(Unbridged("hangup" if why is Why.HANGUP else "stopped"))
        if transit is not None and why is not Why.HANGUP:
            self.channel.stop(transit, why)

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)


class BridgeOfTwo:
    """Two channels that hear each other, and the bridge commands that it fulfils: of one, of both, or of none."""

    def __init__(
        self, channel: Channel, other: Channel, *, is_hung_up_after: bool, commands: Sequence[Bridging] = ()
    ) -> None:
        self.id = channel.table.new_id()
        self.channels = (channel, other)
        self.audience = Audience(self.channels)
        self.is_hung_up_after = is_hung_up_after
        self._commands = {command.channel: command for command in commands}
        self._is_over = False

    def begin(self) -> None:
        channel, other = self.channels
        for each in self.channels:
            stop_echo(each)
            each.digits_ahead.clear()
            each.bridge = self
            each.untie()
            each.bridged_with.append(self.partner(each).id)
            if each in self._commands:
                self._commands[each].enter(self, self.partner(each))
        channel.table.add_bridge(self)
        channel.media.relay(other.media)
        channel.table.emit(BridgeCreated(bridge=self.id, channels=(channel.id, other.id)), channel.owner)
        for each in self.channels:
            each.emit(ChannelBridged(bridge=self.id, other=self.partner(each).id))

    def partner(self, channel: Channel) -> Channel:
        """Whom the channel hears."""
        first, second = self.channels
        return second if channel is first else first

    def state(self) -> BridgeState:
        """The bridge as a list or a snapshot shows it."""
        return BridgeState(self.id, tuple(channel.id for channel in self.channels))

    def end(
        self,
        reason: Literal["hangup", "unbridged", "stopped"],
        *,
        by: Channel | None = None,
        told: By = "engine",
        command: Bridging | None = None,
    ) -> None:
        """Part the two. After a hang-up the other is hung up too, if that was wished; `told` is who ended it all.

        `command` is the one that was stopped: to that of the other channel, it is being parted.
        """
        if self._is_over:
            return
        outcome = Unbridged(reason, by.id if by is not None else None)
        parted = Unbridged("unbridged", command.channel.id) if command is not None else outcome
        self._part(outcome)
        for each in reversed(self.channels):
            if each in self._commands:
                self._commands[each].end(outcome if self._commands[each] is command else parted)
        if reason == "hangup" and self.is_hung_up_after and by is not None:
            self.partner(by).end(Ending(NORMAL_CLEARING, told, headers=[reason_header(NORMAL_CLEARING)]))
        for each in self.channels:
            each.succession.part()
        self._commands.clear()  # they know the bridge: neither is to keep the other

    def detach(self, by: Channel) -> list[Bridging]:
        """Part the two since one of them transfers the other. The commands go on, and are handed over."""
        self._part(Unbridged("transferred", by.id), is_told=True)
        commands = [each for each in self._commands.values() if each.channel.find(each.command_id) is each]
        self._commands.clear()
        return commands

    def _part(self, outcome: Unbridged, *, is_told: bool = False) -> None:
        """Those without a command hear of it; those with one by its outcome, unless it `is_told` now."""
        self._is_over = True
        channel, other = self.channels
        channel.bridge = other.bridge = None
        channel.table.remove_bridge(self)
        self.audience.end()
        channel.media.unrelay()
        for each in reversed(self.channels):
            if is_told or each not in self._commands:
                each.emit(ChannelUnbridged(bridge=self.id, other=self.partner(each).id, outcome=outcome))
        channel.table.emit(BridgeEnded(bridge=self.id), channel.owner)
