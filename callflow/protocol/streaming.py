"""The command that streams a call's sound to a program, and back. See commands."""

from __future__ import annotations

from typing import ClassVar, Literal

import msgspec

from .command import Command
from .outcomes import Outcome, Streamed


class Stream(Command, frozen=True, kw_only=True):
    """Stream the call's sound over a WebSocket that the engine opens to `url`, until it is cancelled or closed.

    `direction`: `send` lets the peer hear, `receive` lets it be heard, in place of a bridge, and after a playback.
    `tracks`: what it hears: `inbound` is what the caller says, `outbound` what the caller hears. The dialect `twilio`
    is mu-law at 8000 Hz; `callflow` is `l16` (16 bits, the lower octet first) or `mulaw`, at 8000, 16000 or 24000 Hz.
    `raw` is sound and nothing else: of `both` tracks two channels, the caller's left; `mixed` is one, and so `l16`. It
    offers the `subprotocol`. `parameters` are told to the peer when it starts, but for `raw`. The host must be one of
    `[streams] hosts`. At most four run at a time; of those that are heard at most one, which the next one replaces.
    """

    name: ClassVar[str] = "stream"
    ends_as: ClassVar[tuple[type[Outcome], ...]] = (Streamed,)
    ended_by: ClassVar[str] = "stream.finished"
    url: str
    direction: Literal["both", "send", "receive"] = "both"
    tracks: Literal["inbound", "outbound", "both", "mixed"] = "inbound"
    dialect: Literal["callflow", "twilio", "raw"] = "callflow"
    encoding: Literal["l16", "mulaw"] = "l16"
    rate: Literal[8000, 16000, 24000] = 8000
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    parameters: dict[str, str] = msgspec.field(default_factory=dict)
    subprotocol: str = ""


class StreamClear(Command, frozen=True, kw_only=True):
    """Let nothing of what a stream's peer has said and nobody has heard yet be heard. One that has ended: not_found."""

    name: ClassVar[str] = "stream_clear"
    command: str


class StreamText(Command, frozen=True, kw_only=True):
    """Say a text to a stream's peer, before the sound that follows; at once, or when it is connected.

    It has at most 131072 characters, and as much as a megabyte may wait. The dialect `twilio` has no texts:
    unsupported. A stream that has ended: not_found.
    """

    name: ClassVar[str] = "stream_text"
    command: str
    text: str
