"""What queries answer with: the `data` of their replies, beside the channels and bridges of frames.py."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .security import SrtpPolicy


class RegistrationState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A registered contact. `id` is what a page goes on `after`."""

    id: str
    user: str
    contact: str
    expires_at: float  # seconds since the epoch
    source: str = ""  # where it registered from: `udp:192.0.2.1:5060`


class UserState(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may register and call, with how many `contacts` now. Those of the configuration file are changed there."""

    id: str  # the name
    context: str = "internal"
    classes: tuple[str, ...] = ()
    caller_id: str = ""
    groups: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    is_of_file: bool = False
    contacts: int = 0
    srtp: SrtpPolicy = ""


class TrunkTargetState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One target of a trunk, and what it said last, or why it said nothing."""

    target: str
    is_up: bool = True
    told: str = ""


class TrunkState(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trunk: whether it takes calls, whether we are registered with it, and how many `calls` it has now."""

    id: str  # its name
    is_up: bool = True
    registration: Literal["", "registering", "registered", "failed"] = ""  # empty: it is not to be registered with
    calls: int = 0
    maximum: int | None = None  # of calls at a time
    targets: tuple[TrunkTargetState, ...] = ()


class SessionState(msgspec.Struct, frozen=True, omit_defaults=True):
    """One connection of an app."""

    id: str
    peer: str
    connected_at: float  # seconds since the epoch
    scopes: tuple[str, ...] = ()
    channels: int = 0  # how many it owns
    pid: int | None = None


class AppState(msgspec.Struct, frozen=True, omit_defaults=True):
    """An app that is connected: its sessions share its calls."""

    id: str  # its name
    routes: tuple[str, ...] = ()
    sessions: tuple[SessionState, ...] = ()


class EngineLoad(msgspec.Struct, frozen=True):
    """How hard the engine works: its process, without the workers of scripts.

    `lag_ms` and `media_late_ms`: by how much the event loop and the sound were late at worst in the last ten seconds;
    `queue_ms`: how long SIP by UDP was not read to its end.
    `overloaded`: why no new calls are let in, see `engine.overloaded`.
    """

    cpu_seconds: float = 0.0  # of all its threads since it started
    memory_octets: int = 0  # resident
    lag_ms: float = 0.0
    media_late_ms: float = 0.0
    queue_ms: float = 0.0
    overloaded: Literal["", "lag", "media", "queue", "calls"] = ""
    is_draining: bool = False


class EngineStatus(msgspec.Struct, frozen=True):
    """The engine's facts and counters. `at` is its own clock, in seconds since the epoch."""

    engine: str
    epoch: str
    seq: int  # of the newest event
    started_at: float  # seconds since the epoch
    channels: int
    bridges: int
    registrations: int
    sessions: int
    counters: dict[str, int] = {}
    at: float = 0.0
    load: EngineLoad = EngineLoad()


class PastEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event as its frame was, or would be."""

    seq: int
    at: float
    name: str
    channel: str | None = None
    call_seq: int | None = None
    data: dict[str, Any] = {}  # Any: by name


class PastEvents(msgspec.Struct, frozen=True):
    """Events that are kept, oldest first. The log was looked through back to `searched`; 0: there are no older ones."""

    events: tuple[PastEvent, ...]
    searched: int


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """A command that was given to a channel, and the code of its refusal, if it was not accepted.

    `seq` is the last event before it, `app` who gave it.
    """

    seq: int
    at: float
    id: str
    name: str
    app: str = ""
    args: dict[str, Any] = {}  # Any: those of the command
    error: str = ""


class Decisions(msgspec.Struct, frozen=True):
    """Commands that were given to a channel, in their order: `total` of them, the first `missing` not kept any more."""

    decisions: tuple[Decision, ...]
    missing: int
    total: int


class WireMessage(msgspec.Struct, frozen=True):
    """A SIP message as it was on the wire. `local` and `remote` are HOST:PORT, an IPv6 host in brackets."""

    seq: int
    at: float  # seconds since the epoch
    is_sent: bool  # by the engine
    transport: str
    local: str
    remote: str
    data: bytes


class WireMessages(msgspec.Struct, frozen=True):
    """Those that were found, oldest first. The engine looked up to seq `searched`; with `more` it did not see all."""

    messages: tuple[WireMessage, ...]
    searched: int
    more: bool


class Downloaded(msgspec.Struct, frozen=True):
    """A part of a recording, from the `offset` asked for, and how many octets the whole has."""

    data: bytes
    size: int


class VersionState(msgspec.Struct, frozen=True):
    """A version of an app that the engine runs, or ran. `id` is what a page goes on `after`."""

    id: str
    app: str
    version: str  # counted from 1, by app
    state: Literal["loading", "active", "draining", "retired", "failed"]
    share: float  # of the new calls that it takes
    calls: int  # that it has had
    live: int  # that it has now
    errors: int  # functions of it that raised, and workers that died
    loaded_at: float | None = None  # seconds since the epoch; None: it was never ready
    hash: str = ""  # of what is in its folder; DATA/versions has the copy


class Draining(msgspec.Struct, frozen=True):
    """The engine ends when these `calls` have."""

    calls: int


class NamedVersion(msgspec.Struct, frozen=True):
    """The version that a command is about: its `script.*` events tell what becomes of it."""

    app: str
    version: str
