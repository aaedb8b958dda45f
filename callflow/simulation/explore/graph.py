"""What the walks saw: which point follows on which, by which option; and from where no way leads out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from .option import HangUp, Option, Press, Speak
from .step import Point, State, Step, Walk

END = "ends"
STAYS = "goes on until somebody hangs up"
HUNG_UP = "hung up"
Target: TypeAlias = State | str

_ENDS = {"script": END, "stays": STAYS, "caller": HUNG_UP, "limit": "..."}


class Graph:
    """The points of one number's calls, and how they follow on each other."""

    def __init__(self, number: str) -> None:
        self.number = number
        self.points: dict[State, Point] = {}
        self.first: list[Target] = []
        self.paths: dict[State, tuple[Step, ...]] = {}  # the shortest way to each
        self._edges: dict[State, dict[Option, list[Target]]] = {}

    def add(self, walk: Walk) -> None:
        """What a walk saw."""
        for index, step in enumerate(walk.steps):
            state = step.point.state
            self.points.setdefault(state, step.point)
            known = self.paths.get(state)
            if known is None or index < len(known):
                self.paths[state] = walk.steps[:index]
        targets: list[Target] = [step.point.state for step in walk.steps]
        if walk.last is not None and walk.end != "limit":
            targets.append(walk.last)
        else:
            targets.append(_ENDS[walk.end])
        _note(self.first, targets[0] if targets else END)
        for step, target in zip(walk.steps, targets[1:], strict=False):
            _note(self._edges.setdefault(step.point.state, {}).setdefault(step.option, []), target)

    def targets(self, state: State, option: Option) -> list[Target]:
        """What followed on that, so far; nothing if it was not tried."""
        return self._edges.get(state, {}).get(option, [])

    def leads_out(self, state: State, *, by_waiting: bool) -> bool:
        """Is there a way from there to the end of the call, without hanging up; or also without doing anything?"""
        return any(isinstance(target, str) for target in self.reach(state, by_waiting=by_waiting))

    def reach(self, state: State, *, by_waiting: bool) -> Iterator[Target]:
        """What can follow on that point, sooner or later, itself last."""
        waiting: list[Target] = [state]
        for each in waiting:  # it grows
            if isinstance(each, str):
                continue
            for option, targets in self._edges.get(each, {}).items():
                if isinstance(option, HangUp) or (by_waiting and isinstance(option, Press | Speak)):
                    continue
                waiting += [target for target in targets if target not in waiting]
        yield from waiting


def _note(targets: list[Target], target: Target) -> None:
    if target not in targets:
        targets.append(target)
