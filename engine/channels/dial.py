"""dial: a channel dials others, see course.

The caller hears ringback meanwhile, if one was named, or what the callee's side plays before it answers; else it is
told that it rings as soon as the first phone does. A leg that was won and is neither bridged nor given a command ends
with the channel that dialled it: nobody has it in mind.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import DialBranch, DialFinished, Party
from callflow.protocol.outcomes import Answered, Failed
from engine.media import session as media

from .caller import Caller, parse_caller_id
from .course import Course, check_plan
from .ending import By
from .ports import Owner
from .source import resolve_ringback
from .state import State
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel


def dial(channel: Channel, command_id: str, command: commands.Dial) -> None:
    if channel.state is not State.ANSWERED:
        channel.expect_inbound("dial")
    check_plan(channel.table, command)
    caller = caller_of(channel)
    if command.caller_id is not None:
        caller = Caller(parse_caller_id(command.caller_id))
    if command.withheld is not None:
        caller = replace(caller, is_withheld=command.withheld)
    ringback = resolve_ringback(command.ringback, channel.owner) if command.ringback is not None else None
    dialing = Dialing(channel, command_id, command, caller)  # its branches read every target: bad ones raise
    if ringback is not None and (channel.has_offer or channel.state is State.ANSWERED):
        channel.open_audio("dial")
    dialing.start(ringback)


def caller_of(channel: Channel) -> Caller:
    """Whom the callee sees: the party at this channel's far end, under our own host, if he lets himself be seen."""
    party = channel.facts.caller if channel.is_inbound else channel.facts.callee
    is_withheld = channel.is_inbound and channel.facts.withheld
    return Caller(Party(uri="", number=party.number, name=party.name), is_withheld)


class Dialing:
    """A dial that runs."""

    def __init__(self, channel: Channel, command_id: str, command: commands.Dial, caller: Caller) -> None:
        self.command_id = command_id
        self._channel = channel
        self._passes_early_media = command.early_media
        self._course = Course(channel.table, self, command, caller)
        self._ringback: str | None = None
        self._tone: tuple[media.Source, ...] = ()
        self._early: Channel | None = None  # whose early media the caller hears

    def start(self, ringback: media.Source | None) -> None:
        self._channel.run(self)
        self._tone = (ringback,) if ringback is not None else ()
        self._play()
        self._course.start()

    # Dialer

    @property
    def owner(self) -> Owner | None:
        return self._channel.owner

    @property
    def parent(self) -> str | None:
        return self._channel.id

    def tell(self, event: DialBranch) -> None:
        self._channel.emit(event)

    def leg_rang(self) -> None:
        """The caller hears that it rings, unless it hears something already."""
        if self._channel.is_alive and self._channel.state is State.CREATED:
            self._channel.ring()

    def leg_progressed(self, leg: Channel) -> None:
        channel = self._channel
        can_hear = channel.has_offer or channel.state is State.ANSWERED
        if not self._passes_early_media or self._early is not None or not can_hear or channel.bridge is not None:
            return
        channel.open_audio("dial")
        if not channel.is_alive:
            return
        self._early = leg
        self._quiet()
        channel.media.relay(leg.media)

    def leg_over(self, leg: Channel) -> None:
        if leg is self._early:
            self._early = None
            if self._channel.bridge is None:
                self._channel.media.unrelay()
                self._play()

    def finish(self, outcome: Answered | Failed, winner: Channel | None) -> None:
        if self._early is not None and self._channel.bridge is None:
            self._channel.media.unrelay()
        self._early = None
        self._quiet()
        if winner is not None:
            winner.tie_to(self._channel)
        self._channel.finish(self, DialFinished(command=self.command_id, outcome=outcome))

    # Verb

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackFinished) and event.playback == self._ringback:
            self._ringback = None

    def stop(self, why: Why) -> None:
        by: By = "app"
        if why is Why.HANGUP:
            by = "caller" if self._channel.is_inbound else "callee"
        self._tone = ()
        self._course.stop(by, "hangup" if why is Why.HANGUP else "stopped")

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)

    # Inside

    def _play(self) -> None:
        if self._tone and self._channel.state in (State.EARLY, State.ANSWERED):
            self._ringback = self._channel.name_for(self)
            self._channel.audio.play(self._ringback, self._tone, repeat=0)

    def _quiet(self) -> None:
        if self._ringback is not None:
            ringback, self._ringback = self._ringback, None
            self._channel.media.stop(ringback)
