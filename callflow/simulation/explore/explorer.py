"""Walks a script: plans, and drives one simulation after another, until everything was tried or it is enough."""

from __future__ import annotations

import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from callflow.errors import NotFound
from callflow.runtime.loader import load_script
from callflow.simulation.raised import taken_by
from callflow.simulation.simulation import Simulation
from engine.channels.errors import CommandError
from engine.channels.pattern import digit_pattern

from .finding import EXCEPTION, LEAK, Finding, find
from .graph import Graph
from .plan import Course, Plan
from .silence import Silence
from .step import Trouble, Walk
from .walker import Walker, last_place

_LONGEST = 16  # keys of a number that is made up


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When it is enough: walks for each number, points of a walk, seconds for all (of the real clock)."""

    walks: int = 1000
    depth: int = 200
    seconds: float = 300.0
    silence: float = 10.0  # that a caller may hear nothing


@dataclass(frozen=True, slots=True)
class Explored:
    """What came of one number of a script. `left`: walks that were not done."""

    script: Path
    number: str
    graph: Graph
    walks: tuple[Walk, ...]
    findings: tuple[Finding, ...]
    left: int

    @property
    def is_alike(self) -> bool:
        """The script did the same whenever the same happened."""
        return all(walk.is_alike for walk in self.walks)


def explore(
    script: Path, numbers: Sequence[str] = (), *, seed: int = 0, bounds: Bounds | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Explored]:  # fmt: skip
    """Walk these numbers of a script, or one for each of its routes. Raises ScriptError."""
    bounds = bounds or Bounds()
    ends_at = clock() + bounds.seconds
    for number in numbers or _numbers(load_script(script, script.stem).patterns):
        plan, graph, walks = Plan(deepest=bounds.depth), Graph(number), list[Walk]()
        while len(walks) < bounds.walks and clock() < ends_at and (course := plan.next()) is not None:
            walk = walk_once(script, number, course, seed=seed, silence=bounds.silence)
            plan.learn(walk)
            graph.add(walk)
            walks.append(walk)
        yield Explored(script, number, graph, tuple(walks), tuple(find(graph, walks)), plan.left)


def walk_once(script: Path, number: str, course: Course, *, seed: int, silence: float) -> Walk:
    """One walk, in a simulation of its own."""
    with TemporaryDirectory(prefix="callflow-explore-") as folder:
        simulation = Simulation(script, folder=Path(folder), seed=seed)
        walker = Walker(simulation, number, course, Silence(silence))
        with taken_by(_Handler(script.resolve().parent, walker)):
            try:
                simulation.run(walker.run)
            except AssertionError as error:
                if not str(error).startswith("left when all had hung up"):
                    raise
                walker.troubles.append(Trouble(LEAK, str(error), last_place(course.taken), len(course.taken)))
        return walker.walk


def _numbers(patterns: Sequence[str]) -> list[str]:
    """A number for each pattern that no pattern before it takes."""
    found: list[str] = []
    for index, pattern in enumerate(patterns):
        found += islice((n for n in _candidates(pattern) if _takes(patterns, n) == index), 1)
    return found


def _candidates(pattern: str) -> Iterator[str]:
    """What may match: the pattern itself where it is a number, usual numbers, and what its keys make (`\\*97`)."""
    if re.fullmatch(r"(\\[*#+]|[0-9*#A-Za-z_+-])+", pattern):
        yield pattern.replace("\\", "")
    yield from ("1000", *map(str, range(10_000)), "15551234567")
    with suppress(CommandError):  # it is of more than keys
        yield from digit_pattern(pattern.replace("\\w", "\\d")).examples(least=1, most=_LONGEST)


def _takes(patterns: Sequence[str], number: str) -> int | None:
    return next((index for index, pattern in enumerate(patterns) if re.fullmatch(pattern, number)), None)


class _Handler(logging.Handler):
    def __init__(self, folder: Path, walker: Walker) -> None:
        super().__init__(logging.ERROR)
        self._folder = folder
        self._walker = walker

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None or self._walker.is_given_up:
            return
        if isinstance(error, NotFound) and (self._walker.troubles or self._walker.is_over):
            return  # of a prompt: it is told already, or will be of the walk in which the caller stays
        place = _place(error, self._folder) or last_place(self._walker.course.taken)
        text = f"{type(error).__name__}: {error}".strip(": ")
        self._walker.troubles.append(Trouble(EXCEPTION, text, place, len(self._walker.course.taken)))


def _place(error: BaseException, folder: Path) -> str:
    lines = [
        f"{Path(frame.filename).relative_to(folder)}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(folder)
    ]
    return lines[-1] if lines else getattr(error, "place", "")  # of a script in Lua
