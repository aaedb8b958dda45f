"""policy, abandon: who steers a channel, what becomes of it when that session is lost, and who comes after.

A conversation goes on without its app: while the channel is bridged, or in a conference, nothing else happens.
Otherwise it waits for a session of its app, with music, for as long as the policy says; then another app takes it, or
it ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.events import OwnerChanged, OwnerLost
from engine.media import session as media

from .argument import within
from .bridge import Bridging
from .ending import Ending
from .errors import CommandError
from .member import Member
from .part import Part
from .ports import Admission, Owner
from .reason import TEMPORARY_FAILURE, cause_of, reason_header
from .recording import CallRecording
from .source import resolve_for
from .state import State
from .tone import TONES
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel
    from .timer import Timer

_LONGEST_WAIT = 3600.0  # seconds
_TONE = (TONES["ringback/us"],)  # what is heard where no music was named: never nothing


@dataclass(frozen=True, slots=True)
class Will:
    """What a policy says, checked."""

    wait: float
    music: tuple[media.Source, ...]
    then: commands.Fallback
    cause: int


def policy(channel: Channel, _id: str, command: commands.Policy) -> None:
    within("wait", command.wait, 0, _LONGEST_WAIT)
    music = resolve_for(channel, command.music)
    then = command.then
    if then.app is not None and then.route is not None:
        raise CommandError("bad_argument", "policy: expected an app or a route, got both")
    if (then.app or then.route) and channel.table.successors is None:
        raise CommandError("unsupported", "policy: this engine has no routes to fall back to")
    channel.succession.will = Will(command.wait, music or _TONE, then, cause_of(then.cause))


def abandon(channel: Channel, _id: str, _command: commands.Abandon) -> None:
    if channel.owner is not None:
        channel.succession.lose(channel.owner.session)


class Succession(Part):
    """The owners of one channel, one after another."""

    __slots__ = ("_is_orphan", "_timer", "app", "to", "will")

    def __init__(self, channel: Channel, app: str | None) -> None:
        super().__init__(channel)
        self.app = app  # whose channel it is, be it there or not
        self.to = ""  # as a call to which number a new owner takes it
        self.will: Will | None = None
        self._is_orphan = False  # it had an owner, and has none
        self._timer: Timer | None = None

    def wait_first(self, seconds: float) -> None:
        """The channel is new and its app on its way."""
        self._timer = self._channel.table.timers.after(seconds, self._miss)

    def give(self, owner: Owner) -> None:
        """The channel has an owner from now on."""
        channel, has_past = self._channel, self.has_past
        self.close()
        self._is_orphan = False
        self.app, to, self.to = owner.app, self.to, ""
        channel.owner = owner
        state = channel.snapshot() if has_past else None
        channel.emit(OwnerChanged(app=owner.app, owner=owner.session, to=to, state=state))

    def lose(self, session: str) -> None:
        """The owner is gone; what it had running ends, but for a bridge, a join, and what records the call."""
        if self._is_orphan:
            return
        channel, will = self._channel, self.will
        wait = will.wait if will is not None else 0.0
        channel.emit(OwnerLost(session=session, wait=wait))
        if will is None and not self._is_beside_a_will():
            self.fail(TEMPORARY_FAILURE)
            return
        self._is_orphan = True  # it keeps its owner, whose name says who may come back for it
        for verb in channel.running:
            if not isinstance(verb, Bridging | Member | CallRecording):
                channel.stop(verb, Why.CANCELLED)
        if channel.bridge is None and channel.member is None:
            self.part()

    def part(self) -> None:
        """The channel is in no bridge or conference any more: if nobody steers it, now is the time."""
        if not self._is_orphan or not self._channel.is_alive or self._timer is not None:
            return
        if self.will is None:
            self.fail(TEMPORARY_FAILURE)
        elif self.will.wait > 0:
            self._play(self.will.music)
            self._timer = self._channel.table.timers.after(self.will.wait, self._fall_back)
        else:
            self._fall_back()

    def pass_on(self, then: commands.Fallback) -> bool:
        """Give the channel to the app, or to that of the route. False: there is none."""
        admission = self._successor(then)
        if admission is None:
            return False
        self.pass_to(admission, then.route or self._channel.facts.to)
        return True

    def pass_to(self, admission: Admission, number: str) -> None:
        """Give the channel to this app, as a call to that number."""
        self.to = number
        if admission.owner is not None:
            self.give(admission.owner)
            return
        self.app = admission.app
        self._channel.owner = None
        self._is_orphan = True
        self._play(self.will.music if self.will is not None else _TONE)
        self._timer = self._channel.table.timers.after(admission.wait, self._miss)

    def close(self) -> None:
        """Nobody is waited for any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._channel.audio.clear_background("policy")

    def fail(self, cause: int) -> None:
        self._channel.end(Ending(cause, "engine", status=503, headers=[reason_header(cause)]))

    @property
    def has_past(self) -> bool:
        """Has the channel had an owner before the one it is given now?"""
        return self._is_orphan or self._channel.owner is not None

    def _is_beside_a_will(self) -> bool:
        """Is it bridged with a channel whose policy says that the call goes on?"""
        bridge = self._channel.bridge
        return bridge is not None and any(each.succession.will is not None for each in bridge.channels)

    def _play(self, music: tuple[media.Source, ...]) -> None:
        channel = self._channel
        if not channel.is_inbound and channel.state is not State.ANSWERED:
            return
        if channel.state is not State.ANSWERED and not channel.has_offer:
            return
        channel.open_audio("policy")
        channel.audio.set_background("policy", music)

    def _fall_back(self) -> None:
        self._timer = None
        assert self.will is not None
        if not self.pass_on(self.will.then):
            self.fail(self.will.cause)

    def _successor(self, then: commands.Fallback) -> Admission | None:
        successors = self._channel.table.successors
        if successors is None or (then.app is None and then.route is None):
            return None
        return successors.successor(then, self._channel.facts)

    def _miss(self) -> None:
        """Nobody came."""
        self._timer = None
        if self.will is not None:
            self.fail(self.will.cause)
            return
        retry = ("Retry-After", str(round(self._channel.table.limits.retry_after)))
        headers = [reason_header(TEMPORARY_FAILURE), retry]
        self._channel.end(Ending(TEMPORARY_FAILURE, "engine", status=503, headers=headers))
