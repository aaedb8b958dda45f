"""The dialect of Twilio's Media Streams: JSON texts, mu-law at 8 kHz in base64 (twilio.com/docs/voice/media-streams).

To the peer: connected, start, media, dtmf, mark, stop. From it: media, mark, clear; others are passed over. Ids look
like Twilio's, as programs may check them: `MZ`, `CA` and `AC` with 32 hexadecimal digits made of ours.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Sequence
from typing import Any, Literal

import msgspec

from . import message as m
from .spelling import decoded, mark_name

ENCODING: Literal["mulaw"] = "mulaw"
RATE = 8000
_ACCOUNT = "callflow"
_FRAME_MS = 20


class _Media(msgspec.Struct, frozen=True):
    payload: str


class _Mark(msgspec.Struct, frozen=True):
    name: str = ""


class _FromPeer(msgspec.Struct, frozen=True):
    event: str
    media: _Media | None = None
    mark: _Mark | None = None


class TwilioDialect:
    """See Dialect."""

    subprotocol: str | None = None

    def __init__(self, opening: m.Opening) -> None:
        self._opening = opening
        self._stream = _sid("MZ", opening.stream)
        self._call = _sid("CA", opening.call)
        self._account = _sid("AC", _ACCOUNT)
        self._sequence = 0
        self._chunks = 0

    def open(self) -> Sequence[m.Message]:
        """Two messages: connected, start."""
        opening = self._opening
        start = {
            "accountSid": self._account,
            "streamSid": self._stream,
            "callSid": self._call,
            "tracks": opening.tracks,
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": RATE, "channels": 1},
            "customParameters": dict(opening.parameters),
        }
        return (_json({"event": "connected", "protocol": "Call", "version": "1.0.0"}), self._count("start", start))

    def spell(self, told: m.Told) -> m.Message | None:
        match told:
            case m.Frame():
                return self._media(told)
            case m.Digit(digit):
                return self._count("dtmf", {"track": "inbound_track", "digit": digit})
            case m.MarkPassed(name):
                return self._count("mark", {"name": name})
            case m.Stopping():
                return self._count("stop", {"accountSid": self._account, "callSid": self._call})
            case m.Cleared() | m.Overflowed() | m.Text():
                return None

    def read(self, message: m.Message) -> m.Said | None:
        said = decoded(message, _FromPeer)
        match said:
            case _FromPeer("media", _Media(payload)):
                try:
                    return m.Sound(base64.b64decode(payload, validate=True))
                except (binascii.Error, ValueError) as error:
                    raise m.BadMessage(f"expected base64 as media.payload, got {payload[:40]!r}: {error}") from error
            case _FromPeer("mark", mark=_Mark(name)):
                return m.Mark(mark_name(name))
            case _FromPeer("clear"):
                return m.Clear()
            case _FromPeer("media" | "mark" as event):
                raise m.BadMessage(f"expected an object {event!r} in the event of that name, got {message[:80]!r}")
        return None

    def _media(self, frame: m.Frame) -> str:
        """By hand: this is done fifty times a second."""
        self._sequence += 1
        self._chunks += 1
        track = "inbound" if frame.is_inbound else "outbound"
        payload = base64.b64encode(frame.octets).decode()
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"{track}","chunk":"{self._chunks}",'
            f'"timestamp":"{max(frame.at_ms - _FRAME_MS, 0)}","payload":"{payload}"}},"streamSid":"{self._stream}"}}'
        )

    def _count(self, event: str, body: dict[str, Any]) -> str:
        self._sequence += 1
        return _json({
            "event": event,
            "sequenceNumber": str(self._sequence),
            event: body,
            "streamSid": self._stream,
        })


def _sid(kind: str, id: str) -> str:
    return kind + hashlib.md5(id.encode(), usedforsecurity=False).hexdigest()


def _json(value: dict[str, Any]) -> str:  # Any: texts, numbers, lists and maps of them
    return msgspec.json.encode(value).decode()
