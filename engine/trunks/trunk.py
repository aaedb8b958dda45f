"""One trunk at work: which of its targets answer, where they are, whether we are registered, what it may still take.

Nothing here waits; `health` and `registration` tell it what they find out, calls what they came upon.
"""

from __future__ import annotations

import ipaddress
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

import structlog

from callflow.protocol.events import Event, TrunkDown, TrunkRegistered, TrunkUnregistered, TrunkUp
from callflow.protocol.queries import TrunkState, TrunkTargetState
from engine.allowance import Allowance
from engine.sip.events import Flow
from engine.transport.order import order

from .spec import TargetSpec, TrunkSpec

logger = structlog.get_logger("engine.trunks")

Registered: TypeAlias = Literal["", "registering", "registered", "failed"]


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> int:
        """Number and keep an event."""
        ...


@dataclass(slots=True)
class Target:
    """One target: `is_up` None while nothing is known of it."""

    spec: TargetSpec
    is_up: bool | None = None
    told: str = ""  # what it answered last, or why it did not
    address: tuple[str, int] | None = None  # where it was found last

    @property
    def priority(self) -> int:
        return self.spec.priority

    @property
    def weight(self) -> int:
        return self.spec.weight


class Trunk:
    """The state of a trunk."""

    def __init__(
        self,
        spec: TrunkSpec,
        *,
        events: EventSink,
        clock: Callable[[], float],
        chance: Callable[[], float],
        on_moved: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_moved`: told when a target is found at another address than before."""
        self.spec = spec
        self.targets = [Target(target) for target in spec.targets]
        self.registration: Registered = "registering" if spec.register else ""
        self._events = events
        self._chance = chance
        self._on_moved = on_moved
        self._is_up: bool | None = None
        rate = spec.rate
        self._allowance = Allowance(rate, max(1.0, rate), clock=clock) if rate is not None else None

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def is_up(self) -> bool:
        """Is there a target that answers, or one of which nothing is known yet?"""
        return any(target.is_up is not False for target in self.targets)

    def ways(self, number: str | None = None) -> Sequence[Target]:
        """The targets to try for a call, in their order: those that are not known to be down.

        Of one priority those come first where a minute to the number costs least; equals keep their share by weight.
        """
        ordered = order(self._up(), chance=self._chance)
        if number is None:
            return ordered
        return sorted(ordered, key=lambda target: (target.priority, _or_dearest(self.cost_at(target, number))))

    def cost_at(self, target: Target, number: str) -> float | None:
        """What a minute to that number costs there; None: it has no price."""
        return self.spec.cost_at(target.spec, number)

    def cost_of(self, number: str) -> float | None:
        """What it costs at the cheapest target that is not known to be down, if there is one; None: it has no price."""
        costs = [self.cost_at(target, number) for target in self._up() or self.targets]
        return min((cost for cost in costs if cost is not None), default=None)

    def takes_call(self) -> bool:
        """Count a call that is placed; False if there were too many in this second."""
        return self._allowance is None or self._allowance.take()

    # What is found out

    def note_way(self, target: Target, flow: Flow) -> None:
        """It is reached there."""
        if target.address != flow.remote:
            target.address = flow.remote
            self._on_moved()

    def note_answer(self, target: Target, told: str) -> None:
        """It answers."""
        self._note(target, is_up=True, told=told)

    def note_silence(self, target: Target, told: str) -> None:
        """It does not answer, or not with anything of use. Without OPTIONS nobody would see it come back."""
        if self.spec.health:
            self._note(target, is_up=False, told=told)

    def note_registered(self, seconds: float) -> None:
        was, self.registration = self.registration, "registered"
        if was != "registered":
            logger.info("registered", trunk=self.name, expires_after=seconds)
            self._events.emit(TrunkRegistered(trunk=self.name, expires_after=seconds))

    def note_unregistered(self, reason: str, *, retry_after: float) -> None:
        self.registration = "failed"
        logger.warning("not registered", trunk=self.name, reason=reason, retry_after=round(retry_after, 1))
        self._events.emit(TrunkUnregistered(trunk=self.name, reason=reason, retry_after=retry_after))

    # What others ask

    def is_at(self, host: str) -> bool:
        """Is one of its targets at this address, or may it call from there?

        On this machine phones are, too: there its address says nothing.
        """
        if ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            return False
        return self._allows(host) or any(target.address and target.address[0] == host for target in self.targets)

    def is_source(self, flow: Flow) -> bool:
        """Does what comes by this flow come from the trunk?"""
        if self.spec.allow is not None:
            return self._allows(flow.remote[0])
        found = [target.address for target in self.targets if target.address is not None]
        return flow.remote in found if self.spec.is_exact else any(_is_from(address, flow) for address in found)

    def state(self, calls: int) -> TrunkState:
        """For who asks; `calls` are up now."""
        return TrunkState(
            id=self.name,
            is_up=self.is_up,
            registration=self.registration,
            calls=calls,
            maximum=self.spec.calls,
            targets=tuple(
                TrunkTargetState(target=str(target.spec), is_up=target.is_up is not False, told=target.told)
                for target in self.targets
            ),
        )

    # Inside

    def _up(self) -> list[Target]:
        return [target for target in self.targets if target.is_up is not False]

    def _allows(self, host: str) -> bool:
        address = ipaddress.ip_address(host.partition("%")[0])
        return any(address.version == network.version and address in network for network in self.spec.allow or ())

    def _note(self, target: Target, *, is_up: bool, told: str) -> None:
        if target.is_up is not is_up:
            logger.info("target up" if is_up else "target down", trunk=self.name, target=str(target.spec), told=told)
        target.is_up, target.told = is_up, told
        is_any_up = self.is_up
        if self._is_up is is_any_up or (is_any_up and not is_up):  # the same, or others are not known yet
            return
        self._is_up = is_any_up
        if is_any_up:
            self._events.emit(TrunkUp(trunk=self.name, target=str(target.spec)))
        else:
            self._events.emit(TrunkDown(trunk=self.name, reason=told))


def _or_dearest(cost: float | None) -> float:
    """What has no price comes last."""
    return math.inf if cost is None else cost


def _is_from(address: tuple[str, int], flow: Flow) -> bool:
    """From that address. On this machine, where phones are too, it is told from others by its port."""
    host, port = flow.remote
    return host == address[0] and (port == address[1] or not ipaddress.ip_address(host).is_loopback)
