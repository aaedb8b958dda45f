"""Why a channel ends, as a value, and who wants to know of a dialled one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from .ports import Headers

if TYPE_CHECKING:
    from engine.media.session import SoundDetected

    from .channel import Channel

By: TypeAlias = Literal["caller", "callee", "app", "engine", "network"]


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a channel ends. `status` is what an unanswered call ends with; `is_remote`: SIP knows already."""

    cause: int
    by: By
    status: int = 480
    reason: str = ""  # the phrase that came with the status
    headers: Headers = ()  # for the message that tells the peer
    is_remote: bool = False
    contacts: tuple[str, ...] = ()  # where a 3xx wants to send the call


class LegWatcher(Protocol):
    """Who dials a leg, until it is answered or has ended."""

    def leg_rang(self, leg: Channel) -> None: ...

    def leg_progressed(self, leg: Channel) -> None: ...

    def leg_heard(self, leg: Channel, sound: SoundDetected) -> None:
        """What it sends, as far as nobody else listens to it."""
        ...

    def leg_answered(self, leg: Channel) -> None: ...

    def leg_ended(self, leg: Channel, ending: Ending) -> None: ...

    def leg_picked_up(self, leg: Channel, by: Channel) -> None:
        """Another phone has taken the call that rings there."""
        ...
