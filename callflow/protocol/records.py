"""The call record: what stays of a leg when it is over. It is kept in the engine's store, apart from the event log."""

from __future__ import annotations

from typing import Literal

import msgspec


class MediaStatistics(msgspec.Struct, frozen=True):
    """What one direction of a leg's RTP came to. `mos`: the estimated opinion score (G.107), None if not known.

    `round_trip_ms`: there and back by RTCP, the same for both; None if not known. A leg that echoes, or is in a
    conference, has a jitter buffer: `late` packets came too late for it, `depth_ms` is how deep it has been at most.
    Where media is encrypted, `forged` packets had not the peer's key, and `replayed` ones came once more.
    """

    packets: int = 0
    lost: int = 0
    jitter_ms: float = 0.0
    mos: float | None = None
    round_trip_ms: float | None = None
    late: int = 0
    depth_ms: float = 0.0
    forged: int = 0
    replayed: int = 0


class CallRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One leg, from its beginning to its end. Times are seconds since the epoch.

    `parent` is the leg that dialled it, `bridged_with` those it was connected with, in their order: together they link
    the legs of a call. `to` is the number dialled, `user` the one who authenticated, `trunk` by which the leg came
    or went.
    """

    id: str = ""  # of the record; later ones sort after earlier ones. A channel's id may be used again, this never
    channel: str
    direction: Literal["inbound", "outbound"]
    caller: str
    caller_name: str = ""
    callee: str
    to: str
    app: str | None = None
    route: str | None = None
    user: str | None = None
    trunk: str | None = None
    parent: str | None = None
    bridged_with: tuple[str, ...] = ()
    created_at: float
    progress_at: float | None = None
    answered_at: float | None = None
    ended_at: float
    billable: float = 0.0  # seconds
    cause: int
    cause_name: str
    sip_status: int = 0
    sip_reason: str = ""
    ended_by: Literal["caller", "callee", "app", "engine", "network"]
    phase: Literal["setup", "ringing", "early", "answered"]
    codec: str = ""
    received: MediaStatistics = MediaStatistics()
    sent: MediaStatistics = MediaStatistics()
    sip_call_id: str = ""
    variables: dict[str, str] = {}  # as the app left them
