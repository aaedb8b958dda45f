"""What a program may ask of the engine. Each class holds the `args` of one command frame; its `name` is in the frame.

A field's default is what the command does when it is left out. Times are seconds as floats unless the name says ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal, TypeAlias

import msgspec

from .frames import BridgeState, ChannelState
from .outcomes import (
    Answered,
    Digits,
    Failed,
    Invalid,
    Outcome,
    Played,
    Recorded,
    Sent,
    Stopped,
    TimedOut,
    Unbridged,
)
from .queries import AppState, EngineStatus, RegistrationState


class Tone(msgspec.Struct, frozen=True, tag_field="source", tag="tone"):
    """A tone: one named by country (`busy/us`, `ringback/eu`) or frequencies in Hz (`440+480`); no seconds: endless."""

    plan: str
    seconds: float | None = None


class Silence(msgspec.Struct, frozen=True, tag_field="source", tag="silence"):
    """Nothing to hear, for so many seconds."""

    seconds: float


# A string is the name of a file inside the app's folder, or of a recording that the app made.
Source: TypeAlias = str | Tone | Silence


class Command(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The arguments of one command."""

    name: ClassVar[str]
    of: ClassVar[Literal["channel", "engine"]] = "channel"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = ()  # empty: the reply is all there is
    ended_by: ClassVar[str] = ""  # the event that carries the outcome
    replies_with: ClassVar[object] = None  # the type of the reply's data


class Answer(Command, frozen=True, kw_only=True):
    """Answer the call (200). A reply that the call is answered already is a success."""

    name: ClassVar[str] = "answer"
    headers: dict[str, str] = {}


class Ring(Command, frozen=True, kw_only=True):
    """Tell the caller that it rings (180)."""

    name: ClassVar[str] = "ring"
    headers: dict[str, str] = {}


class Progress(Command, frozen=True, kw_only=True):
    """Open early media (183 with SDP)."""

    name: ClassVar[str] = "progress"
    headers: dict[str, str] = {}


class Reject(Command, frozen=True, kw_only=True):
    """Refuse an unanswered call: `busy`, `declined`, `not_found`, `unavailable`, a Q.850 name, a SIP status 300-699."""

    name: ClassVar[str] = "reject"
    reason: str | int = "declined"
    headers: dict[str, str] = {}


class Hangup(Command, frozen=True, kw_only=True):
    """End the call, whatever its state, with a Q.850 cause by name or number."""

    name: ClassVar[str] = "hangup"
    cause: str | int = "normal_clearing"
    headers: dict[str, str] = {}


class Cancel(Command, frozen=True, kw_only=True):
    """End a running command; its own outcome follows. Cancelling what has ended is a success."""

    name: ClassVar[str] = "cancel"
    command: str


class Play(Command, frozen=True, kw_only=True):
    """Play sources one after another; `repeat` 0 is for ever. To an unanswered caller it is early media."""

    name: ClassVar[str] = "play"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Played,)
    ended_by: ClassVar[str] = "playback.finished"
    sources: tuple[Source, ...]
    repeat: int = 1
    stop_on: str = ""
    offset_ms: int = 0
    gain_db: float = 0.0


class Gather(Command, frozen=True, kw_only=True):
    """Collect digits, playing `prompt` until the first. Time-outs count from the end of the prompt.

    `valid` is a regular expression over the whole entry; `type_ahead` keeps digits keyed before the command.
    """

    name: ClassVar[str] = "gather"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Digits, TimedOut, Invalid, Stopped)
    ended_by: ClassVar[str] = "gather.finished"
    prompt: tuple[Source, ...] = ()
    min: int = 1
    max: int = 1
    terminators: str = "#"
    timeout: float = 5.0
    digit_timeout: float = 3.0
    valid: str = ""
    type_ahead: bool = True
    retries: int = 0
    invalid: tuple[Source, ...] = ()


class Record(Command, frozen=True, kw_only=True):
    """Record what the caller says to a WAV file below the app's recordings. Answers an unanswered call."""

    name: ClassVar[str] = "record"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Recorded,)
    ended_by: ClassVar[str] = "recording.finished"
    path: str
    max: float = 3600.0
    silence: float = 0.0
    terminators: str = "#"
    beep: bool = False


class Echo(Command, frozen=True, kw_only=True):
    """Send the caller's voice back."""

    name: ClassVar[str] = "echo"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Stopped,)
    ended_by: ClassVar[str] = "echo.finished"


