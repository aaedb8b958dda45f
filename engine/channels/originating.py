"""originate: a call without a caller; the leg that answers is the session's, or goes where it was to go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands
from callflow.protocol.commands import Fallback
from callflow.protocol.events import DialBranch, DialFinished, Party
from callflow.protocol.outcomes import Answered, Failed

from .caller import Caller, parse_caller_id
from .course import Course, check_plan
from .errors import CommandError
from .ports import Owner
from .reason import NO_ROUTE_DESTINATION

if TYPE_CHECKING:
    from .channel import Channel
    from .table import ChannelTable

# RFC 3261 8.1.1.3: who does not say who calls
_ANONYMOUS = Party(uri="sip:anonymous@anonymous.invalid", number="anonymous", name="Anonymous")


class Originations:
    """The originate commands that run, by session and id."""

    def __init__(self, table: ChannelTable) -> None:
        self._table = table
        self._running: dict[tuple[str, str], Originating] = {}

    @property
    def count(self) -> int:
        return len(self._running)

    def start(self, command_id: str, command: commands.Originate, owner: Owner) -> None:
        """Begin one. Raises CommandError."""
        self._check(command, owner)
        if (owner.session, command_id) in self._running:
            raise CommandError("bad_argument", f"expected a new command id, {command_id[:64]!r} still runs")
        if len(self._running) >= self._table.limits.originations:
            raise CommandError("overloaded", f"expected at most {self._table.limits.originations} running originates")
        caller = parse_caller_id(command.caller_id) if command.caller_id is not None else _ANONYMOUS
        shown = Caller(caller, command.withheld)
        originating = Originating(self._table, command_id, command, owner, shown)
        self._running[owner.session, command_id] = originating
        originating.start()

    def cancel(self, command_id: str, owner: Owner) -> None:
        """End one; its outcome follows. One that has ended is a success."""
        originating = self._running.get((owner.session, command_id))
        if originating is not None:
            originating.stop()

    def lose(self, session: str) -> None:
        """The session is gone: what it had begun ends."""
        for whose, originating in list(self._running.items()):
            if whose[0] == session:
                originating.stop()

    def remove(self, originating: Originating) -> None:
        del self._running[originating.owner.session, originating.command_id]

    def _check(self, command: commands.Originate, owner: Owner) -> None:
        if self._table.is_draining:
            raise CommandError("overloaded", "originate: the engine drains, and begins no calls")
        check_plan(self._table, command)
        if sum(where is not None for where in (command.app, command.route, command.bridge)) > 1:
            raise CommandError("bad_argument", "originate: expected one of app, route and bridge")
        if (command.app or command.route) and self._table.successors is None:
            raise CommandError("unsupported", "originate: this engine has no routes")
        if command.bridge is not None:
            other = self._table.channels.get(command.bridge)
            if other is None or not other.is_alive:
                raise CommandError("not_found", f"no channel {command.bridge[:64]!r} to bridge with")
            if other.owner is None or other.owner.session != owner.session:
                raise CommandError("not_owner", f"the call {command.bridge} is not of this session")


class Originating:
    """An originate that runs."""

    parent = None

    def __init__(
        self, table: ChannelTable, command_id: str, command: commands.Originate, owner: Owner, caller: Caller
    ) -> None:
        self.command_id = command_id
        self.owner = owner
        self._table = table
        self._command = command
        self._course = Course(table, self, command, caller)

    def start(self) -> None:
        self._course.start()

    def stop(self) -> None:
        self._course.stop("app", "stopped")

    def tell(self, event: DialBranch) -> None:
        self._table.emit(event, self.owner)

    def leg_rang(self) -> None:
        pass

    def leg_progressed(self, leg: Channel) -> None:
        pass

    def leg_over(self, leg: Channel) -> None:
        pass

    def finish(self, outcome: Answered | Failed, winner: Channel | None) -> None:
        self._table.originations.remove(self)
        self._table.emit(DialFinished(command=self.command_id, outcome=outcome), self.owner)
        if winner is not None and winner.is_alive:
            self._send_on(winner)

    def _send_on(self, leg: Channel) -> None:
        command = self._command
        if command.app or command.route:
            if not leg.succession.pass_on(Fallback(app=command.app, route=command.route)):
                leg.succession.fail(NO_ROUTE_DESTINATION)
        elif command.bridge:
            try:
                leg.perform(f"{self.command_id}/bridge", commands.Bridge(other=command.bridge))
            except CommandError:  # the other has ended meanwhile
                leg.succession.fail(NO_ROUTE_DESTINATION)
