"""`make bench-check`: has a hot path become dearer than checked.json says? `--update` writes what is counted now there.

A path may cost a tenth more. Other compilers than those in the file have no figures there, and nothing is said of them.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import structlog

from . import paths
from .instructions import CountFailed, of_python, of_rust, versions

CHECKED = Path(__file__).with_name("checked.json")
MORE = 1.10  # than what is checked in

PYTHON: Mapping[str, Callable[[int], None]] = MappingProxyType({
    "a call through the SIP stack": paths.sip_calls,
    "an answered call, both ends, simulated": paths.answered_calls,
    "an event to a subscriber": paths.events,
})
RUST: Mapping[str, str] = MappingProxyType({
    "a SIP message read and answered": "read",
    "a packet relayed": "relay",
    "a conference of two mixed": "mix",
})


class Checked(NamedTuple):
    """What a path costs, in instructions, and what it may; None: nobody has said."""

    path: str
    cost: float
    expected: float | None

    @property
    def is_dearer(self) -> bool:
        return self.expected is not None and self.cost > self.expected * MORE

    def __str__(self) -> str:
        if self.expected is None:
            return f"{self.path}: {self.cost:,.0f} instructions"
        change = f"{self.cost / self.expected - 1:+.1%}".replace("%", " %")
        return f"{self.path}: {self.cost:,.0f} instructions, expected {self.expected:,.0f} ({change})"


def check_python(figures: Mapping[str, float]) -> list[Checked]:
    """Each path of Python beside its figure."""
    return [Checked(name, of_python(path), figures.get(name)) for name, path in PYTHON.items()]


def check_rust(figures: Mapping[str, float]) -> list[Checked]:
    """Each path of Rust beside its figure. Raises CountFailed."""
    return [Checked(name, of_rust(path), figures.get(name)) for name, path in RUST.items()]


def read_figures(path: Path = CHECKED) -> dict[str, dict[str, float]]:
    """What is checked in, by the compiler."""
    figures: dict[str, dict[str, float]] = json.loads(path.read_text())
    return figures


def main() -> int:
    """Count and tell; 1 if something has become dearer, or could not be counted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.check", description=__doc__)
    parser.add_argument("--update", action="store_true", help=f"write the figures to {CHECKED.name}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    options, figures, (python, rust) = parser.parse_args(), read_figures(), versions()
    try:
        checked = {python: check_python(figures.get(python, {})), rust: check_rust(figures.get(rust, {}))}
    except CountFailed as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for compiler, those in checked.items():
        sys.stdout.writelines(f"{compiler}: {each}\n" for each in those)
        figures[compiler] = {each.path: round(each.cost) for each in those}
    if options.update:
        CHECKED.write_text(json.dumps(figures, indent=2) + "\n")
        return 0
    dearer = [each for those in checked.values() for each in those if each.is_dearer]
    sys.stdout.writelines(f"DEARER {each}\n" for each in dearer)
    return 1 if dearer else 0


if __name__ == "__main__":
    sys.exit(main())
