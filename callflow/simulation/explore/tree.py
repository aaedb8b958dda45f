"""What was walked, for a person to read: a tree of points, each of them once, and the findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from .finding import Finding
from .graph import Graph, Target
from .option import HangUp, Option, Press
from .step import Point, State


def lines_of_tree(graph: Graph) -> Iterator[str]:
    """The points from the first on, indented under what was done; `^` at what stands further up."""
    yield graph.number
    shown: set[State] = set()
    for target in graph.first:
        yield from _follow(graph, target, 1, shown)


def lines_of_finding(finding: Finding) -> Iterator[str]:
    """The finding, and how to get there."""
    yield str(finding)
    for step in finding.path:
        yield f"    {step}"


def _follow(graph: Graph, target: Target, depth: int, shown: set[State]) -> Iterator[str]:
    """A point, and what follows on it, down to where it is told already."""
    while True:
        if isinstance(target, str) or target in shown:
            yield _indented(target if isinstance(target, str) else f"^ {graph.points[target].text}", depth)
            return
        shown.add(target)
        point = graph.points[target]
        yield _indented(_title(point), depth)
        if point.is_choice:
            yield from _choices(graph, point, depth + 1, shown)
            return
        targets = graph.targets(target, point.options[0])
        for other in targets[1:]:
            yield _indented("another time:", depth + 1)
            yield from _follow(graph, other, depth + 2, shown)
        if not targets:
            return
        target = targets[0]


def _choices(graph: Graph, point: Point, depth: int, shown: set[State]) -> Iterator[str]:
    for option in point.options:
        targets = graph.targets(point.state, option)
        if not targets or (isinstance(option, HangUp) and point.state.who == "caller"):
            continue
        yield _indented(f"{_label(option)}:", depth)
        for target in targets:
            yield from _follow(graph, target, depth + 1, shown)


def _label(option: Option) -> str:
    return option.label if not isinstance(option, Press) else f"presses {option.label}"


def _title(point: Point) -> str:
    who = "" if point.state.who == "caller" else f"{point.state.who}: "
    return f"{who}{point.text}" + (f"  ({point.place})" if point.place else "")


def _indented(text: str, depth: int) -> str:
    return "  " * depth + text
