"""The audio stream in a peer's description, as far as we can use it (RFC 3264 §6, §8.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .association import PROTOCOLS, PeerAssociation, read_association
from .codec import CODECS, COMFORT_NOISE, EVENTS, OPUS, Codec, OpusFormat, codec_of, read_opus
from .description import Crypto, MediaDescription, ParseError, Payload, SessionDescription
from .direction import Direction
from .errors import NotAcceptable
from .security import read_plain

RTCP_MUX = "rtcp-mux"

_CLOCK_RATE = 8000  # of telephone-events that go with any codec, whatever its clock: many peers have no other
_PTIME_STEP_MS = 10
_LONGEST_PTIME_MS = 60
_MAX_KNOWN = 1024  # addresses that are read once


@dataclass(frozen=True, slots=True)
class PeerStream:
    """What the peer says of the audio stream; `direction` is seen from the peer."""

    index: int  # of the m= line
    remote: tuple[str, int] | None  # None: held by address 0.0.0.0
    codec: str  # the first that is ours too, as we write it
    payload_type: int
    telephone_event: int | None  # its payload type
    direction: Direction
    ptime_ms: int | None  # None: nothing said
    is_muxed: bool  # RTCP may share the port (RFC 5761)
    event_rate: int = _CLOCK_RATE  # the clock of the telephone-events
    opus: OpusFormat | None = None  # if that is the codec
    comfort_noise: int | None = None  # its payload type, beside a codec of its clock
    fmtp: str | None = None  # what the peer says of the codec
    crypto: Crypto | None = None  # what its packets are protected with; None: they are plain
    association: PeerAssociation | None = None  # what it says of DTLS and ICE; None: it is plain


def find_stream(
    description: SessionDescription,
    *,
    codecs: Sequence[str],
    is_ipv6: bool,
    expected: int | None,
    read_crypto: Callable[[MediaDescription], Crypto | None] = read_plain,
    protocols: Sequence[str] = (),
) -> PeerStream:
    """The m= line to use: the `expected` one while it can be used, or the first that can. Raises NotAcceptable."""
    media = description.media
    order = sorted(range(len(media)), key=lambda index: index != expected)
    reason = "expected an audio stream, got none"
    for index in order:
        if media[index].kind != "audio":
            continue
        try:
            return read_stream(
                description, index, codecs=codecs, is_ipv6=is_ipv6, protocols=protocols, read_crypto=read_crypto
            )
        except NotAcceptable as error:
            reason = str(error)
    raise NotAcceptable(reason)


def read_stream(
    description: SessionDescription,
    index: int,
    *,
    codecs: Sequence[str],
    is_ipv6: bool,
    protocols: Sequence[str] = (),
    read_crypto: Callable[[MediaDescription], Crypto | None] = read_plain,
) -> PeerStream:
    """The stream at this m= line. Raises NotAcceptable, and ParseError where its address is missing.

    `protocols` are those by DTLS that are taken. Of any other `read_crypto` says how it is protected, or raises
    NotAcceptable where it is not spoken.
    """
    media = description.media[index]
    if media.kind != "audio" or media.port == 0:
        raise NotAcceptable(f"expected an audio stream, got m={media.kind} {media.port}")
    is_associated = media.protocol in PROTOCOLS and media.protocol in protocols
    association = read_association(description, media) if is_associated else None
    crypto = read_crypto(media) if association is None else None
    has_ice = association is not None and association.ice is not None
    host = _host(description, media, is_ipv6=is_ipv6, is_needed=not has_ice)
    ptime_ms = _ptime_ms(media)
    longest = media.maxptime or _LONGEST_PTIME_MS
    known = [CODECS[name] for name in codecs if CODECS[name].least_ptime_ms <= longest]
    voice = _first(media.payloads, [codec.name for codec in known if not codec.is_passed])
    voice = voice or _first(media.payloads, [codec.name for codec in known if codec.is_passed])
    if voice is None:
        raise NotAcceptable(f"expected a codec of {', '.join(codecs)}, got formats {' '.join(media.formats)}")
    codec, payload = voice
    events = _first(media.payloads, [EVENTS[codec.clock_rate].name])
    events = events or _first(media.payloads, [EVENTS[_CLOCK_RATE].name])
    noise = _first(media.payloads, [COMFORT_NOISE.name]) if codec.clock_rate == COMFORT_NOISE.clock_rate else None
    direction = Direction(media.direction or description.direction or "sendrecv")
    if host is None and not has_ice:  # RFC 3264 §8.4: nothing may be sent to it
        direction = direction.limited_to(Direction.SENDONLY)
    return PeerStream(
        index=index,
        remote=(host, media.port) if host else None,
        codec=codec.name,
        payload_type=payload.number,
        telephone_event=events[1].number if events else None,
        direction=direction,
        ptime_ms=ptime_ms,
        is_muxed=any(name == RTCP_MUX for name, _ in media.attributes),
        event_rate=events[0].clock_rate if events else _CLOCK_RATE,
        comfort_noise=noise[1].number if noise else None,
        opus=read_opus(payload.fmtp) if codec.name == OPUS else None,
        fmtp=payload.fmtp,
        association=association,
        crypto=crypto,
    )


def _host(description: SessionDescription, media: MediaDescription, *, is_ipv6: bool, is_needed: bool) -> str | None:
    """None: it is nowhere yet. With ICE it may say what it wants: its candidates are what counts."""
    try:
        return _read_host(description, media, is_ipv6=is_ipv6)
    except (ParseError, NotAcceptable):
        if is_needed:
            raise
        return None


def _read_host(description: SessionDescription, media: MediaDescription, *, is_ipv6: bool) -> str | None:
    host = media.host or description.host
    if host is None:
        raise ParseError("Bad SDP: expected a c= line for the audio stream, got none")
    try:
        return _read_address(host, is_ipv6=is_ipv6)
    except ValueError:
        raise NotAcceptable(f"expected an IP address in c=, got {host}") from None


@lru_cache(_MAX_KNOWN)  # to read one is dear, and peers have few
def _read_address(host: str, *, is_ipv6: bool) -> str | None:
    """As we write it, None for nowhere. Raises ValueError, NotAcceptable: what is refused is not kept."""
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_unspecified:
        return None
    if address.is_multicast or (address.version == 6) != is_ipv6:
        raise NotAcceptable(f"expected a unicast IPv{6 if is_ipv6 else 4} address in c=, got {host}")
    return str(address)


def _first(payloads: Sequence[Payload], names: Sequence[str]) -> tuple[Codec, Payload] | None:
    for payload in payloads:
        codec = codec_of(payload)
        if codec is not None and codec.name in names:
            return codec, payload
    return None


def _ptime_ms(media: MediaDescription) -> int | None:
    """How long a packet to the peer may be (RFC 8866 §6.4): a=ptime within a=maxptime, in steps that we can make."""
    said = [ptime for ptime in (media.ptime, media.maxptime) if ptime]
    if not said:
        return None
    return max(_PTIME_STEP_MS, min(_LONGEST_PTIME_MS, *said) // _PTIME_STEP_MS * _PTIME_STEP_MS)
