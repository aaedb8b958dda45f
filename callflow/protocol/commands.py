"""What a program may ask of the engine. Each class holds the `args` of one command frame; its `name` is in the frame.

Those about what is heard are in `sounding` and `detecting`, those that place calls in `dialing`,
those that transfer them in `transferring`, those about conferences in `conferencing`, those about what phones show
while there is no call in `presence`.
A field's default is what the command does when it is left out. Times are seconds as floats unless the name says ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Literal

import msgspec

from .command import Command as Command
from .conferencing import ConferenceAction as ConferenceAction
from .conferencing import ConferenceCommand as ConferenceCommand
from .conferencing import ConferencePlay as ConferencePlay
from .conferencing import ConferenceRecord as ConferenceRecord
from .conferencing import ConferenceSounds as ConferenceSounds
from .conferencing import ConferenceState as ConferenceState
from .conferencing import Join as Join
from .conferencing import Listen as Listen
from .conferencing import MemberState as MemberState
from .detecting import AnswererRules as AnswererRules
from .detecting import Detect as Detect
from .detecting import Detectable as Detectable
from .dialing import Confirm as Confirm
from .dialing import Confirmation as Confirmation
from .dialing import Dial as Dial
from .dialing import Originate as Originate
from .dialing import Target as Target
from .directory import AddUser as AddUser
from .directory import ChangeUser as ChangeUser
from .directory import RemoveUser as RemoveUser
from .frames import BridgeState, ChannelState
from .messaging import Message as Message
from .messaging import Notify as Notify
from .messaging import SendInfo as SendInfo
from .messaging import SendMessage as SendMessage
from .messaging import SendOptions as SendOptions
from .messaging import SendText as SendText
from .outcomes import Outcome, Unbridged
from .presence import SetLamp as SetLamp
from .presence import SetMailbox as SetMailbox
from .presence import SetPresence as SetPresence
from .queries import (
    AppState,
    Decisions,
    Downloaded,
    Draining,
    EngineStatus,
    NamedVersion,
    PastEvents,
    RegistrationState,
    TrunkState,
    UserState,
    VersionState,
    WireMessages,
)
from .records import CallRecord
from .sounding import Control as Control
from .sounding import Echo as Echo
from .sounding import Gather as Gather
from .sounding import Play as Play
from .sounding import Press as Press
from .sounding import Record as Record
from .sounding import RecordCall as RecordCall
from .sounding import SayCommand as SayCommand
from .sounding import SendDigits as SendDigits
from .sounding import ToneCommand as ToneCommand
from .source import File as File
from .source import Say as Say
from .source import SayKind as SayKind
from .source import Silence as Silence
from .source import Source as Source
from .source import Text as Text
from .source import Tone as Tone
from .streaming import Stream as Stream
from .streaming import StreamClear as StreamClear
from .streaming import StreamText as StreamText
from .transferring import AcceptTransfer as AcceptTransfer
from .transferring import RefuseTransfer as RefuseTransfer
from .transferring import Transfer as Transfer
from .transferring import TransferPolicy as TransferPolicy


class Answer(Command, frozen=True, kw_only=True):
    """Answer the call (200). A reply that the call is answered already is a success."""

    name: ClassVar[str] = "answer"
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Ring(Command, frozen=True, kw_only=True):
    """Tell the caller that it rings (180)."""

    name: ClassVar[str] = "ring"
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Progress(Command, frozen=True, kw_only=True):
    """Open early media (183 with SDP)."""

    name: ClassVar[str] = "progress"
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Reject(Command, frozen=True, kw_only=True):
    """Refuse an unanswered call: `busy`, `declined`, `not_found`, `unavailable`, a Q.850 name, a SIP status 300-699."""

    name: ClassVar[str] = "reject"
    reason: str | int = "declined"
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Redirect(Command, frozen=True, kw_only=True):
    """Send an unanswered caller elsewhere (302): to a user of ours by name, or to SIP URIs, the most wanted first."""

    name: ClassVar[str] = "redirect"
    targets: tuple[str, ...]
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class Hangup(Command, frozen=True, kw_only=True):
    """End the call, whatever its state, with a Q.850 cause by name or number."""

    name: ClassVar[str] = "hangup"
    cause: str | int = "normal_clearing"
    headers: dict[str, str] = msgspec.field(default_factory=dict)


class HangupAt(Command, frozen=True, kw_only=True):
    """End the call `after` seconds from now, or `at` a time (seconds since the epoch); the last one said counts.

    `after` 0 takes it back. The app need not be there then: the engine keeps the time.
    """

    name: ClassVar[str] = "hangup_at"
    after: float | None = None
    at: float | None = None
    cause: str | int = "normal_clearing"


class Cancel(Command, frozen=True, kw_only=True):
    """End a running command; its own outcome follows. Cancelling what has ended is a success.

    An `originate`, and what was given to a conference, is cancelled without a channel.
    """

    name: ClassVar[str] = "cancel"
    command: str


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


class Hold(Command, frozen=True, kw_only=True):
    """The peer hears `music` for ever and is not heard, also in a bridge, which goes on after `resume`."""

    name: ClassVar[str] = "hold"
    music: tuple[Source, ...] = ()


class ResumeCommand(Command, frozen=True, kw_only=True):
    """Take the peer off hold."""

    name: ClassVar[str] = "resume"


class Mute(Command, frozen=True, kw_only=True):
    """Silence a direction: `in`, what the peer says is not heard by anybody; `out`, the peer hears nothing."""

    name: ClassVar[str] = "mute"
    direction: Literal["in", "out", "both"] = "in"


class Unmute(Command, frozen=True, kw_only=True):
    """Let a direction be heard again."""

    name: ClassVar[str] = "unmute"
    direction: Literal["in", "out", "both"] = "both"


class BoundCommand(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What bound digits do: a command of the same channel, with its arguments."""

    name: str
    args: dict[str, Any] = {}  # Any: those of the command


