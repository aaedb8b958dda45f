"""What dial and originate share: stages in turn, the targets of a stage together, the first to answer wins.

The legs are channels of their own; what becomes of each target is a `RunningBranch`. Whoever dials is the `Dialer`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from callflow.protocol import commands
from callflow.protocol.events import DialBranch
from callflow.protocol.outcomes import Answered, Branch, Failed

from .argument import digits_only, headers_of, within
from .branch import RunningBranch, cancelling, elsewhere
from .ending import By
from .errors import CommandError
from .origination import parse_target
from .ports import Owner
from .reason import NO_ANSWER, NORMAL_CLEARING
from .source import resolve_sources

if TYPE_CHECKING:
    from engine.media.session import Source

    from .caller import Caller
    from .channel import Channel
    from .table import ChannelTable
    from .timer import Timer

_LONGEST = 86400.0  # seconds
_LONGEST_ID = 128  # characters

Step: TypeAlias = Literal["dialing", "ringing", "progress", "answered", "failed", "cancelled"]


class Dialer(Protocol):
    """Whoever runs a course. A leg is rung, plays early media, is over; the course is over once."""

    @property
    def command_id(self) -> str: ...

    @property
    def owner(self) -> Owner | None: ...

    @property
    def parent(self) -> str | None:
        """The channel that dials."""
        ...

    def tell(self, event: DialBranch) -> None: ...

    def leg_rang(self) -> None: ...

    def leg_progressed(self, leg: Channel) -> None: ...

    def leg_over(self, leg: Channel) -> None: ...

    def finish(self, outcome: Answered | Failed, winner: Channel | None) -> None: ...


def check_plan(table: ChannelTable, command: commands.Dial | commands.Originate) -> None:
    """Raise CommandError for stages that cannot be dialled."""
    limits = table.limits
    within("timeout", command.timeout, 0.1, _LONGEST)
    if isinstance(command, commands.Dial):
        within("redirects", command.redirects, 0, limits.redirects)
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
        if (
            not (target.username + target.password).isprintable()
            or len(target.username + target.password) > _LONGEST_ID
        ):
            raise CommandError("bad_argument", f"expected printable credentials of at most {_LONGEST_ID} characters")
    _check_legs(table, [target.leg for target in targets if target.leg])


def _check_legs(table: ChannelTable, legs: Sequence[str]) -> None:
    for number, leg in enumerate(legs):
        if len(leg) > _LONGEST_ID or not leg.isprintable():
            raise CommandError("bad_argument", f"expected a leg id of 1 to {_LONGEST_ID} characters, got {leg[:48]!r}")
        if table.is_taken(leg) or leg in legs[:number]:
            raise CommandError("bad_argument", f"expected a new leg id, {leg!r} is taken", {"leg": leg})


class Course:
    """The stages of one command while they are dialled."""

    def __init__(
        self, table: ChannelTable, dialer: Dialer, command: commands.Dial | commands.Originate, caller: Caller
    ) -> None:
        """Raises CommandError for a target that is none."""
        self.table = table
        self.dialer = dialer
        self.caller = caller
        self.redirects = command.redirects if isinstance(command, commands.Dial) else 0
        self.tones = command.tones
        self.confirmation = command.confirm if isinstance(command, commands.Dial) else None
        self.prompt = self._prompt()
        self.timeout = command.timeout
        self._stages = deque([[self._branch(target, command) for target in stage] for stage in command.stages])
        self._stage: list[RunningBranch] = []
        self._tried: list[RunningBranch] = []
        self._timer: Timer | None = None
        self._claimed = [branch.leg for stage in self._stages for branch in stage]
        self._is_beginning = False
        self._is_over = False

    def start(self) -> None:
        self.table.claim(self._claimed)
        self._next_stage()

    def stop(self, by: By, reason: Literal["hangup", "stopped"]) -> None:
        """End all that is still tried."""
        if self._is_over:
            return
        self._is_over = True
        for branch in self._stage:
            branch.cancel("cancelled", cancelling(NORMAL_CLEARING, by))
        self._finish(Failed(self._results(), reason), None)

    # What branches tell

    def tell(self, branch: RunningBranch, step: Step, leg: str, status: int) -> None:
        target = branch.target.target
        self.dialer.tell(
            DialBranch(command=self.dialer.command_id, target=target, leg=leg, state=step, sip_status=status)
        )

    def branch_won(self, winner: RunningBranch, leg: Channel) -> None:
        if self._is_over:
            return
        for branch in self._stage:
            branch.cancel("cancelled", elsewhere())
        self._finish(Answered(leg.id, winner.target.target), leg)

    def branch_ended(self) -> None:
        if not self._is_beginning and not self._is_over and all(branch.result for branch in self._stage):
            self._next_stage()

    # Inside

    def _prompt(self) -> tuple[Source, ...]:
        wanted = self.confirmation
        if wanted is None:
            return ()
        within("timeout of confirm", wanted.timeout, 0.1, _LONGEST)
        digits_only("key", wanted.key, 1)
        return resolve_sources(wanted.prompt, self.dialer.owner, self.table.limits.sources)

    def _branch(self, target: commands.Target, command: commands.Dial | commands.Originate) -> RunningBranch:
        headers = headers_of({**command.headers, **target.headers}, self.table.limits.headers)
        return RunningBranch(self, target, parse_target(self.table, target.target, target.trunk), headers)

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
                self._timer = self.table.timers.after(self.timeout, self._time_out)
                return
        if not self._is_over:
            self._finish(Failed(self._results()), None)

    def _time_out(self) -> None:
        """Who has answered and is about to confirm is let finish."""
        self._is_beginning = True
        for branch in self._stage:
            if not branch.is_confirming:
                branch.cancel("no_answer", cancelling(NO_ANSWER, "engine"))
        self._is_beginning = False
        self.branch_ended()

    def _results(self) -> tuple[Branch, ...]:
        return tuple([branch.result for branch in self._tried if branch.result is not None])

    def _finish(self, outcome: Answered | Failed, winner: Channel | None) -> None:
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        self.table.release(self._claimed)
        self._stage, self._tried = [], []  # they know the course, as the dialer does: none is to keep the other
        self._stages.clear()
        self.dialer.finish(outcome, winner)
        del self.dialer  # nothing is told any more
