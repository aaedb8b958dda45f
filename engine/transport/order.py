"""In which order targets are tried: by priority, and among equals by weight (RFC 2782). Pure: chance is passed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar


class Weighed(Protocol):
    """What has a priority, the lowest first, and a weight."""

    @property
    def priority(self) -> int: ...

    @property
    def weight(self) -> int: ...


T = TypeVar("T", bound=Weighed)


def order(targets: Iterable[T], *, chance: Callable[[], float]) -> list[T]:
    """All targets, in the order in which they are tried. `chance` gives numbers from 0 up to 1, without the latter."""
    rest = sorted(targets, key=lambda target: (target.priority, target.weight))
    ordered: list[T] = []
    while rest:
        equals = [target for target in rest if target.priority == rest[0].priority]
        chosen = _draw(equals, chance) if len(equals) > 1 else equals[0]
        rest.remove(chosen)
        ordered.append(chosen)
    return ordered


def _draw(targets: list[T], chance: Callable[[], float]) -> T:
    """One of them, each with the likelihood of its weight; those of weight 0, which stand first, hardly ever."""
    drawn = chance() * sum(target.weight for target in targets)
    total = 0
    for target in targets:
        total += target.weight
        if total > drawn or (drawn == 0 and total == 0):
            return target
    return targets[-1]
