"""The codecs that can be agreed on, and how they stand in a description (RFC 3551, RFC 7587).

`WIDE` is what phones are offered, best first: wide-band where they have it. `NARROW` is what trunks are offered:
carriers have G.711 behind, and to code from wide-band to that costs work and gains nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from .description import Payload

TELEPHONE_EVENT = "telephone-event"
OPUS = "opus"

_EVENTS = "0-15"  # the keys 0-9 * # A-D
_USUAL_EVENTS = {8000: 101, 48000: 102, 16000: 103}  # payload types, by the clock
_BITRATE = 24_000  # of Opus, where the peer says nothing: a wide-band voice, protected against loss
_BITRATES = (6_000, 510_000)  # RFC 7587 §6.1


@dataclass(frozen=True, slots=True, eq=False)  # there is one of each
class Codec:
    """One codec as configurations and events name it, and as SDP does."""

    name: str
    encoding: str
    clock_rate: int  # of RTP, which for G.722 is not that of its samples (RFC 3551 §4.5.2)
    usual: int  # payload type
    channels: int = 1  # in a=rtpmap
    fmtp: str | None = None  # what we say of it
    least_ptime_ms: int = 10
    is_passed: bool = False  # between two calls that have it; nothing can be said in it here

    def payload(self, number: int, fmtp: str | None = None) -> Payload:
        """It, under that number; of one that is passed on, as the other call has it."""
        return Payload(number, self.encoding, self.clock_rate, self.channels, fmtp if self.is_passed else self.fmtp)


@dataclass(frozen=True, slots=True)
class OpusFormat:
    """What the peer wants to hear of Opus (RFC 7587 §6.1)."""

    bitrate: int = _BITRATE  # on average
    has_fec: bool = False
    has_dtx: bool = False


_ALL = (
    Codec("PCMU", "PCMU", 8000, 0),
    Codec("PCMA", "PCMA", 8000, 8),
    Codec("G722", "G722", 8000, 9),
    Codec("L16/8000", "L16", 8000, 97),
    Codec("L16/16000", "L16", 16000, 98),
    Codec(
        OPUS,
        "opus",
        48000,
        96,
        channels=2,  # whatever is sent (RFC 7587 §7)
        fmtp="maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=1",
        least_ptime_ms=20,
    ),
    Codec("G729", "G729", 8000, 18, is_passed=True),
    Codec("iLBC", "iLBC", 8000, 104, is_passed=True),
    Codec("AMR", "AMR", 8000, 105, is_passed=True),
    Codec("AMR-WB", "AMR-WB", 16000, 106, is_passed=True),
)
CODECS: Mapping[str, Codec] = MappingProxyType({codec.name: codec for codec in _ALL})
WIDE = (OPUS, "G722", "PCMU", "PCMA")
NARROW = ("PCMU", "PCMA")


COMFORT_NOISE = Codec("CN", "CN", 8000, 13)  # RFC 3389 §4
EVENTS: Mapping[int, Codec] = MappingProxyType({  # keys, beside a codec of that clock (RFC 4733 §2.1)
    rate: Codec(f"{TELEPHONE_EVENT}/{rate}", TELEPHONE_EVENT, rate, usual, fmtp=_EVENTS)
    for rate, usual in _USUAL_EVENTS.items()
})

# The case of the name does not matter (RFC 8866 §6.6).
_BY_RTPMAP = {(it.encoding.lower(), it.clock_rate, it.channels): it for it in (*_ALL, COMFORT_NOISE, *EVENTS.values())}


def codec_of(payload: Payload) -> Codec | None:
    """What a payload type stands for. None: nothing that is known here."""
    return _BY_RTPMAP.get((payload.encoding.lower(), payload.clock_rate, payload.channels))


def read_opus(fmtp: str | None) -> OpusFormat:
    """What the peer's a=fmtp says of Opus. What it cannot mean is as if it were not said."""
    said = dict(_parameter(part) for part in (fmtp or "").split(";"))
    bitrate = said.get("maxaveragebitrate", "")
    least, most = _BITRATES
    return OpusFormat(
        bitrate=min(max(int(bitrate), least), most) if bitrate.isascii() and bitrate[:7].isdecimal() else _BITRATE,
        has_fec=said.get("useinbandfec") == "1",
        has_dtx=said.get("usedtx") == "1",
    )


def _parameter(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip()[:7]
