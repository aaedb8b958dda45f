"""A party between two bridges: one that a phone transfers is let go by it, and waits for the target to answer.

It hears that it rings. When the target does not answer it is back with the phone, if that is still there; who
transfers and hangs up at once has left it to its fate, which is the target's answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.causes import cause_of_status
from callflow.protocol.events import ChannelTransferred, DialBranch
from callflow.protocol.outcomes import Answered, Failed, TransferFailed, Transferred, Unbridged
from engine.media.session import MediaEvent

from .bridge import BridgeOfTwo, Bridging
from .course import Course
from .dial import caller_of
from .ending import By, Ending
from .ports import Owner
from .reason import reason_header
from .state import State
from .tone import TONES
from .verb import Why

if TYPE_CHECKING:
    from .channel import Channel
    from .referral import TransferRequest

_RINGBACK = (TONES["ringback/us"],)
_BACKGROUND = "transfer"
_STOPPED = 487


class Transit:
    """The way of one party from the phone that transfers it to the target; a Verb of that party, and a Dialer."""

    def __init__(self, party: Channel, request: TransferRequest, target: str, bridge: BridgeOfTwo) -> None:
        """`bridge` is the one that the two leave; its commands are fulfilled by the next. Raises CommandError."""
        self.command_id = request.id
        self._party = party
        self._request = request
        self._target = target
        self._bridge = bridge
        self._commands: Sequence[Bridging] = ()
        self._hangs_up = bridge.is_hung_up_after
        self._is_over = False
        stage = (commands.Target(target=target),)
        by = request.referred_by
        headers = {"Referred-By": by} if by else {}  # RFC 3892 2.2: the target may see who sent it this call
        plan = commands.Dial(stages=(stage,), timeout=party.table.limits.transfer_rings, headers=headers)
        self._course = Course(party.table, self, plan, caller_of(party))

    def start(self) -> None:
        self._commands = self._bridge.detach(self._request.channel)
        self._party.run(self)
        for command in self._commands:
            if command.channel is self._party:
                command.transit = self
        self._party.audio.set_background(_BACKGROUND, _RINGBACK)
        self._course.start()

    # Dialer

    @property
    def owner(self) -> Owner | None:
        return self._party.owner

    @property
    def parent(self) -> str | None:
        return self._party.id

    def tell(self, event: DialBranch) -> None:
        self._party.emit(event)

    def leg_rang(self) -> None:
        self._request.tell(180)

    def leg_progressed(self, leg: Channel) -> None:
        self._request.tell(183)

    def leg_over(self, leg: Channel) -> None:
        pass

    def finish(self, outcome: Answered | Failed, winner: Channel | None) -> None:
        self._is_over = True
        self._party.audio.clear_background(_BACKGROUND)
        if winner is not None and winner.is_alive:
            self._arrive(winner)
        else:
            self._fail(outcome)

    # Verb

    def press(self, digit: str) -> bool:
        return False

    def receive(self, event: MediaEvent) -> None:
        pass

    def stop(self, why: Why) -> None:
        if self._is_over:
            return
        by: By = "app"
        if why is Why.HANGUP:
            by = "caller" if self._party.is_inbound else "callee"
        self._course.stop(by, "hangup" if why is Why.HANGUP else "stopped")

    def give_up(self) -> None:
        self.stop(Why.CANCELLED)

    # Inside

    def _arrive(self, winner: Channel) -> None:
        party, phone = self._party, self._request.channel
        kept = [command for command in self._running() if command.channel is party]
        BridgeOfTwo(party, winner, is_hung_up_after=self._hangs_up, commands=kept).begin()
        for command in self._running():
            if command.channel is phone:
                command.end(Unbridged("transferred", phone.id))
        self._tell(Transferred(self._target), winner)
        self._request.succeed()

    def _fail(self, outcome: Answered | Failed) -> None:
        status, failed = _failure(outcome)
        party, phone = self._party, self._request.channel
        can_return = party.is_alive and phone.state is State.ANSWERED and phone.bridge is None
        self._tell(failed, phone if can_return else None)
        self._request.fail(status)
        if can_return:
            BridgeOfTwo(party, phone, is_hung_up_after=self._hangs_up, commands=self._running()).begin()
        elif party.is_alive and failed.reason != "stopped":
            cause = cause_of_status(status)
            party.end(Ending(cause, "engine", headers=[reason_header(cause)]))

    def _running(self) -> list[Bridging]:
        return [command for command in self._commands if command.channel.find(command.command_id) is command]

    def _tell(self, outcome: Transferred | TransferFailed, other: Channel | None) -> None:
        told = ChannelTransferred(
            request=self._request.id,
            by=self._request.channel.id,
            to=other.id if other is not None else None,
            outcome=outcome,
        )
        self._party.finish(self, told)


def _failure(outcome: Answered | Failed) -> tuple[int, TransferFailed]:
    """What the phone is told, and the program."""
    if isinstance(outcome, Failed) and outcome.reason != "no_answer":
        return _STOPPED, TransferFailed(_STOPPED, outcome.reason)
    branches = outcome.branches if isinstance(outcome, Failed) else ()
    status = next((branch.sip_status for branch in branches if branch.sip_status >= 300), 480)
    return status, TransferFailed(status, "failed")
