"""What happens, in the past tense. Each class holds the `data` of one event frame; its `name` stands in the frame.

Events of one channel carry its id in the frame, not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

import msgspec

from .frames import ChannelState, Share
from .outcomes import AnyOutcome
from .party import Diversion as Diversion
from .party import Party as Party
from .records import CallRecord
from .records import MediaStatistics as MediaStatistics
from .security import Security as Security


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The data of one event."""

    name: ClassVar[str]


class ChannelCreated(Event, frozen=True, kw_only=True):
    """A new leg. `to` is the number dialled, `route` the pattern that took it, `parent` the channel that dials it.

    With `withheld` the caller does not want to be shown to who is called. `diversions`: who forwarded last is first.
    `traceparent`: where the call is traced (W3C Trace Context), if it is.
    """

    name: ClassVar[str] = "channel.created"
    direction: Literal["inbound", "outbound"]
    caller: Party
    callee: Party
    to: str
    app: str | None = None
    route: str | None = None
    owner: str | None = None
    user: str | None = None  # the authenticated user
    trunk: str | None = None  # by which the call came, or goes
    parent: str | None = None
    sip_call_id: str = ""
    withheld: bool = False
    diversions: tuple[Diversion, ...] = ()
    security: Security = Security()
    traceparent: str = ""


class ChannelRinging(Event, frozen=True, kw_only=True):
    """180 sent or received."""

    name: ClassVar[str] = "channel.ringing"


class ChannelProgress(Event, frozen=True, kw_only=True):
    """Early media began."""

    name: ClassVar[str] = "channel.progress"


class ChannelAnswered(Event, frozen=True, kw_only=True):
    """200 sent or received: the call is up."""

    name: ClassVar[str] = "channel.answered"
    codec: str = ""


class ChannelSecured(Event, frozen=True, kw_only=True):
    """Media is encrypted in another way from now on: `media` is that of `Security`."""

    name: ClassVar[str] = "channel.secured"
    media: str


class ChannelHeld(Event, frozen=True, kw_only=True):
    """The peer put the call on hold, or its app put the peer on hold."""

    name: ClassVar[str] = "channel.held"
    by: Literal["peer", "app"] = "peer"


class ChannelResumed(Event, frozen=True, kw_only=True):
    """The hold is over that the same side began."""

    name: ClassVar[str] = "channel.resumed"
    by: Literal["peer", "app"] = "peer"


class ChannelBridged(Event, frozen=True, kw_only=True):
    """The channel hears another."""

    name: ClassVar[str] = "channel.bridged"
    bridge: str
    other: str


class ChannelUnbridged(Event, frozen=True, kw_only=True):
    """The channel is alone again. `command` names the bridge command that this ends, on the channel it was given to.

    A command that outlived its bridge, as the channel was transferred or transferred the other, ends by one of its own.
    """

    name: ClassVar[str] = "channel.unbridged"
    bridge: str
    other: str
    command: str | None = None
    outcome: AnyOutcome


class TransferRequested(Event, frozen=True, kw_only=True):
    """The peer's phone wants to transfer whoever it talks with: to `target`, or to whom it talks with as `other`.

    `decides` says who does: see `transfer_policy`. What became of it is `channel.transferred`, with the same `request`.
    """

    name: ClassVar[str] = "channel.transfer_requested"
    request: str
    kind: Literal["blind", "attended"]
    target: str
    other: str | None = None
    referred_by: str = ""
    decides: Literal["engine", "app", "refuse"] = "engine"


class ChannelTransferred(Event, frozen=True, kw_only=True):
    """What became of a phone's wish to transfer: told of the channel that is transferred, or that asked in vain.

    `by` is the channel of who transferred, `to` the one that it is connected with now, if there is one.
    """

    name: ClassVar[str] = "channel.transferred"
    request: str
    by: str
    to: str | None = None
    outcome: AnyOutcome


