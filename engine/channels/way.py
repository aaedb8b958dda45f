"""The ways to a destination, tried in turn: a URI has one, a trunk one for each of its targets (RFC 3263 4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.sip.messages import Uri

from .ending import Ending
from .origination import Destination, LeastCost, TrunkNumber

if TYPE_CHECKING:
    from engine.trunks.trunk import Target, Trunk


PATIENCE = 4.0  # seconds without any answer, after which the next server of a URI is tried


@dataclass(frozen=True, slots=True)
class Way:
    """A URI to call, of a target of a trunk perhaps."""

    uri: Uri
    trunk: Trunk | None = None
    target: Target | None = None

    def note_silence(self, told: str) -> None:
        """Nobody answers there."""
        if self.trunk is not None and self.target is not None:
            self.trunk.note_silence(self.target, told[:200])


def ways_to(destination: Destination) -> Iterator[Way]:
    """All of them, in their order. None if a trunk is down, nor to users and numbers, which are yet to be looked up."""
    if isinstance(destination, Uri):
        yield Way(destination)
    elif isinstance(destination, TrunkNumber | LeastCost):
        number, is_priced = destination.number, isinstance(destination, LeastCost)
        for trunk in destination.trunks if isinstance(destination, LeastCost) else (destination.trunk,):
            for target in trunk.ways(number):
                if not is_priced or trunk.cost_at(target, number) is not None:
                    yield Way(target.spec.uri(number), trunk, target)


def is_reason_to_go_on(ending: Ending) -> bool:
    """Does a call that ended so want another server? One that is overloaded, or does not answer."""
    return ending.is_remote and (ending.status == 503 or (ending.status == 408 and ending.by == "network"))
