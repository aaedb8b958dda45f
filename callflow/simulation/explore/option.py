"""What may happen while a command runs: what a caller, or whoever is called, does about it. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

How: TypeAlias = Literal["answers", "is busy", "does not answer", "is unreachable"]


@dataclass(frozen=True, slots=True)
class LetGo:
    """Nothing is done about it: it comes to its own end."""

    label: str = ""


@dataclass(frozen=True, slots=True)
class Press:
    """Keys are pressed; `again`, whenever they are asked for."""

    keys: str
    label: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class Speak:
    """Somebody speaks, and falls silent."""

    label: str = "speaks"


@dataclass(frozen=True, slots=True)
class Dialled:
    """Of those who are dialled one fares so, or all of them; with `key` that is pressed after the answer."""

    target: str | None
    how: How
    key: str = ""

    @property
    def label(self) -> str:
        if self.target is None:
            return {"does not answer": "nobody answers", "answers": "all answer"}.get(self.how, f"each {self.how}")
        return f"{self.target} {self.how}" + (f" and presses {self.key}" if self.key else "")


@dataclass(frozen=True, slots=True)
class Part:
    """The other one of a bridge hangs up."""

    label: str = "the other hangs up"


@dataclass(frozen=True, slots=True)
class HangUp:
    """The phone that the command is about hangs up."""

    label: str = "hangs up"


Option: TypeAlias = LetGo | Press | Speak | Dialled | Part | HangUp