class TransferFinished(Event, frozen=True, kw_only=True):
    """A transfer is over."""

    name: ClassVar[str] = "transfer.finished"
    command: str
    outcome: AnyOutcome


class MessageReceived(Event, frozen=True, kw_only=True):
    """The peer sent a text (MESSAGE). What of it is no UTF-8 is replaced."""

    name: ClassVar[str] = "channel.message"
    body: str
    content_type: str = "text/plain"


class MessageSent(Event, frozen=True, kw_only=True):
    """What became of an INFO, MESSAGE or NOTIFY that was sent."""

    name: ClassVar[str] = "message.sent"
    command: str
    outcome: AnyOutcome


class DigitStarted(Event, frozen=True, kw_only=True):
    """A key went down."""

    name: ClassVar[str] = "channel.digit_started"
    digit: str


class DigitEnded(Event, frozen=True, kw_only=True):
    """A key came up."""

    name: ClassVar[str] = "channel.digit_ended"
    digit: str
    duration_ms: int


class DigitsMatched(Event, frozen=True, kw_only=True):
    """Bound digits were keyed. `command` is the id of the command they performed, `error` why that was not accepted."""

    name: ClassVar[str] = "channel.digits_matched"
    digits: str
    command: str | None = None
    error: str | None = None


class ChannelMediaQuality(Event, frozen=True, kw_only=True):
    """How good the sound of an answered call was for the last `seconds`: the first time it is known, and when it has
    changed so that people hear it.

    Looked at every five seconds. Without a `mos` nothing came (`received`), or the peer reports nothing (`sent`).
    """

    name: ClassVar[str] = "channel.media_quality"
    seconds: float
    received: MediaStatistics = MediaStatistics()
    sent: MediaStatistics = MediaStatistics()


class ChannelMediaLost(Event, frozen=True, kw_only=True):
    """The peer's media was not found, answers no more, or is not the peer's; `reason` says which. The call ends."""

    name: ClassVar[str] = "channel.media_lost"
    reason: str


class OwnerLost(Event, frozen=True, kw_only=True):
    """The session that owned the channel is gone. The call waits so long for another, as its policy says."""

    name: ClassVar[str] = "channel.owner_lost"
    session: str
    wait: float = 0.0


class OwnerChanged(Event, frozen=True, kw_only=True):
    """The channel has a new owner.

    A call that had another before comes with its state, and with `to` if it is to be taken as a call to that number.
    """

    name: ClassVar[str] = "channel.owner_changed"
    app: str
    owner: str
    to: str = ""
    state: ChannelState | None = None


class ChannelEnded(Event, frozen=True, kw_only=True, omit_defaults=False):
    """The leg is gone, with everything that is known of it. Times are seconds since the epoch."""

    name: ClassVar[str] = "channel.ended"
    cause: int
    cause_name: str
    sip_status: int = 0
    sip_reason: str = ""
    ended_by: Literal["caller", "callee", "app", "engine", "network"]
    phase: Literal["setup", "ringing", "early", "answered"]
    created_at: float
    progress_at: float | None = None
    answered_at: float | None = None
    ended_at: float
    billable: float = 0.0
    received: MediaStatistics = MediaStatistics()
    sent: MediaStatistics = MediaStatistics()


class PlaybackStarted(Event, frozen=True, kw_only=True):
    """The first frame of a playback was sent."""

    name: ClassVar[str] = "playback.started"
    command: str


class PlaybackFinished(Event, frozen=True, kw_only=True):
    """A playback is over."""

    name: ClassVar[str] = "playback.finished"
    command: str
    outcome: AnyOutcome


class GatherFinished(Event, frozen=True, kw_only=True):
    """A gather is over."""

    name: ClassVar[str] = "gather.finished"
    command: str
    outcome: AnyOutcome


class RecordingStarted(Event, frozen=True, kw_only=True):
    """A recording runs."""

    name: ClassVar[str] = "recording.started"
    command: str
    path: str


class RecordingFinished(Event, frozen=True, kw_only=True):
    """A recording is closed."""

    name: ClassVar[str] = "recording.finished"
    command: str
    outcome: AnyOutcome


