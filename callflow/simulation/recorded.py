"""What a recording holds: whose voice, which prompts, for how long."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.media.fake import Heard
from engine.media.session import SilenceSource

from .phone import SimulatedPhone
from .sounds import What, matches


@dataclass(frozen=True, slots=True)
class RecordedSound:
    """A recording that is closed. `sounds` are what is in it, in seconds from its beginning."""

    path: Path
    seconds: float
    sounds: tuple[Heard, ...]

    def seconds_of(self, what: What | SimulatedPhone) -> float:
        """How much of it is that phone's voice, that file, that tone."""

        def is_meant(heard: Heard) -> bool:
            if isinstance(what, SimulatedPhone):
                return heard.origin[0] == what.host and not isinstance(heard.what, SilenceSource)
            return matches(heard, what)

        return round(sum((heard.ended_at or 0.0) - heard.started_at for heard in self.sounds if is_meant(heard)), 3)
