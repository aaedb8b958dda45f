"""What is said over a stream, as values, whatever the dialect spells it like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

MAX_MESSAGE = 1 << 20  # octets of one that comes
MAX_NAME = 128  # characters of a mark
MAX_TEXT = 1 << 17  # of a text

Message: TypeAlias = bytes | str  # of a WebSocket: binary or text


class BadMessage(Exception):
    """What came is none of the dialect's messages: what was expected, and what came."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a peer is told first."""

    stream: str  # the id of the stream
    call: str  # of the channel
    caller: str
    callee: str
    speaks: bool  # the peer is heard
    tracks: tuple[Literal["inbound", "outbound"], ...]  # that it hears
    encoding: Literal["mulaw", "l16"]
    rate: int
    parameters: Mapping[str, str]


# To the peer


@dataclass(frozen=True, slots=True)
class Frame:
    """20 ms of one side: of what the caller says, or of what the caller hears."""

    is_inbound: bool
    at_ms: int
    octets: bytes


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkPassed:
    """All before the mark was heard; or it was cleared before."""

    name: str
    is_heard: bool


@dataclass(frozen=True, slots=True)
class Cleared:
    """The call's program has cleared what waited to be heard."""


@dataclass(frozen=True, slots=True)
class Overflowed:
    """So much of what the peer said was not taken: too much waits to be heard."""

    dropped_ms: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """The last that the peer is told."""

    reason: str


@dataclass(frozen=True, slots=True)
class Text:
    """What the two make of it: the call's program says it, or the peer."""

    text: str


Told: TypeAlias = Text | Frame | Digit | MarkPassed | Cleared | Overflowed | Stopping


# From the peer


@dataclass(frozen=True, slots=True)
class Sound:
    """To be heard after what waits."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Mark:
    """To be told back when all before it was heard."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Nothing of what waits is to be heard."""


Said: TypeAlias = Text | Sound | Mark | Clear