class StreamStarted(Event, frozen=True, kw_only=True):
    """A stream is connected."""

    name: ClassVar[str] = "stream.started"
    command: str


class StreamMarked(Event, frozen=True, kw_only=True):
    """All that a stream's peer said before it set a mark was heard; or, not `heard`, it was cleared before."""

    name: ClassVar[str] = "stream.marked"
    command: str
    mark: str
    heard: bool = True


class StreamTexted(Event, frozen=True, kw_only=True):
    """A stream's peer said a text. At most a hundred a second; one that says more is given up as `failed`."""

    name: ClassVar[str] = "stream.texted"
    command: str
    text: str


class StreamDropped(Event, frozen=True, kw_only=True):
    """A stream's peer does not read: since this was last told so much of each track was dropped. Once a second."""

    name: ClassVar[str] = "stream.dropped"
    command: str
    dropped_ms: int


class StreamFinished(Event, frozen=True, kw_only=True):
    """A stream is over."""

    name: ClassVar[str] = "stream.finished"
    command: str
    outcome: AnyOutcome


class EchoFinished(Event, frozen=True, kw_only=True):
    """An echo is over."""

    name: ClassVar[str] = "echo.finished"
    command: str
    outcome: AnyOutcome


class DetectFinished(Event, frozen=True, kw_only=True):
    """A detect is over."""

    name: ClassVar[str] = "detect.finished"
    command: str
    outcome: AnyOutcome


class ChannelTalking(Event, frozen=True, kw_only=True):
    """The peer talks, so many dB below overload. Told while a detect with `events` runs."""

    name: ClassVar[str] = "channel.talking"
    level_dbov: int


class ChannelSilent(Event, frozen=True, kw_only=True):
    """The peer talks no more. Told while a detect with `events` runs."""

    name: ClassVar[str] = "channel.silent"


class ChannelTone(Event, frozen=True, kw_only=True):
    """The peer sends a tone that says something. Told while a detect with `events` runs."""

    name: ClassVar[str] = "channel.tone"
    tone: Literal["busy", "congestion", "sit", "cng", "ced", "beep"]


class DigitsSent(Event, frozen=True, kw_only=True):
    """Digits were sent."""

    name: ClassVar[str] = "digits.sent"
    command: str
    outcome: AnyOutcome


class DialBranch(Event, frozen=True, kw_only=True):
    """A target of a dial came further."""

    name: ClassVar[str] = "dial.branch"
    command: str
    target: str
    leg: str
    state: Literal["dialing", "ringing", "progress", "answered", "failed", "cancelled"]
    sip_status: int = 0


class DialFinished(Event, frozen=True, kw_only=True):
    """A dial is over."""

    name: ClassVar[str] = "dial.finished"
    command: str
    outcome: AnyOutcome


class BridgeCreated(Event, frozen=True, kw_only=True):
    """A bridge of these channels exists; `conference` is its name if it is one."""

    name: ClassVar[str] = "bridge.created"
    bridge: str
    channels: tuple[str, ...]
    conference: str = ""


class BridgeJoined(Event, frozen=True, kw_only=True):
    """The channel takes part in a conference, one of `members` now, or listens to `other`."""

    name: ClassVar[str] = "bridge.joined"
    bridge: str
    command: str
    conference: str = ""
    members: int = 0
    muted: bool = False
    moderator: bool = False
    other: str | None = None  # of whom it is a listener


class BridgeLeft(Event, frozen=True, kw_only=True):
    """The channel takes part no more; `members` are left. `bridge` is empty if it never did."""

    name: ClassVar[str] = "bridge.left"
    bridge: str
    command: str
    outcome: AnyOutcome
    conference: str = ""
    members: int = 0


class BridgeSpeaker(Event, frozen=True, kw_only=True):
    """Others than before speak in a conference: these, in the order in which they began, at most 16."""

    name: ClassVar[str] = "bridge.speaker"
    bridge: str
    speakers: tuple[str, ...]
    conference: str = ""


