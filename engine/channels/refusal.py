"""A network that refuses a call by a tone, in its early media, and sends no final response (ITU-T E.180).

What it plays is heard from the first early media of a leg on until the leg is answered, unless its app listens there
itself. Only busy, congestion and special information count, and the first two only as whole cadences: on and off,
twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from .detect import is_detecting
from .reason import NO_CIRCUIT_AVAILABLE, SPECIAL_INFORMATION_TONE, USER_BUSY
from .state import UNANSWERED

if TYPE_CHECKING:
    from engine.media.session import SoundDetected

    from .channel import Channel

_LEVEL_DBOV = -42.0  # what is softer is silence, as it is for `detect`


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a tone says, as a final response would have said it."""

    reason: Literal["busy", "failed", "unavailable"]
    cause: int
    status: int


# RFC 3398 7.2.4.1: the cause as a status. Of the third Q.850 says: "for reasons that are of a long term nature".
_REFUSALS: Mapping[str, Refusal] = MappingProxyType({
    "busy": Refusal("busy", USER_BUSY, 486),
    "congestion": Refusal("failed", NO_CIRCUIT_AVAILABLE, 503),
    "sit": Refusal("unavailable", SPECIAL_INFORMATION_TONE, 480),
})  # fmt: skip


class EarlyEar:
    """Listens to the early media of legs, each from when it begins until it is answered."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: set[str] = set()  # ids of legs that have had early media

    def listen(self, leg: Channel) -> None:
        """There is early media. Whoever has asked for what it hears is not disturbed."""
        if leg.id not in self._known and leg.state in UNANSWERED:
            self._known.add(leg.id)
            if not is_detecting(leg):
                leg.media.detect(level_dbov=_LEVEL_DBOV)

    def leave(self, leg: Channel) -> None:
        """The leg is answered: what is heard there now is its app's."""
        if leg.id in self._known and not is_detecting(leg):
            leg.media.detect(level_dbov=None)

    def judge(self, leg: Channel, sound: SoundDetected) -> Refusal | None:
        """Does the network say by that sound that nobody will answer?"""
        return _REFUSALS.get(sound.noticed) if leg.state in UNANSWERED else None
