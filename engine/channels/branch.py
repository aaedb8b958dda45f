"""One target of a dial while it is tried: its delay, its legs (a user may have several phones), and how it ended.

A trunk has several targets of its own, which are tried in turn: see `ways`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from functools import partial
from math import inf
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import trio

from callflow.protocol import commands
from callflow.protocol.causes import cause_of_status
from callflow.protocol.outcomes import Branch
from engine.media.session import PortsExhausted
from engine.sip.digest import Credentials
from engine.transport.errors import Unreachable

from .confirmation import Confirming
from .ending import By, Ending
from .errors import CommandError
from .origination import Destination, Enum, Group, User, originate, parse_address
from .ports import Headers
from .rank import Ranks, ranks_of
from .reason import (
    ANSWERED_ELSEWHERE,
    CALL_REJECTED,
    COMPLETED_ELSEWHERE,
    NO_ANSWER,
    NO_CIRCUIT_AVAILABLE,
    NORMAL_CLEARING,
    SUBSCRIBER_ABSENT,
    TIMER_EXPIRY,
    reason_header,
)
from .refusal import EarlyEar
from .spot import Spot
from .way import PATIENCE, Way, is_reason_to_go_on, ways_to

if TYPE_CHECKING:
    from engine.media.session import SoundDetected
    from engine.transport.locating import Hop
    from engine.trunks.trunk import Trunk

    from .channel import Channel
    from .course import Course
    from .timer import Timer

Failure: TypeAlias = Literal[
    "busy", "no_answer", "declined", "not_found", "unavailable", "failed", "cancelled", "unreachable", "unconfirmed"
]

_FAILURES: Mapping[int, Failure] = MappingProxyType({
    404: "not_found", 408: "no_answer", 410: "not_found", 480: "unavailable", 484: "not_found", 485: "not_found",
    486: "busy", 487: "no_answer", 600: "busy", 603: "declined", 604: "not_found",
})  # fmt: skip

# Of several phones of one user, the end that tells the caller most.
_TELLING = (
    "declined", "unconfirmed", "busy", "no_answer", "unavailable", "not_found", "failed", "unreachable", "cancelled",
)  # fmt: skip


class RunningBranch:
    """A target from its stage's beginning to its end. `result` is None until then."""

    def __init__(self, course: Course, target: commands.Target, destination: Destination, headers: Headers) -> None:
        self.target = target
        self.leg = target.leg or course.table.new_id()
        self.result: Branch | None = None
        self._course = course
        self._table = course.table
        self._destination = destination
        self._headers = headers
        self._legs: list[Channel] = []
        self._spots: deque[Spot] = deque()  # that are yet to be called
        self._ranks = Ranks(course.table.timers)
        self._ends_at = 0.0  # if nobody answers
        self._places: dict[Channel, Spot] = {}  # where the legs were placed
        self._ends: list[Branch] = []
        self._told: set[str] = set()  # which steps were reported
        self._timer: Timer | None = None
        self._resolving: trio.CancelScope | None = None
        self._is_placing = False
        self._is_leg_used = False
        self._ways: deque[Way] = deque()  # that are yet to be tried
        self._hops: deque[tuple[Way, Hop]] = deque()  # the servers of the last one, that are yet to be tried
        self._asked: Trunk | None = None  # it has counted this call
        self._unlisted: str | None = None  # a number whose addresses are yet to be looked up
        self._patience: Timer | None = None
        self._is_following = False  # a redirection: its legs have ids of our own
        self._redirects = course.redirects
        self._seen: set[str] = {target.target}  # where it was tried
        self._redirected: list[str] = []  # where it may be tried yet, the most wanted first
        self._answered: Channel | None = None  # who is asked to confirm
        self._ear = EarlyEar() if course.tones else None

    @property
    def is_confirming(self) -> bool:
        return self._answered is not None and self.result is None

    def begin(self) -> None:
        """Wait for the delay, then call."""
        if self.target.delay > 0:
            self._timer = self._table.timers.after(self.target.delay, self._call)
        else:
            self._call()

    def cancel(self, reason: Literal["cancelled", "no_answer"], ending: Ending) -> None:
        """End what is still tried."""
        if self.result is None:
            q850 = NO_ANSWER if reason == "no_answer" else 0
            self._finish(Branch(self.target.target, self.leg, reason, q850=q850), ending)

    def _call(self) -> None:
        self._timer = None
        within = min(self._course.timeout - self.target.delay, self.target.timeout or inf)
        self._ends_at = trio.current_time() + within
        if self.target.timeout is not None:
            self._timer = self._table.timers.after(self.target.timeout, self._time_out)
        self._tell("dialing")
        self._go(self._destination)

    def _go(self, destination: Destination) -> None:
        self._destination = destination
        self._ways.clear()
        self._hops.clear()
        if isinstance(destination, User):
            self._call_users([destination.name])
            return
        if isinstance(destination, Group):
            self._call_users(self._table.locator.members(destination.name))
            return
        self._ways.extend(ways_to(destination))
        self._asked = None
        self._unlisted = destination.number if isinstance(destination, Enum) else None
        if not self._has_more and self._unlisted is None:  # its trunks are down
            self._ends.append(self._failure(503, "unreachable"))
            self._conclude()
            return
        self._try_next()

    def _next_way(self) -> Way | None:
        """The next way, unless its trunk takes no call now: then the next one by another."""
        way = self._ways.popleft()
        if way.trunk is None or way.trunk is self._asked:
            return way
        self._asked = way.trunk
        if way.trunk.takes_call():
            return way
        self._ends.append(self._failure(503, "failed", NO_CIRCUIT_AVAILABLE))
        self._leave_trunk(way.trunk)
        return None

    def _leave_trunk(self, trunk: Trunk) -> None:
        """It takes no more calls."""
        self._ways = deque(way for way in self._ways if way.trunk is not trunk)
        self._hops.clear()

    def _try_next(self) -> None:
        self._resolving = trio.CancelScope()
        self._table.start(self._resolve)

    def _call_users(self, names: Sequence[str]) -> None:
        found = [(name, self._table.locator.contacts(name)) for name in names]
        first = self._ranks.begin(
            ranks_of(found, most=self._table.limits.contacts), ends_at=self._ends_at, on_share_over=self._give_way
        )
        if not first:
            self._ends.append(Branch(self.target.target, self.leg, "unavailable", 480, SUBSCRIBER_ABSENT))
        self._place(first)

    def _give_way(self) -> None:
        """These phones only ring: others are yet to be tried."""
        self._ends.append(Branch(self.target.target, self.leg, "no_answer", q850=NO_ANSWER))
        self._end_legs(cancelling(NO_ANSWER, "engine"))
        self._settle()

    async def _resolve(self) -> None:
        """Find the next server that can be reached, and call there."""
        assert self._resolving is not None
        found: list[Spot] = []
        way = None
        with self._resolving as scope:
            await self._enumerate()
            while self._has_more and not found:
                try:
                    if not self._hops:
                        way = self._next_way()
                        hops = await self._table.sip.locate(way.uri) if way is not None else ()
                        self._hops.extend((way, hop) for hop in hops if way is not None)
                        continue
                    way, hop = self._hops.popleft()
                    found.append(Spot(way.uri, await self._table.sip.reach(hop), way=way))
                except Unreachable as error:
                    assert way is not None
                    if not self._hops:
                        way.note_silence(str(error))
                    self._ends.append(self._failure(503, "unreachable"))
        if not scope.cancelled_caught:
            self._place(found)

    async def _enumerate(self) -> None:
        """Look a phone number up, once."""
        number, self._unlisted = self._unlisted, None
        if number is not None:
            try:
                self._ways.extend(Way(uri) for uri in await self._table.sip.look_up(number))
            except Unreachable:
                self._ends.append(self._failure(404, "not_found"))

    @property
    def _has_more(self) -> bool:
        """Are there servers that are yet to be tried?"""
        return bool(self._hops or self._ways)

    def _place(self, spots: Sequence[Spot]) -> None:
        """Call all of them at once; one that ends while others are yet to be called does not settle the branch."""
        self._spots.extend(spots)
        if self._is_placing:
            return
        self._is_placing = True
        while self._spots and self.result is None:
            spot = self._spots.popleft()
            leg_id = self._table.new_id() if self._is_leg_used else self.leg
            if self._has_place(leg_id, spot.way):
                self._is_leg_used = True
                self._originate(leg_id, spot)
            elif self._has_more:
                self._is_placing = False
                self._try_next()
                return
        self._is_placing = False
        self._settle()

    def _has_place(self, leg_id: str, way: Way | None) -> bool:
        """Does the trunk, if it is one, take one more call?"""
        if way is None or way.trunk is None or self._table.has_place(way.trunk, leg_id):
            return True
        self._leave_trunk(way.trunk)
        self._ends.append(self._failure(503, "failed", NO_CIRCUIT_AVAILABLE))
        return False

    def _originate(self, leg_id: str, spot: Spot) -> None:
        way = spot.way
        trunk = way.trunk if way is not None else None
        if self._table.is_full:
            self._table.places.release(leg_id)
            self._ends.append(self._failure(503, "failed"))
            return
        with self._table.events_held():  # what the INVITE causes at once comes after channel.created
            try:
                leg = originate(
                    self._table,
                    leg_id,
                    spot,
                    caller=self._course.caller,
                    headers=self._headers,
                    owner=self._course.dialer.owner,
                    parent=self._course.dialer.parent,
                    trunk=trunk,
                    credentials=self._credentials(trunk),
                )
            except PortsExhausted:
                self._table.places.release(leg_id)
                self._ends.append(self._failure(503, "failed"))
                return
            leg.watcher = self
            self._legs.append(leg)
            self._places[leg] = spot
        if way is not None and self._has_more and leg in self._legs:
            patience = trunk.spec.failover if trunk is not None else PATIENCE
            self._patience = self._table.timers.after(patience, partial(self._lose_patience, leg, way))

    def _lose_patience(self, leg: Channel, way: Way) -> None:
        """Nothing has come back, not even 100: this target is passed over (RFC 3263 4.3)."""
        if leg not in self._legs or not leg.signalling.is_unheard:
            return
        if not self._hops:
            way.note_silence("no answer to an INVITE")
        self._legs.remove(leg)
        self._ends.append(Branch(self.target.target, leg.id, "unreachable", 408, TIMER_EXPIRY))
        leg.watcher = None
        leg.end(Ending(TIMER_EXPIRY, "network", 408))
        self._course.dialer.leg_over(leg)
        self._try_next()

    def _time_out(self) -> None:
        self._timer = None
        self.cancel("no_answer", cancelling(NO_ANSWER, "engine"))
        self._course.branch_ended()

    # LegWatcher

    def leg_rang(self, leg: Channel) -> None:
        self._tell("ringing", leg)
        self._course.dialer.leg_rang()

    def leg_progressed(self, leg: Channel) -> None:
        self._tell("progress", leg)
        if self._ear is not None:
            self._ear.listen(leg)
        self._course.dialer.leg_progressed(leg)

    def leg_heard(self, leg: Channel, sound: SoundDetected) -> None:
        """A tone in place of a final response: the call is given up, as if that had come."""
        refusal = self._ear.judge(leg, sound) if self._ear is not None else None
        if refusal is None or leg not in self._legs:
            return
        self._legs.remove(leg)
        self._ends.append(Branch(self.target.target, leg.id, refusal.reason, refusal.status, refusal.cause))
        leg.watcher = None
        leg.end(cancelling(refusal.cause, "engine"))
        self._course.dialer.leg_over(leg)
        if refusal.status == 503 and self._has_more and not self._is_placing:
            self._try_next()
        else:
            self._settle()

    def leg_answered(self, leg: Channel) -> None:
        self.leg = leg.id
        self._ranks.end()
        if self._ear is not None:
            self._ear.leave(leg)
        wanted = self._course.confirmation
        if wanted is None:
            self._tell("answered", leg)
            self._win(leg)
            return
        self._answered, leg.watcher = leg, self
        self._end_legs(elsewhere(), but=leg)
        if self._timer is not None:
            self._timer.cancel()
        Confirming(leg, self._course.dialer.command_id, wanted, self._course.prompt, self._decide)
        self._tell("answered", leg)

    def leg_picked_up(self, leg: Channel, by: Channel) -> None:
        """The other phone is the one that answered (RFC 3891 3)."""
        self._legs.remove(leg)
        self._legs.append(by)
        leg.watcher = None
        leg.end(elsewhere())
        self._course.dialer.leg_over(leg)
        self.leg_answered(by)

    def leg_ended(self, leg: Channel, ending: Ending) -> None:
        if leg not in self._legs:
            return
        self._legs.remove(leg)
        self._course.dialer.leg_over(leg)
        if leg is self._answered:
            self._ends.append(self._unconfirmed(leg, ending.cause))
        else:
            failed = Branch(self.target.target, leg.id, _reason(ending), ending.status, ending.cause, ending.contacts)
            self._ends.append(failed)
            self._redirected = [*ending.contacts, *self._redirected]
        spot = self._places[leg].next_flow(ending.status) if leg in self._places else None
        if ending.status >= 600:  # RFC 3261 16.7: a 6xx speaks for all phones of the user
            self._conclude()
        elif spot is not None:
            self._place([spot])
        elif self._has_more and not self._is_placing and is_reason_to_go_on(ending):
            self._try_next()
        else:
            self._settle()

    # Inside

    def _decide(self, is_accepted: bool) -> None:
        leg = self._answered
        if leg is None or self.result is not None:
            return
        leg.watcher = None
        if is_accepted:
            self._win(leg)
            return
        self._legs.remove(leg)
        self._ends.append(self._unconfirmed(leg, CALL_REJECTED))
        leg.end(Ending(NORMAL_CLEARING, "engine", headers=[reason_header(NORMAL_CLEARING)]))
        self._course.dialer.leg_over(leg)
        self._settle()

    def _win(self, leg: Channel) -> None:
        self._legs.remove(leg)
        self._finish(Branch(self.target.target, leg.id, "answered", 200, 0), elsewhere(), is_told=True)
        self._course.branch_won(self, leg)

    def _unconfirmed(self, leg: Channel, cause: int) -> Branch:
        return Branch(self.target.target, leg.id, "unconfirmed", 200, cause)

    def _end_legs(self, ending: Ending, *, but: Channel | None = None) -> None:
        legs, self._legs = self._legs, [but] if but is not None else []
        for leg in legs:
            if leg is not but:
                leg.watcher = None
                leg.end(ending)
                self._course.dialer.leg_over(leg)

    def _settle(self) -> None:
        if self._legs or self._is_placing or self.result is not None:
            return
        if rank := self._ranks.next():
            self._place(rank)
        elif not self._follow():
            self._conclude()

    def _follow(self) -> bool:
        """Try the next address that the callee sent us to (RFC 3261 8.1.3.4), each once. False: there is none left."""
        while self._redirected and self._redirects > 0:
            target = self._redirected.pop(0)
            if target in self._seen:
                continue
            self._seen.add(target)
            try:
                destination = parse_address(target, self._table.locator)
            except CommandError:
                continue
            self._redirects -= 1
            self._is_following = True
            self._go(destination)
            return True
        return False

    def _conclude(self) -> None:
        if self.result is None:
            self._finish(min(self._ends, key=lambda end: _TELLING.index(end.reason)))
            self._course.branch_ended()

    def _failure(self, status: int, reason: Failure, cause: int | None = None) -> Branch:
        return Branch(self.target.target, self.leg, reason, status, cause or cause_of_status(status))

    def _credentials(self, trunk: Trunk | None) -> Credentials | None:
        """What a challenge is answered with; never that of another to whom it redirects."""
        if trunk is not None:
            return trunk.spec.credentials
        told = self.target
        return Credentials(told.username, told.password) if told.username and not self._is_following else None

    def _finish(self, result: Branch, ending: Ending | None = None, *, is_told: bool = False) -> None:
        self.result = result
        self._ranks.end()
        if self._timer is not None:
            self._timer.cancel()
        if self._patience is not None:
            self._patience.cancel()
        if self._resolving is not None:
            self._resolving.cancel()
        self._end_legs(ending or elsewhere())
        if not is_told:
            self._tell("cancelled" if result.reason == "cancelled" else "failed", status=result.sip_status)

    def _tell(
        self,
        state: Literal["dialing", "ringing", "progress", "answered", "failed", "cancelled"],
        leg: Channel | None = None,
        *,
        status: int = 0,
    ) -> None:
        if state not in self._told:
            self._told.add(state)
            self._course.tell(self, state, leg.id if leg is not None else self.leg, status)


def cancelling(cause: int, by: By) -> Ending:
    """An unanswered callee is cancelled, and learns why."""
    return Ending(cause, by, status=487, headers=[reason_header(cause)])


def elsewhere() -> Ending:
    """Another was faster."""
    return Ending(ANSWERED_ELSEWHERE, "engine", status=487, headers=[COMPLETED_ELSEWHERE])


def _reason(ending: Ending) -> Failure:
    if ending.by == "network":
        return "unreachable"
    if ending.by == "app":
        return "cancelled"
    return _FAILURES.get(ending.status, "failed")
