"""What is wrong with a script, and how a caller gets there. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from callflow.protocol import commands

from .graph import Graph
from .step import Point, State, Step, Walk, path_of

MISSING, UNPLAYABLE, EXCEPTION, LEAK = "missing prompt", "unplayable prompt", "unhandled exception", "leak"
DEAD_END, DEAD_AIR, NO_WAY_OUT, LOOP = "dead end", "dead air", "no way out", "endless loop"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to be mended."""

    kind: str
    text: str
    place: str  # FILE:LINE, where there is one
    path: tuple[str, ...]

    def __str__(self) -> str:
        return ": ".join(part for part in (self.place, self.kind, self.text) if part)


def find(graph: Graph, walks: Iterable[Walk]) -> list[Finding]:
    """What was found on these walks, each thing once, with the shortest way there."""
    found: dict[tuple[str, str], dict[str, Finding]] = {}
    for finding in sorted([*_troubles(walks), *_loops(graph)], key=lambda finding: len(finding.path)):
        found.setdefault((finding.place, finding.kind), {}).setdefault(finding.text, finding)
    return [_joined(list(alike.values())) for _, alike in sorted(found.items())]


def _joined(findings: Sequence[Finding]) -> Finding:
    """Of one kind and one line; it is told of the one that is met first."""
    first, others = findings[0], len(findings) - 1
    more = f" (and in {others} other way{'s' if others > 1 else ''})" if others else ""
    return replace(first, text=first.text + more)


def _troubles(walks: Iterable[Walk]) -> Iterator[Finding]:
    for walk in walks:
        for trouble in walk.troubles:
            path = path_of(walk.number, walk.steps[: trouble.after])
            yield Finding(trouble.kind, trouble.text, trouble.place, path)


def _loops(graph: Graph) -> Iterator[Finding]:
    """Points from which nothing leads out; of those that lead to each other, the first."""
    told: set[State] = set()
    for state, point in graph.points.items():
        by_waiting = graph.leads_out(state, by_waiting=True)
        if by_waiting or not (point.is_choice or not graph.leads_out(state, by_waiting=False)):
            continue
        reached = {target for target in graph.reach(state, by_waiting=True) if not isinstance(target, str)}
        if told & reached:
            continue
        told |= reached
        yield _loop(graph, point)


def _loop(graph: Graph, point: Point) -> Finding:
    path = path_of(graph.number, graph.paths[point.state])
    if not graph.leads_out(point.state, by_waiting=False):
        text = f"{point.text} comes again and again, whatever the caller does"
        return Finding(LOOP, text, point.place, path)
    return Finding(NO_WAY_OUT, f"who does nothing at {point.text} is asked again and again", point.place, path)


def dead_end(steps: tuple[Step, ...]) -> str:
    """What to say of a call that was hung up without a word after these steps."""
    inputs = [step for step in steps if step.point.is_input]
    if not inputs:
        return "answers, and hangs up without a word"
    return f"hangs up without a word when {'the caller ' if inputs[-1].is_by_caller else ''}{inputs[-1]}"


def is_speech(command: commands.Command) -> bool:
    """The caller is told something."""
    return isinstance(command, commands.Play | commands.SayCommand | commands.ToneCommand)
