"""A figure: a number with its unit, its repetitions, how it was taken, and what belongs beside it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the table. `values` are the repetitions; the figure is their median."""

    name: str
    unit: str
    values: tuple[float, ...]
    how: str
    beside: dict[str, str] = field(default_factory=dict)  # other facts of the same run
    warning: str = ""  # why the figure may not be what it says

    @property
    def value(self) -> float:
        return statistics.median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The lowest and the highest repetition."""
        return min(self.values), max(self.values)


def at_share(values: Sequence[float], share: int) -> float:
    """The percentile: what so many percent of the values are below."""
    return sorted(values)[len(values) * share // 100]


def milliseconds(seconds: float) -> str:
    """`0.75 ms`, for what stands beside."""
    return f"{seconds * 1e3:.2f} ms"


def percent(share: float) -> str:
    """`87 %`."""
    return f"{share:.0%}".replace("%", " %")