class BridgeEnded(Event, frozen=True, kw_only=True):
    """A bridge is gone."""

    name: ClassVar[str] = "bridge.ended"
    bridge: str


class RecordWritten(Event, frozen=True, kw_only=True):
    """The record of an ended channel is in the store. The app that owned the channel is told, and who subscribes."""

    name: ClassVar[str] = "record.written"
    record: CallRecord


class RegistrationAdded(Event, frozen=True, kw_only=True):
    """A user registered a contact, or refreshed it."""

    name: ClassVar[str] = "registration.added"
    user: str
    contact: str
    expires_after: float
    is_refresh: bool = False


class RegistrationRemoved(Event, frozen=True, kw_only=True):
    """A user took a contact back."""

    name: ClassVar[str] = "registration.removed"
    user: str
    contact: str


class RegistrationExpired(Event, frozen=True, kw_only=True):
    """A contact was not refreshed in time."""

    name: ClassVar[str] = "registration.expired"
    user: str
    contact: str


class UserAdded(Event, frozen=True, kw_only=True):
    """Somebody may register and call from now on."""

    name: ClassVar[str] = "user.added"
    user: str


class UserChanged(Event, frozen=True, kw_only=True):
    """A user has another password, or is another to those whom he calls, or stands elsewhere."""

    name: ClassVar[str] = "user.changed"
    user: str


class UserRemoved(Event, frozen=True, kw_only=True):
    """A user may no longer register and call."""

    name: ClassVar[str] = "user.removed"
    user: str


class MailboxChanged(Event, frozen=True, kw_only=True):
    """A program told how many voice messages wait for a user, and it was not so before."""

    name: ClassVar[str] = "mailbox.changed"
    user: str
    new: int = 0
    saved: int = 0


class PresenceChanged(Event, frozen=True, kw_only=True):
    """A program, or a phone of the user's (PUBLISH), said something new of how he is reached: this is how."""

    name: ClassVar[str] = "presence.changed"
    user: str
    status: Literal["open", "closed"]
    note: str = ""
    activity: str = ""


class TextReceived(Event, frozen=True, kw_only=True):
    """A user wrote a text to a number that an app takes, outside of any call. `sender` is the user's name."""

    name: ClassVar[str] = "text.received"
    sender: str
    to: str
    body: str
    content_type: str = "text/plain"


class TextSent(Event, frozen=True, kw_only=True):
    """What became of a text that a program sent outside of any call."""

    name: ClassVar[str] = "text.sent"
    command: str
    outcome: AnyOutcome


class TrunkUp(Event, frozen=True, kw_only=True):
    """A trunk takes calls: its `target` answers, and none did before."""

    name: ClassVar[str] = "trunk.up"
    trunk: str
    target: str


class TrunkDown(Event, frozen=True, kw_only=True):
    """A trunk takes no calls: none of its targets answers. `reason` is what became of the last one."""

    name: ClassVar[str] = "trunk.down"
    trunk: str
    reason: str


class TrunkRegistered(Event, frozen=True, kw_only=True):
    """We are registered with a trunk, and were not before."""

    name: ClassVar[str] = "trunk.registered"
    trunk: str
    expires_after: float


class TrunkUnregistered(Event, frozen=True, kw_only=True):
    """A trunk did not register us: what it answered, and in how many seconds it is asked again."""

    name: ClassVar[str] = "trunk.unregistered"
    trunk: str
    reason: str
    retry_after: float


class AppConnected(Event, frozen=True, kw_only=True):
    """A session of an app began. `others` are those that the app had already; on standby it takes no calls yet."""

    name: ClassVar[str] = "app.connected"
    app: str
    session: str
    routes: tuple[str, ...] = ()
    pid: int | None = None
    share: Share = "share"
    role: Literal["active", "standby"] = "active"
    others: int = 0
    channels: int = 0  # that it has taken over, or that waited for it


