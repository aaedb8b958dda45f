"""What was measured, as a table for people and as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from .figure import Figure

VERSION = 1  # of the JSON


def print_report(console: Console, facts: Mapping[str, str], figures: Sequence[Figure], *, seconds: float) -> None:
    """The machine, the table, how each figure was taken, and what is wrong with it."""
    for name, fact in facts.items():
        console.print(f"{name:<12} {fact}", markup=False, highlight=False)
    console.print(_table(figures))
    console.print("How each was taken", style="bold")
    for how, names in _by_how(figures).items():
        console.print(f"  {', '.join(names)}: {how}", markup=False, highlight=False)
    for figure in figures:
        if figure.warning:
            console.print(f"! {figure.name}: {figure.warning}", style="yellow", markup=False, highlight=False)
    console.print(f"Taken in {seconds:.0f} s.", highlight=False)


def write_json(path: Path, facts: Mapping[str, str], figures: Sequence[Figure]) -> None:
    """The same, with every repetition."""
    path.write_text(json.dumps({
        "version": VERSION,
        "machine": dict(facts),
        "figures": [
            {
                "name": figure.name, "unit": figure.unit, "value": figure.value, "values": figure.values,
                "how": figure.how, "beside": figure.beside, "warning": figure.warning,
            }
            for figure in figures
        ],
    }, indent=2) + "\n")  # fmt: skip


def show(value: float) -> str:
    """Three digits that count: 0.754, 7.54, 75.4, 754, 7540."""
    digits = 3 if abs(value) < 1 else 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:.{digits}f}"


def _table(figures: Sequence[Figure]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("what", "figure", "unit", "spread", "beside"):
        table.add_column(name, justify="right" if name == "figure" else "left", overflow="fold")
    for figure in figures:
        mark = " !" if figure.warning else ""
        beside = "  ".join(f"{name} {text}" for name, text in figure.beside.items())
        table.add_row(figure.name + mark, show(figure.value), figure.unit, _spread(figure), beside)
    return table


def _spread(figure: Figure) -> str:
    if len(figure.values) == 1:
        return "one run"
    low, high = figure.spread
    return f"{show(low)} to {show(high)}, n={len(figure.values)}"


def _by_how(figures: Sequence[Figure]) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for figure in figures:
        told.setdefault(figure.how, []).append(figure.name)
    return told