class SendDigits(Command, frozen=True, kw_only=True):
    """Send digits by RFC 4733."""

    name: ClassVar[str] = "send_digits"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Sent,)
    ended_by: ClassVar[str] = "digits.sent"
    digits: str
    duration_ms: int = 120
    gap_ms: int = 80


class Target(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Whom to dial: a user's name or a SIP URI, the id its channel shall have, and how long after its stage begins."""

    target: str
    leg: str = ""
    delay: float = 0.0
    timeout: float | None = None
    headers: dict[str, str] = {}


class Dial(Command, frozen=True, kw_only=True):
    """Dial stages in turn, the targets of a stage together; the first to answer wins and the others are cancelled.

    `timeout` is per stage. The caller hears `ringback` meanwhile, if one is named (`us`, `eu`, or a source).
    """

    name: ClassVar[str] = "dial"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Answered, Failed)
    ended_by: ClassVar[str] = "dial.finished"
    stages: tuple[tuple[Target, ...], ...]
    timeout: float = 30.0
    headers: dict[str, str] = {}
    caller_id: str | None = None
    ringback: Source | None = None


class Bridge(Command, frozen=True, kw_only=True):
    """Connect two channels of one owner. An unanswered caller is answered; an older bridge of either ends first."""

    name: ClassVar[str] = "bridge"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Unbridged,)
    ended_by: ClassVar[str] = "channel.unbridged"
    other: str
    hangup_after: bool = True


class Unbridge(Command, frozen=True, kw_only=True):
    """Part a channel from its bridge; both stay up."""

    name: ClassVar[str] = "unbridge"


class Set(Command, frozen=True, kw_only=True):
    """Set variables of the channel; null removes one."""

    name: ClassVar[str] = "set"
    variables: dict[str, str | None]


class Get(Command, frozen=True, kw_only=True):
    """Read variables of the channel: all, or those named. The reply's data is a map."""

    name: ClassVar[str] = "get"
    replies_with: ClassVar[object] = dict[str, str]
    variables: tuple[str, ...] = ()


class Subscribe(Command, frozen=True, kw_only=True):
    """Receive events whose name matches a pattern (`channel.*`, `*`), of all channels or of those named."""

    name: ClassVar[str] = "subscribe"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    events: tuple[str, ...]
    channels: tuple[str, ...] = ()


class Unsubscribe(Command, frozen=True, kw_only=True):
    """Take back subscriptions with these patterns."""

    name: ClassVar[str] = "unsubscribe"
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    events: tuple[str, ...]


class Listing(Command, frozen=True, kw_only=True):
    """A page of a list in the order of ids: `after` is the last id of the page before. A short page is the last."""

    of: ClassVar[Literal["channel", "engine"]] = "engine"
    after: str = ""
    limit: int = 100


class Channels(Listing, frozen=True, kw_only=True):
    """The live channels."""

    name: ClassVar[str] = "channels"
    replies_with: ClassVar[object] = list[ChannelState]


class Bridges(Listing, frozen=True, kw_only=True):
    """The live bridges."""

    name: ClassVar[str] = "bridges"
    replies_with: ClassVar[object] = list[BridgeState]


class Registrations(Listing, frozen=True, kw_only=True):
    """The registered contacts."""

    name: ClassVar[str] = "registrations"
    replies_with: ClassVar[object] = list[RegistrationState]


class Apps(Listing, frozen=True, kw_only=True):
    """The apps, with their sessions and routes."""

    name: ClassVar[str] = "apps"
    replies_with: ClassVar[object] = list[AppState]


class Status(Command, frozen=True, kw_only=True):
    """The engine's facts and counters."""

    name: ClassVar[str] = "status"
    replies_with: ClassVar[object] = EngineStatus
    of: ClassVar[Literal["channel", "engine"]] = "engine"


class SnapshotCommand(Command, frozen=True, kw_only=True):
    """Ask for a snapshot of channels and bridges: `snapshot` frames follow, then `caught_up`."""

    name: ClassVar[str] = "snapshot"
    of: ClassVar[Literal["channel", "engine"]] = "engine"


COMMANDS: Mapping[str, type[Command]] = MappingProxyType({
    command.name: command
    for command in (
        Answer, Ring, Progress, Reject, Hangup, Cancel, Play, Gather, Record, Echo, SendDigits, Dial, Bridge, Unbridge,
        Set, Get, Subscribe, Unsubscribe, Channels, Bridges, Registrations, Apps, Status, SnapshotCommand,
    )
})  # fmt: skip
