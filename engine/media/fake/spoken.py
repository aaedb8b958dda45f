"""What a program says through a pipe, as it comes: samples that grow."""

from __future__ import annotations

import math
from array import array
from dataclasses import dataclass, field


@dataclass(eq=False, slots=True)
class Spoken:
    """A stretch of it that is loud all the way, for as long as it is heard."""

    sounded: array[int] = field(default_factory=lambda: array("h"))  # 8 kHz
    at: int = 0  # where in them it begins
    fault: str | None = None  # there is none, unlike in files

    def samples(self) -> array[int]:
        """From its beginning on, as far as they have come."""
        return self.sounded[self.at :]

    def runs(self) -> tuple[tuple[bool, float], ...]:
        """It is loud."""
        return ((True, math.inf),)