class AppLost(Event, frozen=True, kw_only=True):
    """A session of an app is gone."""

    name: ClassVar[str] = "app.lost"
    app: str
    session: str
    reason: str


class AppReplaced(Event, frozen=True, kw_only=True):
    """The calls of a lost session are those of the one that was on standby, `by`, which takes calls from now on."""

    name: ClassVar[str] = "app.replaced"
    app: str
    session: str
    by: str
    channels: int = 0


class ScriptLoaded(Event, frozen=True, kw_only=True):
    """A version of a script takes calls from now on: `share` of the new ones. Its worker may be a new one.

    `pid` is 0 for a script that runs inside the engine.
    """

    name: ClassVar[str] = "script.loaded"
    app: str
    script: str
    pid: int
    version: str = ""
    share: float = 1.0


class ScriptFailed(Event, frozen=True, kw_only=True):
    """A script could not be loaded, its worker died, or a call's function raised: `traceback` says where."""

    name: ClassVar[str] = "script.failed"
    app: str
    script: str
    error: str
    traceback: str = ""
    version: str = ""


class ScriptDraining(Event, frozen=True, kw_only=True):
    """A version takes no new calls any more; it finishes those that it has, `calls` of them."""

    name: ClassVar[str] = "script.draining"
    app: str
    version: str
    calls: int = 0


class ScriptRetired(Event, frozen=True, kw_only=True):
    """A version has ended: its calls are over (`drained`), took too long (`limit`), or its worker died (`lost`)."""

    name: ClassVar[str] = "script.retired"
    app: str
    version: str
    reason: Literal["drained", "limit", "lost"]


class EngineOverloaded(Event, frozen=True, kw_only=True):
    """New calls are refused: the event loop is late (`lag`), or sound is (`media`), or SIP waits too long to be read or
    was lost by a full socket (`queue`), or there are as many `calls` as there may be."""

    name: ClassVar[str] = "engine.overloaded"
    reason: Literal["lag", "media", "queue", "calls"]
    calls: int


class EngineRecovered(Event, frozen=True, kw_only=True):
    """New calls are let in again."""

    name: ClassVar[str] = "engine.recovered"


class EngineDraining(Event, frozen=True, kw_only=True):
    """New calls are refused from now on; when those that are up have ended, `calls` of them, the engine ends."""

    name: ClassVar[str] = "engine.draining"
    calls: int


EVENTS: Mapping[str, type[Event]] = MappingProxyType({
    event.name: event
    for event in (
        ChannelCreated, ChannelRinging, ChannelProgress, ChannelAnswered, ChannelSecured, ChannelHeld, ChannelResumed,
        ChannelBridged, ChannelUnbridged, TransferRequested, ChannelTransferred, TransferFinished,
        MessageReceived, MessageSent,
        DigitStarted, DigitEnded, DigitsMatched, ChannelMediaQuality, ChannelMediaLost, OwnerLost, OwnerChanged,
        ChannelEnded,
        PlaybackStarted, PlaybackFinished, GatherFinished, RecordingStarted, RecordingFinished, EchoFinished,
        StreamStarted, StreamMarked, StreamTexted, StreamDropped, StreamFinished,
        DetectFinished, ChannelTalking, ChannelSilent, ChannelTone,
        DigitsSent, DialBranch, DialFinished, BridgeCreated, BridgeJoined, BridgeLeft, BridgeSpeaker, BridgeEnded,
        RecordWritten, RegistrationAdded, RegistrationRemoved, RegistrationExpired, UserAdded, UserChanged,
        UserRemoved, MailboxChanged, PresenceChanged,
        TextReceived, TextSent,
        TrunkUp, TrunkDown,
        TrunkRegistered,
        TrunkUnregistered, AppConnected, AppLost, AppReplaced, ScriptLoaded, ScriptFailed, ScriptDraining,
        ScriptRetired, EngineOverloaded, EngineRecovered, EngineDraining,
    )
})  # fmt: skip
