"""A point of a walk, where something may happen, and a walk: what did, from the call to its end. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from .option import Dialled, HangUp, LetGo, Option, Part, Press

End: TypeAlias = Literal["script", "stays", "caller", "known", "loop", "limit"]


class State(NamedTuple):
    """Where a script is: on whose call, at what, called from which lines. Its variables are not seen."""

    who: str
    what: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """A command that runs, and what may happen. The first option is that nothing is done about it."""

    state: State
    text: str
    place: str  # FILE:LINE, or nothing for what no script's line asked for
    options: tuple[Option, ...]
    is_input: bool  # somebody answers for what comes next
    is_engaging: bool  # the caller hears something, or is waited for

    @property
    def is_choice(self) -> bool:
        """There is more to do than to hang up."""
        return len([option for option in self.options if not isinstance(option, HangUp)]) > 1


@dataclass(frozen=True, slots=True)
class Step:
    """What happened at a point."""

    point: Point
    option: Option

    def __str__(self) -> str:
        who = "" if self.point.state.who == "caller" else f"{self.point.state.who} "
        return (
            self.option.label if isinstance(self.option, Dialled | Part) else f"{who}{self.deed} at {self.point.text}"
        )

    @property
    def deed(self) -> str:
        """What whoever the point is about did."""
        if isinstance(self.option, Press):
            return f"presses {self.option.label}"
        return self.option.label or "waits"

    @property
    def is_by_caller(self) -> bool:
        """It is the caller who did it, or did nothing."""
        return self.point.state.who == "caller" and not isinstance(self.option, Dialled | Part)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that went wrong on the way: after so many steps."""

    kind: str
    text: str
    place: str
    after: int


@dataclass(frozen=True, slots=True)
class Walk:
    """One call. `end`: who ended it: the `script`, the `caller`; or it `stays` as it is for ever; or it was given up
    where it met what is `known`, in a `loop`, at the `limit`: at the point `last`.
    """

    number: str
    steps: tuple[Step, ...]
    end: End
    last: State | None = None
    troubles: tuple[Trouble, ...] = ()
    is_alike: bool = True  # it went as before until the step that was to be tried


def path_of(number: str, steps: Sequence[Step]) -> tuple[str, ...]:
    """How a caller gets there: what happened where there was a choice, repetitions counted."""
    told: list[tuple[str, int]] = []
    for step in steps:
        if not step.point.is_choice and isinstance(step.option, LetGo):
            continue
        text = str(step)
        if told and told[-1][0] == text:
            told[-1] = text, told[-1][1] + 1
        else:
            told.append((text, 1))
    return (f"calls {number}", *(text if count == 1 else f"{text} ({count} times)" for text, count in told))
