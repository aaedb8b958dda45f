"""Our dialect, version 1: JSON texts that control, binary messages that sound. See docs/streams.md.

A binary message to the peer has eight octets before its sound: the track (0: inbound, 1: outbound), three that are 0,
and the milliseconds since the start, big-endian. One from the peer is sound and nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from . import message as m
from .spelling import decoded, mark_name, text_of

VERSION = 1
SUBPROTOCOL = f"callflow.stream.v{VERSION}"
FRAME_MS = 20
_HEADER = struct.Struct(">B3xI")


class _FromPeer(msgspec.Struct, frozen=True):
    event: str
    name: str = ""
    text: str = ""


class OwnDialect:
    """See Dialect."""

    subprotocol: str | None = SUBPROTOCOL

    def __init__(self, opening: m.Opening) -> None:
        self._opening = opening

    def open(self) -> Sequence[m.Message]:
        """One message: start."""
        opening = self._opening
        start = {
            "event": "start",
            "version": VERSION,
            "stream": opening.stream,
            "call": opening.call,
            "from": opening.caller,
            "to": opening.callee,
            "speaks": opening.speaks,
            "tracks": opening.tracks,
            "encoding": opening.encoding,
            "rate": opening.rate,
            "frame_ms": FRAME_MS,
            "parameters": dict(opening.parameters),
        }
        return (_json(start),)

    def spell(self, told: m.Told) -> m.Message | None:
        match told:
            case m.Frame(is_inbound, at_ms, octets):
                return _HEADER.pack(0 if is_inbound else 1, at_ms & 0xFFFFFFFF) + octets
            case m.Text(text):
                return _json({"event": "text", "text": text})
            case m.Digit(digit):
                return _json({"event": "digit", "digit": digit})
            case m.MarkPassed(name, is_heard):
                return _json({"event": "mark", "name": name, "heard": is_heard})
            case m.Cleared():
                return _json({"event": "cleared"})
            case m.Overflowed(dropped_ms):
                return _json({"event": "overflow", "dropped_ms": dropped_ms})
            case m.Stopping(reason):
                return _json({"event": "stop", "reason": reason})

    def read(self, message: m.Message) -> m.Said | None:
        if isinstance(message, bytes):
            return m.Sound(message)
        said = decoded(message, _FromPeer)
        match said.event:
            case "mark":
                return m.Mark(mark_name(said.name))
            case "clear":
                return m.Clear()
            case "text":
                return m.Text(text_of(said.text))
        return None


def _json(value: dict[str, Any]) -> str:  # Any: texts, numbers, lists of them
    return msgspec.json.encode(value).decode()
