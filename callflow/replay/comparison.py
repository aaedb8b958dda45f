"""Two courses of one call: the same decisions, or where they part, as a diff for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import unified_diff
from itertools import zip_longest

from .course import Course, Line

EDGE = 0.25  # seconds before a hang-up in which the last commands may have been given, or just not
_CONTEXT = 4  # lines
_LONGEST = 200  # lines of a diff


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing; `diff` is empty if the decisions are the same."""

    diff: tuple[str, ...] = ()

    @property
    def is_same(self) -> bool:
        return not self.diff


def compare(old: Course, new: Course, *, old_name: str = "saved", new_name: str = "new") -> Comparison:
    """Compare the decisions, leg by leg, and how the call ended; one that was saved while it was up has no end yet."""
    if _have_same_end(old, new) and _have_same_decisions(old, new):
        return Comparison()
    lines = unified_diff(_text(old), _text(new), fromfile=old_name, tofile=new_name, lineterm="", n=_CONTEXT)
    return Comparison(_shortened(list(lines)))


def _have_same_end(old: Course, new: Course) -> bool:
    return old.end is None or old.end == new.end


def _have_same_decisions(old: Course, new: Course) -> bool:
    before, after = old.decisions(), new.decisions()
    return all(_are_same(before.get(leg, ()), after.get(leg, ()), old, new) for leg in before.keys() | after.keys())


def _are_same(before: Sequence[Line], after: Sequence[Line], old: Course, new: Course) -> bool:
    for left, right in zip_longest(before, after):
        if left is None or right is None:
            return _is_at_the_edge(left, old) or _is_at_the_edge(right, new)
        if left.text != right.text:
            return False
    return True


def _is_at_the_edge(line: Line | None, course: Course) -> bool:
    """A command that one run had and the other had not, as the far end was just hanging up."""
    is_cut = course.is_ended_by_far_end or course.end is None
    return line is not None and is_cut and line.at >= course.duration - EDGE


def _text(course: Course) -> list[str]:
    return [str(line) for line in course.lines]


def _shortened(lines: list[str]) -> tuple[str, ...]:
    if len(lines) <= _LONGEST:
        return tuple(lines)
    return (*lines[:_LONGEST], f"... and {len(lines) - _LONGEST} lines more")
