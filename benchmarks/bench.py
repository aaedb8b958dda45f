"""What every measurement is given, and the names of the two sides it measures between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .process import Cores
from .sizes import Sizes


@dataclass(frozen=True, slots=True)
class Bench:
    """Where and how much to measure. `say` tells whoever waits what goes on."""

    cores: Cores
    folder: Path  # for engines' files
    sizes: Sizes
    say: Callable[[str], None]
