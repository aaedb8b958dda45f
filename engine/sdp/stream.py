"""The audio stream in a peer's description, as far as we can use it (RFC 3264 §6, §8.4)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from .association import PeerAssociation, read_association
from .description import MediaDescription, ParseError, Payload, SessionDescription
from .direction import Direction
from .errors import NotAcceptable

TELEPHONE_EVENT = "telephone-event"
PROTOCOL = "RTP/AVP"
RTCP_MUX = "rtcp-mux"

_CLOCK_RATE = 8000  # of the voice codecs, and so of the telephone-events beside them (RFC 4733 §2.1)
_PTIME_STEP_MS = 10
_LONGEST_PTIME_MS = 60


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
    association: PeerAssociation | None = None  # what it says of DTLS and ICE; None: it is plain


def find_stream(
    description: SessionDescription,
    *,
    codecs: Sequence[str],
    is_ipv6: bool,
    expected: int | None,
    protocols: Sequence[str] = (PROTOCOL,),
) -> PeerStream:
    """The m= line to use: the `expected` one while it can be used, or the first that can. Raises NotAcceptable."""
    media = description.media
    order = sorted(range(len(media)), key=lambda index: index != expected)
    reason = "expected an audio stream, got none"
    for index in order:
        if media[index].kind != "audio":
            continue
        try:
            return read_stream(description, index, codecs=codecs, is_ipv6=is_ipv6, protocols=protocols)
        except NotAcceptable as error:
            reason = str(error)
    raise NotAcceptable(reason)


def read_stream(
    description: SessionDescription,
    index: int,
    *,
    codecs: Sequence[str],
    is_ipv6: bool,
    protocols: Sequence[str] = (PROTOCOL,),
) -> PeerStream:
    """The stream at this m= line. Raises NotAcceptable, and ParseError where its address is missing."""
    media = description.media[index]
    if media.kind != "audio" or media.port == 0:
        raise NotAcceptable(f"expected an audio stream, got m={media.kind} {media.port}")
    if media.protocol not in protocols:
        raise NotAcceptable(f"expected {' or '.join(protocols)}, got {media.protocol}")
    association = read_association(description, media)
    has_ice = association is not None and association.ice is not None
    host = _host(description, media, is_ipv6=is_ipv6, is_needed=not has_ice)
    voice = _first(media.payloads, codecs)
    if voice is None:
        raise NotAcceptable(f"expected a codec of {', '.join(codecs)}, got formats {' '.join(media.formats)}")
    events = _first(media.payloads, (TELEPHONE_EVENT,))
    direction = Direction(media.direction or description.direction or "sendrecv")
    if host is None and not has_ice:  # RFC 3264 §8.4: nothing may be sent to it
        direction = direction.limited_to(Direction.SENDONLY)
    return PeerStream(
        index=index,
        remote=(host, media.port) if host else None,
        codec=voice[0],
        payload_type=voice[1],
        telephone_event=events[1] if events else None,
        direction=direction,
        ptime_ms=_ptime_ms(media),
        is_muxed=any(name == RTCP_MUX for name, _ in media.attributes),
        association=association,
    )


def name_of(payload: Payload, names: Sequence[str]) -> str | None:
    """Which of these encodings a payload type stands for; their case does not matter (RFC 8866 §6.6)."""
    if (payload.clock_rate, payload.channels) != (_CLOCK_RATE, 1):
        return None
    return next((name for name in names if name.lower() == payload.encoding.lower()), None)


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
        address = ipaddress.ip_address(host)
    except ValueError:
        raise NotAcceptable(f"expected an IP address in c=, got {host}") from None
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_unspecified:
        return None
    if address.is_multicast or (address.version == 6) != is_ipv6:
        raise NotAcceptable(f"expected a unicast IPv{6 if is_ipv6 else 4} address in c=, got {host}")
    return str(address)


def _first(payloads: Sequence[Payload], names: Sequence[str]) -> tuple[str, int] | None:
    known = ((name_of(payload, names), payload.number) for payload in payloads)
    return next(((name, number) for name, number in known if name), None)


def _ptime_ms(media: MediaDescription) -> int | None:
    """How long a packet to the peer may be (RFC 8866 §6.4): a=ptime within a=maxptime, in steps that we can make."""
    said = [ptime for ptime in (media.ptime, media.maxptime) if ptime]
    if not said:
        return None
    return max(_PTIME_STEP_MS, min(_LONGEST_PTIME_MS, *said) // _PTIME_STEP_MS * _PTIME_STEP_MS)
