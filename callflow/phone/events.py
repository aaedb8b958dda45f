"""What a phone call tells of itself, in the past tense."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Calling:
    """The INVITE is on its way."""

    uri: str


@dataclass(frozen=True, slots=True)
class Ringing:
    """The other phone rings (180)."""


@dataclass(frozen=True, slots=True)
class EarlyMedia:
    """There is something to hear before the answer (183 with SDP)."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The call is up, so many seconds after it began, with that codec."""

    after: float
    codec: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SoundHeard:
    """The far end is heard."""


@dataclass(frozen=True, slots=True)
class SilenceHeard:
    """The far end fell silent."""


@dataclass(frozen=True, slots=True)
class DigitHeard:
    """The far end pressed a key, for so long."""

    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DigitsPressed:
    """Our keys were sent."""

    digits: str


@dataclass(frozen=True, slots=True)
class Held:
    """The far end put us on hold."""


@dataclass(frozen=True, slots=True)
class Resumed:
    """The far end took us off hold."""


@dataclass(frozen=True, slots=True)
class TextReceived:
    """The far end sent a text."""

    text: str


@dataclass(frozen=True, slots=True)
class TransferAsked:
    """The far end wants us to call somebody else in its place."""

    target: str


@dataclass(frozen=True, slots=True)
class TransferTold:
    """What the far end tells of the transfer that we asked it for; a status of 200 and more is its outcome."""

    status: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The call is over.

    `status` and `reason` are the final response of a call that was refused; of one that was answered they are 0 and the
    name of the Q.850 cause. `by` network: nobody answers there any more.
    """

    by: Literal["us", "peer", "network"]
    was_answered: bool
    status: int
    reason: str


PhoneEvent: TypeAlias = (
    Calling
    | Ringing
    | EarlyMedia
    | Answered
    | SoundHeard
    | SilenceHeard
    | DigitHeard
    | DigitsPressed
    | Held
    | Resumed
    | TextReceived
    | TransferAsked
    | TransferTold
    | Ended
)
