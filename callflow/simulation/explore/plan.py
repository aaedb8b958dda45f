"""Which walk is next. Each point that is met for the first time is tried again with every other option. Pure.

A walk goes its path, and then on as it will: where it is asked again at the point that it was about, it does the same
again, a few times; elsewhere it does nothing. It ends where it meets a point that an earlier walk has seen.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from .option import LetGo, Option
from .step import End, Point, State, Step, Walk

OFTEN = 4  # times that the same is tried again: more than the three that scripts give
FOR_EVER = 25  # times that nothing is done about the same: it goes on for ever


@dataclass(frozen=True, slots=True)
class Path:
    """What is to happen, step by step."""

    steps: tuple[Step, ...] = ()


@dataclass(slots=True)
class Course:
    """A path on the way: says at each point what happens."""

    path: Path
    known: frozenset[State]
    deepest: int
    taken: list[Step] = field(default_factory=list)
    is_alike: bool = True
    last: State | None = None  # where it was over
    _counts: Counter[tuple[State, Option]] = field(default_factory=Counter)

    def choose(self, point: Point) -> Option | End:
        """What happens at this point; or why the walk is over: it is `known`, a `loop`, or at its `limit`."""
        index = len(self.taken)
        if index < len(self.path.steps) and self.path.steps[index].point.state != point.state:
            self.is_alike = False
        if index < len(self.path.steps) and self.is_alike:
            option: Option | End = self.path.steps[index].option
        else:
            option = self._go_on(point)
        if isinstance(option, str):
            self.last = point.state
            return option
        self.taken.append(Step(point, option))
        self._counts[point.state, option] += 1
        return option

    def _go_on(self, point: Point) -> Option | End:
        if len(self.taken) >= self.deepest:
            return "limit"
        last = self.path.steps[-1] if self.path.steps else None
        if last is not None and last.point.state == point.state:
            often = FOR_EVER if isinstance(last.option, LetGo) else OFTEN
            return last.option if self._counts[point.state, last.option] < often else "known"
        if point.state in self.known:
            return "known"
        option = point.options[0]
        return option if self._counts[point.state, option] < FOR_EVER else "loop"


class Plan:
    """The walks of one number that are to be done."""

    def __init__(self, *, deepest: int) -> None:
        self._deepest = deepest
        self._paths = deque([Path()])
        self._known: set[State] = set()

    @property
    def left(self) -> int:
        """How many walks are still to be done."""
        return len(self._paths)

    def next(self) -> Course | None:
        """The next walk; the shortest come first. None when all is done."""
        return Course(self._paths.popleft(), frozenset(self._known), self._deepest) if self._paths else None

    def learn(self, walk: Walk) -> None:
        """What a walk met for the first time is to be tried in other ways."""
        for index, step in enumerate(walk.steps):
            if step.point.state not in self._known:
                self._known.add(step.point.state)
                before = walk.steps[:index]
                others = [option for option in step.point.options if option != step.option]
                self._paths += [Path((*before, Step(step.point, option))) for option in others]