class BindDigits(Command, frozen=True, kw_only=True):
    """Watch for these digits (`*1`) whatever goes on, also in a bridge: when they come is `channel.digits_matched`.

    With `do`, the engine performs that command then, by itself. A running gather goes before; the same digits again
    replace what was bound. Digits of one binding come within 3 s of each other.
    """

    name: ClassVar[str] = "bind_digits"
    digits: str
    do: BoundCommand | None = None


class UnbindDigits(Command, frozen=True, kw_only=True):
    """Bind these digits no more; without any, no digits."""

    name: ClassVar[str] = "unbind_digits"
    digits: str = ""


class Limit(Command, frozen=True, kw_only=True):
    """Take one of `maximum` places of a resource of this app's, until the call ends; `overloaded` if none is free."""

    name: ClassVar[str] = "limit"
    resource: str
    maximum: int


class Fallback(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Where a call goes: to another app, to the app of a number (`route`), or to its end with a Q.850 cause."""

    app: str | None = None
    route: str | None = None
    cause: str | int = "temporary_failure"


class Policy(Command, frozen=True, kw_only=True):
    """What becomes of the call if its owner is lost: `wait` so long for it, with `music`, `then` what is said.

    Whatever ran on the channel ends when the owner is lost. Without a policy the call ends with cause 41.
    """

    name: ClassVar[str] = "policy"
    wait: float = 0.0
    music: tuple[Source, ...] = ()
    then: Fallback = Fallback()


class Abandon(Command, frozen=True, kw_only=True):
    """Let the call go as if its owner had been lost: from now on its policy decides, without one it ends with cause 41.

    For a program that cannot go on with one call, and has others.
    """

    name: ClassVar[str] = "abandon"


class Set(Command, frozen=True, kw_only=True):
    """Set variables of the channel; null removes one."""

    name: ClassVar[str] = "set"
    variables: dict[str, str | None]


class SetLanguage(Command, frozen=True, kw_only=True):
    """The language of what is said and spoken to this call where no other is named: `en`, `de`. At first the app's."""

    name: ClassVar[str] = "set_language"
    language: str


class Get(Command, frozen=True, kw_only=True):
    """Read variables of the channel: all, or those named. The reply's data is a map."""

    name: ClassVar[str] = "get"
    replies_with: ClassVar[object] = dict[str, str]
    variables: tuple[str, ...] = ()


class Headers(Command, frozen=True, kw_only=True):
    """Read SIP headers of the INVITE that came, or of the answer to ours: all, or those named. Never credentials.

    The reply's data is a map from each name, as it was asked for, to its values in their order.
    """

    name: ClassVar[str] = "headers"
    replies_with: ClassVar[object] = dict[str, list[str]]
    names: tuple[str, ...] = ()


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


class UsersCommand(Listing, frozen=True, kw_only=True):
    """The users, of the configuration file and of the database."""

    name: ClassVar[str] = "users"
    replies_with: ClassVar[object] = list[UserState]


class TrunksCommand(Listing, frozen=True, kw_only=True):
    """The trunks, and how they are."""

    name: ClassVar[str] = "trunks"
    replies_with: ClassVar[object] = list[TrunkState]


class Apps(Listing, frozen=True, kw_only=True):
    """The apps, with their sessions and routes."""

    name: ClassVar[str] = "apps"
    replies_with: ClassVar[object] = list[AppState]


class Records(Listing, frozen=True, kw_only=True):
    """The records of ended channels, oldest first, all or those that fit: `after` is the last id of the page before.

    `since` and `until` bound the end, in seconds since the epoch. `call` is any channel of a call, whose other legs are
    found by their links. `user` is who authenticated, `number` the caller, the callee or the number dialled.
    """

    name: ClassVar[str] = "records"
    replies_with: ClassVar[object] = list[CallRecord]
    since: float | None = None
    until: float | None = None
    call: str = ""
    user: str = ""
    number: str = ""


class Events(Command, frozen=True, kw_only=True):
    """What happened lately: the `last` events whose names fit (`channel.*`), of all channels or of one, `before` a seq.

    A reply holds what fits a message. For more, ask for those `before` what it has `searched`.
    """

    name: ClassVar[str] = "events"
    replies_with: ClassVar[object] = PastEvents
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    events: tuple[str, ...] = ("*",)
    channel: str | None = None
    last: int = 100
    before: int | None = None


class DecisionsCommand(Command, frozen=True, kw_only=True):
    """What a channel was told to do: the commands that its app gave it, live or lately ended, from number `after` on.

    Questions are not among them. A reply holds what fits a message; there are more, if it has fewer than its `total`.
    """

    name: ClassVar[str] = "decisions"
    replies_with: ClassVar[object] = Decisions
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    channel: str
    after: int = 0


class Trace(Command, frozen=True, kw_only=True):
    """SIP messages as they were on the wire, oldest first: of calls with these Call-IDs (a channel's `sip_call_id`).

    The engine keeps the last 20,000 messages of all calls, up to 16 MiB. While a reply says `more`, ask `after` what it
    has `searched`. They hold what people dial, and digests of their passwords: the scope `admin` is needed.
    """

    name: ClassVar[str] = "trace"
    replies_with: ClassVar[object] = WireMessages
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    sip_call_ids: tuple[str, ...]
    after: int = 0


class Download(Command, frozen=True, kw_only=True):
    """A part of a recording of the app's own, of at most 256 KiB: `path` is the name it was recorded under."""

    name: ClassVar[str] = "download"
    replies_with: ClassVar[object] = Downloaded
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    path: str
    offset: int = 0


class Reload(Command, frozen=True, kw_only=True):
    """Make a new version of an app that the engine runs, from its folder as it is now.

    `script.loaded` says that it takes new calls, `script.failed` that it does not load. With a `share` below 1 it takes
    that part of them, and the version before it the rest; a `share` while there are two changes whose part is whose.
    With `test` its flow tests must pass first; if they fail, `script.failed` has their report.
    """

    name: ClassVar[str] = "reload"
    replies_with: ClassVar[object] = NamedVersion
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    app: str
    share: float | None = None
    test: bool = False


class Rollback(Command, frozen=True, kw_only=True):
    """New calls go to the version before: at once, if it runs still; else when it is loaded again."""

    name: ClassVar[str] = "rollback"
    replies_with: ClassVar[object] = NamedVersion
    of: ClassVar[Literal["channel", "engine"]] = "engine"
    app: str


class Versions(Listing, frozen=True, kw_only=True):
    """The versions of the apps that the engine runs, or of one: those with a worker, and the last that had one."""

    name: ClassVar[str] = "versions"
    replies_with: ClassVar[object] = list[VersionState]
    app: str = ""


class Drain(Command, frozen=True, kw_only=True):
    """Let no new calls in: they are answered 503, as OPTIONS are. The engine ends when the calls that are up have."""

    name: ClassVar[str] = "drain"
    replies_with: ClassVar[object] = Draining
    of: ClassVar[Literal["channel", "engine"]] = "engine"


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
        Answer, Ring, Progress, Reject, Redirect, Hangup, HangupAt, Cancel, Play, SayCommand, ToneCommand, Control,
        Gather, Record, RecordCall, Stream, StreamClear, StreamText,
        Echo, Detect, SendDigits, Press, Dial, Confirm, Originate, Bridge, Unbridge, Join, Listen,
        ConferenceCommand, ConferencePlay, ConferenceRecord, Hold, ResumeCommand, Mute, Unmute, BindDigits,
        UnbindDigits, Limit, Policy, Abandon, Set, SetLanguage, Get, Headers,
        Transfer, TransferPolicy, AcceptTransfer, RefuseTransfer, SendInfo, SendMessage, SendOptions,
        Notify,
        Subscribe, Unsubscribe, Channels, Bridges, Registrations, UsersCommand, TrunksCommand, Apps, Records, Events,
        DecisionsCommand, Trace, Download,
        SendText, SetMailbox, SetLamp, SetPresence, AddUser, ChangeUser, RemoveUser,
        Reload, Rollback, Versions, Drain, Status, SnapshotCommand,
    )
})  # fmt: skip
