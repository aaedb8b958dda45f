"""The frames that travel between an app and the engine, in msgpack or JSON: the same fields under the same names.

Every frame is a map whose `type` says which it is. One message carries one or more of them: msgpack maps one after
another, JSON one per line. A WebSocket has messages; on a byte stream each is preceded by its length as four octets,
big-endian.
"""

from __future__ import annotations

import enum
from typing import Any, Literal, TypeAlias

import msgspec

from .security import Security

VERSION = 1
MAX_MESSAGE = 1 << 20  # octets; no command or event comes near it
MAX_PART = 256 * 1024  # octets of a file in one blob or download
HELLO_WITHIN = 10.0  # seconds after connecting


class CloseCode(enum.IntEnum):
    """Why the engine closed a WebSocket; the reason beside it says it in words."""

    NORMAL = 1000  # the app's own, or its call has ended
    GOING_AWAY = 1001  # the engine stops
    MALFORMED = 1007  # a message that is none of this protocol
    UNAUTHORIZED = 4001
    UNSUPPORTED = 4002  # another version of the protocol
    NO_HELLO = 4003  # in time, or another frame before it
    BAD_HELLO = 4004  # an app's name, a pattern
    OVERLOADED = 4005  # too many sessions
    STALLED = 4006  # it owns calls and reads nothing
    TAKEN = 4007  # another session has the app's name, and one of them does not share it
    REPLACED = 4008  # the app came back over another connection


ErrorCode: TypeAlias = Literal[
    "not_found",
    "wrong_state",
    "not_owner",
    "bad_argument",
    "unauthorized",
    "unsupported",
    "overloaded",
    "deadline",
    "call_ended",
    "internal",
]


class Frame(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    """One message of the event socket."""


# How a session goes with others of its app's name: it takes calls in turn with them, takes over when one that takes
# calls is lost, or wants to be the only one.
Share: TypeAlias = Literal["share", "standby", "refuse"]


class Resume(msgspec.Struct, frozen=True, omit_defaults=True):
    """Go on after this event. `session`: the one that this follows; its channels come along, if they still live.

    Its connection need not have ended for the engine: then this one replaces it. Without `session` all channels come
    along that wait for the app.
    """

    epoch: str
    seq: int
    session: str | None = None


class Hello(Frame, frozen=True, kw_only=True, tag="hello"):
    """The app's first frame, whoever dialled. `routes` are regular expressions; `pid` is set by workers.

    `share` says how the session goes with others under the same name: `share` calls in turn, be on `standby` until one
    that takes calls is lost and then take over, or `refuse`: be the only one, or not connect. It is not asked of
    workers, nor of connections that the engine dialled. `language`: of what its calls are told,
    where nothing else is named.
    """

    app: str
    protocol: int = VERSION
    token: str | None = None
    routes: tuple[str, ...] = ()
    subscribe: tuple[str, ...] = ()
    resume: Resume | None = None
    share: Share = "share"
    pid: int | None = None
    language: str = "en"


class Welcome(Frame, frozen=True, kw_only=True, omit_defaults=False, tag="welcome"):
    """The engine's answer. `epoch` is this run of the engine, `seq` its newest event, `owns` the session's channels.

    `others` counts the sessions that the app had already; `role` `standby`: it takes over when one of them is lost.
    """

    engine: str
    protocol: int
    epoch: str
    seq: int
    session: str
    owns: tuple[str, ...] = ()
    role: Literal["active", "standby"] = "active"
    others: int = 0


class EventFrame(Frame, frozen=True, kw_only=True, tag="event"):
    """One event; what its `data` holds depends on its `name`. `at` is seconds since the epoch."""

    seq: int
    at: float
    name: str
    channel: str | None = None
    call_seq: int | None = None
    data: msgspec.Raw = msgspec.Raw()  # left encoded until somebody wants it


class CaughtUp(Frame, frozen=True, kw_only=True, tag="caught_up"):
    """After a resume or a snapshot: from here on it is live."""

    seq: int


class Gap(Frame, frozen=True, kw_only=True, tag="gap", rename={"from_": "from"}):
    """The events `from` to `to` will not come, for not all are kept any more; a snapshot follows."""

    from_: int
    to: int


class ChannelState(msgspec.Struct, frozen=True):
    """A live channel as a list or a snapshot shows it. `mos`: how good it sounds, see `channel.media_quality`."""

    id: str
    direction: Literal["inbound", "outbound"]
    state: str
    caller: str
    callee: str
    to: str
    created_at: float
    answered_at: float | None = None
    app: str | None = None
    owner: str | None = None
    user: str | None = None
    trunk: str | None = None
    parent: str | None = None
    bridge: str | None = None
    call_seq: int = 0
    variables: dict[str, str] = {}
    withheld: bool = False
    security: Security = Security()
    mos: float | None = None


class BridgeState(msgspec.Struct, frozen=True):
    """A live bridge as a list or a snapshot shows it; `conference` is its name if it is one, `app` whose it is then."""

    id: str
    channels: tuple[str, ...]
    conference: str = ""
    app: str | None = None


class Snapshot(Frame, frozen=True, kw_only=True, tag="snapshot"):
    """A part of the state: at most 100 channels and 100 bridges, `more` if another part follows."""

    channels: tuple[ChannelState, ...] = ()
    bridges: tuple[BridgeState, ...] = ()
    more: bool = False


class CommandFrame(Frame, frozen=True, kw_only=True, tag="command"):
    """One command. `id` is the client's; the same id again gets the same reply. `deadline` is seconds from now."""

    id: str
    name: str
    channel: str | None = None
    bridge: str | None = None
    args: msgspec.Raw = msgspec.Raw()
    deadline: float | None = None


class Need(Frame, frozen=True, kw_only=True, tag="need"):
    """A file that is to be played, and that the engine does not have. It waits a while for the `blob` frames of it."""

    sha256: str
    name: str


class Blob(Frame, frozen=True, kw_only=True, tag="blob"):
    """A part of a file that the engine asked for, of at most 256 KiB, in order from `part` 0. `last`: it is complete.

    An app that does not have it says so with a `last` part 0 without data.
    """

    sha256: str
    part: int = 0
    data: bytes = b""
    last: bool = False


class Error(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a command was not accepted."""

    code: ErrorCode
    message: str
    details: dict[str, Any] = {}  # Any: whatever helps, by code


class ReplyFrame(Frame, frozen=True, kw_only=True, tag="reply"):
    """A command was accepted and took effect at `seq`, or was not, and why. `data` is a query's answer.

    A hello that is refused is answered with a reply whose id is `hello`; a message that is none of this protocol with
    one whose id is empty. Both are the last frame.
    """

    id: str
    ok: bool
    seq: int | None = None
    data: msgspec.Raw = msgspec.Raw()
    error: Error | None = None


AppFrame: TypeAlias = Hello | CommandFrame | Blob
EngineFrame: TypeAlias = Welcome | EventFrame | CaughtUp | Gap | Snapshot | Need | ReplyFrame
