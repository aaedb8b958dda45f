"""dial: stages in turn, the targets of a stage together, the first to answer wins.

The legs are channels of their own; what becomes of each target is a `RunningBranch`. The caller hears ringback
meanwhile, if one was named, or is told that it rings as soon as the first phone does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, TypeAlias

from callflow.protocol import commands
from callflow.protocol.events import DialBranch, DialFinished, Party
from callflow.protocol.outcomes import Answered, Branch, Failed
from engine.media import session as media

from .argument import headers_of, within
from .branch import RunningBranch, cancelling, elsewhere
from .caller import parse_caller_id
from .errors import CommandError
from .origination import parse_target
from .reason import NO_ANSWER, NORMAL_CLEARING
from .source import resolve_ringback
from .state import State
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel
    from .timer import Timer

_LONGEST = 86400.0  # seconds
_LONGEST_ID = 128  # characters

Step: TypeAlias = Literal["dialing", "ringing", "progress", "answered", "failed", "cancelled"]


def dial(channel: Channel, command_id: str, command: commands.Dial) -> None:
    _check(channel, command)
    caller = parse_caller_id(command.caller_id) if command.caller_id is not None else _caller_of(channel)
    ringback = resolve_ringback(command.ringback, channel.owner) if command.ringback is not None else None
    dialing = Dialing(channel, command_id, command, caller)  # its branches read every target: bad ones raise
    if ringback is not None and (channel.has_offer or channel.state is State.ANSWERED):
        channel.open_audio("dial")
    dialing.start(ringback)


def _check(channel: Channel, command: commands.Dial) -> None:
    limits = channel.table.limits
    if channel.state is not State.ANSWERED:
        channel.expect_inbound("dial")
    within("timeout", command.timeout, 0.1, _LONGEST)
    if not command.stages or len(command.stages) > limits.stages:
        raise CommandError("bad_argument", f"expected 1 to {limits.stages} stages, got {len(command.stages)}")
    targets = [target for stage in command.stages for target in stage]
    if not all(command.stages) or len(targets) > limits.targets:
        raise CommandError(
            "bad_argument",
            f"expected at least one target in each stage and at most {limits.targets}, got {len(targets)}",
        )
    for target in targets:
        within("delay", target.delay, 0, _LONGEST)
        if target.timeout is not None:
            within("timeout of a target", target.timeout, 0.1, _LONGEST)
    _check_legs(channel, [target.leg for target in targets if target.leg])


def _check_legs(channel: Channel, legs: Sequence[str]) -> None:
    for number, leg in enumerate(legs):
        if len(leg) > _LONGEST_ID or not leg.isprintable():
            raise CommandError("bad_argument", f"expected a leg id of 1 to {_LONGEST_ID} characters, got {leg[:48]!r}")
        if channel.table.is_taken(leg) or leg in legs[:number]:
            raise CommandError("bad_argument", f"expected a new leg id, {leg!r} is taken", {"leg": leg})


def _caller_of(channel: Channel) -> Party:
    """Whom the callee sees: the party at this channel's far end, under our own host."""
    party = channel.facts.caller if channel.is_inbound else channel.facts.callee
    return Party(uri="", number=party.number, name=party.name)


class Dialing:
    """A dial that runs."""

    def __init__(self, channel: Channel, command_id: str, command: commands.Dial, caller: Party) -> None:
        self.command_id = command_id
        self.channel = channel
        self.caller = caller
        self._timeout = command.timeout
        self._stages = deque([[self._branch(target, command) for target in stage] for stage in command.stages])
        self._stage: list[RunningBranch] = []
        self._tried: list[RunningBranch] = []
        self._timer: Timer | None = None
        self._ringback: str | None = None
        self._claimed = [branch.leg for stage in self._stages for branch in stage]
        self._is_beginning = False
        self._is_over = False

    def start(self, ringback: media.Source | None) -> None:
        self.channel.table.claim(self._claimed)
        self.channel.run(self)
        if ringback is not None and self.channel.state in (State.EARLY, State.ANSWERED):
            self._ringback = self.channel.name_for(self)
            self.channel.audio.play(self._ringback, (ringback,), repeat=0)
        self._next_stage()

    # What branches tell

    def tell(self, branch: RunningBranch, step: Step, leg: str, status: int) -> None:
        self.channel.emit(
            DialBranch(command=self.command_id, target=branch.target.target, leg=leg, state=step, sip_status=status)
        )

    def branch_rang(self) -> None:
        """The caller hears that it rings, unless it hears something already."""
        if self.channel.is_alive and self.channel.state is State.CREATED:
            self.channel.ring()

    def branch_answered(self, winner: RunningBranch) -> None:
        if self._is_over:
            return
        for branch in self._stage:
            branch.cancel("cancelled", elsewhere())
        self._finish(Answered(winner.leg, winner.target.target))

    def branch_ended(self) -> None:
        if not self._is_beginning and not self._is_over and all(branch.result for branch in self._stage):
            self._next_stage()

    # Verb

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: media.MediaEvent) -> None:
        if isinstance(event, media.PlaybackFinished):
            self._ringback = None

    def stop(self, why: Why) -> None:
        if self._is_over:
            return
        by: Literal["caller", "callee", "app"] = "app"
        if why is Why.HANGUP:
            by = "caller" if self.channel.is_inbound else "callee"
        self._is_over = True
        for branch in self._stage:
            branch.cancel("cancelled", cancelling(NORMAL_CLEARING, by))
        self._finish(Failed(self._results(), "hangup" if why is Why.HANGUP else "stopped"))

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)

    # Inside

    def _branch(self, target: commands.Target, command: commands.Dial) -> RunningBranch:
        limits, locator = self.channel.table.limits, self.channel.table.locator
        headers = headers_of({**command.headers, **target.headers}, limits.headers)
        return RunningBranch(self, target, parse_target(target.target, locator), headers)

    def _next_stage(self) -> None:
        """Begin stages until one has a branch that is not over at once."""
        if self._timer is not None:
            self._timer.cancel()
        while self._stages and not self._is_over:
            self._stage = self._stages.popleft()
            self._tried += self._stage
            self._is_beginning = True
            for branch in self._stage:
                if not self._is_over:
                    branch.begin()
            self._is_beginning = False
            if not all(branch.result for branch in self._stage):
                self._timer = self.channel.table.timers.after(self._timeout, self._time_out)
                return
        if not self._is_over:
            self._finish(Failed(self._results()))

    def _time_out(self) -> None:
        for branch in self._stage:
            branch.cancel("no_answer", cancelling(NO_ANSWER, "engine"))
        self._next_stage()

    def _results(self) -> tuple[Branch, ...]:
        return tuple([branch.result for branch in self._tried if branch.result is not None])

    def _finish(self, outcome: Answered | Failed) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        if self._ringback is not None:
            self.channel.media.stop(self._ringback)
        self.channel.table.release(self._claimed)
        self.channel.finish(self, DialFinished(command=self.command_id, outcome=outcome))
