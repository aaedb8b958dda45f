"""Offer and answer of one leg (RFC 3264), for one audio stream of G.711 with telephone-events (RFC 4733).

::

    negotiation.receive_offer(body)        or    body = negotiation.create_offer()
    body = negotiation.create_answer()           negotiation.receive_answer(body)
    negotiation.agreed  # what both ends now do

An exchange that fails changes nothing: `agreed` stays as it was (§8, RFC 3261 §14.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from .associating import Associating
from .association import PROTOCOLS, Association, Attribute, Presence
from .description import MediaDescription, Origin, ParseError, Payload, SessionDescription
from .direction import Direction
from .errors import NotAcceptable, WrongState
from .stream import RTCP_MUX, TELEPHONE_EVENT, PeerStream, find_stream, name_of, read_stream

__all__ = ["CODECS", "Agreement", "Direction", "Negotiation", "NotAcceptable", "ParseError", "WrongState"]

CODECS = ("PCMU", "PCMA")

Encryption: TypeAlias = Literal["none", "dtls-srtp"]

_USUAL_NUMBERS = {"PCMU": 0, "PCMA": 8, TELEPHONE_EVENT: 101}
_DYNAMIC_NUMBERS = range(96, 128)  # RFC 3551 §6
_EVENTS = "0-15"  # the keys 0-9 * # A-D


@dataclass(frozen=True, slots=True)
class Agreement:
    """What offer and answer came to. `direction` is ours."""

    remote: tuple[str, int] | None  # None: the peer takes no media (hold by 0.0.0.0)
    codec: str  # "PCMU", "PCMA"
    payload_type: int
    telephone_event: int | None  # its payload type
    direction: Direction
    ptime_ms: int
    is_held_by_peer: bool
    is_muxed: bool = False  # RTCP shares the port of RTP (RFC 5761)
    association: Association | None = None  # DTLS, and ICE perhaps; None: plain RTP


@dataclass(frozen=True, slots=True)
class _Line:
    """An m= line of the session: there for ever, at its place (§8)."""

    kind: str
    protocol: str
    formats: tuple[str, ...]
    mid: str | None = None  # RFC 5888

    def refused(self) -> MediaDescription:
        attributes: list[Attribute] = [("mid", self.mid)] if self.mid is not None else []
        return MediaDescription(self.kind, 0, self.protocol, self.formats, attributes=attributes)


@dataclass(frozen=True, slots=True)
class _Offered:
    """What our last offer says, as far as an answer is read against it."""

    direction: Direction
    index: int  # of the audio stream
    length: int  # how many m= lines there are
    is_muxed: bool
    protocol: str


class Negotiation:
    """The descriptions of one leg, from the first offer to the last answer."""

    def __init__(
        self,
        *,
        local: tuple[str, int],
        codecs: Sequence[str] = CODECS,
        session_id: int,
        ptime_ms: int = 20,
        presence: Presence | None = None,
        offers_association: bool = False,
    ) -> None:
        """With a `presence` DTLS and ICE are taken from who offers them, and offered if `offers_association`."""
        self.agreed: Agreement | None = None
        self._local = local
        self._codecs = tuple(codecs)
        self._session_id = session_id
        self._ptime_ms = ptime_ms
        self._version = 0
        self._said: tuple[str, Sequence[MediaDescription], Sequence[Attribute]] | None = None
        self._associating = Associating(presence, local, is_offered=offers_association)
        self._numbers: dict[str, int] = {}  # payload types by name, once agreed kept (§8.3.2)
        self._foreign: set[int] = set()  # payload types that the peer uses for something else
        self._lines: tuple[_Line, ...] = ()
        self._index: int | None = None  # of the audio stream in _lines
        self._offered: _Offered | None = None
        self._received: tuple[SessionDescription, PeerStream] | None = None

    def create_offer(self, direction: Direction = Direction.SENDRECV) -> bytes:
        """Everything that we can do, at the place the stream already has (§8). One port for RTP and RTCP is proposed at
        first, and again as long as the peer agrees to it (RFC 5761 §5.1.1)."""
        payloads = self._all_payloads()
        index = self._index or 0
        is_muxed = self.agreed is None or self.agreed.is_muxed
        agreed = self.agreed.association if self.agreed is not None else None
        known = self._lines[index].protocol if self._lines else None
        protocol, attributes = self._associating.offer(agreed, protocol=known)
        audio = self._audio(payloads, direction, protocol, attributes, is_muxed=is_muxed)
        media = [line.refused() for line in self._lines] or [audio]
        media[index] = audio
        self._offered = _Offered(direction, index, len(media), is_muxed, protocol)
        self._numbers = {payload.encoding: payload.number for payload in payloads}
        return self._write(media, self._associating.session() if attributes else ())

    def receive_answer(self, body: bytes) -> None:
        """The answer to our last offer; it may come twice (183 and 200). Raises ParseError and NotAcceptable."""
        if self._offered is None:
            raise WrongState("an answer came, but no offer was made")
        offered = self._offered
        answer = SessionDescription.parse(body)
        if len(answer.media) != offered.length:  # §6: one for each, in their order
            raise ParseError(f"Bad SDP: expected {offered.length} m= lines in the answer, got {len(answer.media)}")
        stream = read_stream(
            answer, offered.index, codecs=self._codecs, is_ipv6=self._is_ipv6, protocols=(offered.protocol,)
        )
        direction = offered.direction.limited_to(stream.direction.mirrored)
        is_held = offered.direction.sends and not stream.direction.receives
        stream = replace(stream, is_muxed=stream.is_muxed and offered.is_muxed)  # what was not offered is not agreed on
        self._agree(
            answer, stream, direction, self._associating.take_answer(stream.association), is_held_by_peer=is_held
        )

    def receive_offer(self, body: bytes) -> None:
        """The peer's offer, to be answered by `create_answer`. Raises ParseError and NotAcceptable."""
        offer = SessionDescription.parse(body)
        stream = find_stream(
            offer,
            codecs=self._codecs,
            is_ipv6=self._is_ipv6,
            expected=self._index,
            protocols=self._associating.protocols,
        )
        self._received = offer, stream

    def create_answer(self, direction: Direction = Direction.SENDRECV) -> bytes:
        """One voice codec and the telephone-events, for the last offer; every other stream is refused (§6).

        `direction` is what we would like; the answer says what of it the offer allows (§6.1).
        """
        if self._received is None:
            raise WrongState("an answer is wanted, but no offer has been received")
        offer, stream = self._received
        direction = direction.limited_to(stream.direction.mirrored)
        payloads = [_payload(stream.codec, stream.payload_type)]
        if stream.telephone_event is not None:
            payloads.append(_payload(TELEPHONE_EVENT, stream.telephone_event))
        before = self.agreed.association if self.agreed is not None else None
        association = self._associating.take_offer(stream.association, before)
        self._agree(offer, stream, direction, association, is_held_by_peer=not stream.direction.receives)
        self._learn_numbers(offer.media[stream.index].payloads)
        media = [line.refused() for line in self._lines]
        said = self._associating.answer(association, stream.association)
        protocol = offer.media[stream.index].protocol
        media[stream.index] = self._audio(payloads, direction, protocol, said, is_muxed=stream.is_muxed)
        attributes = self._associating.session(stream.association) if said else ()
        return self._write(media, attributes, time=offer.time)

    def receive_candidates(self, candidates: Sequence[str]) -> bool:
        """Candidates of the peer that come after its description (RFC 8838); False: there is no ICE here."""
        agreed = self.agreed
        if agreed is None or agreed.association is None or agreed.association.remote is None:
            return False
        self.agreed = replace(agreed, association=agreed.association.with_candidates(candidates))
        return True

    @property
    def encryption(self) -> Encryption:
        """How media is encrypted, as far as is known: what is agreed on, or what is offered."""
        if self.agreed is not None:
            is_dtls = self.agreed.association is not None
        elif self._received is not None:
            is_dtls = self._received[1].association is not None
        else:
            is_dtls = self._offered is not None and self._offered.protocol in PROTOCOLS
        return "dtls-srtp" if is_dtls else "none"

    @property
    def offered_association(self) -> Association | None:
        """What our offer says of DTLS and ICE, until there is an answer."""
        return self._associating.offered if self.agreed is None else None

    @property
    def _names(self) -> tuple[str, ...]:
        return (*self._codecs, TELEPHONE_EVENT)

    @property
    def _is_ipv6(self) -> bool:
        return ":" in self._local[0]

    def _agree(
        self,
        peer: SessionDescription,
        stream: PeerStream,
        direction: Direction,
        association: Association | None,
        *,
        is_held_by_peer: bool,
    ) -> None:
        self.agreed = Agreement(
            remote=stream.remote,
            codec=stream.codec,
            payload_type=stream.payload_type,
            telephone_event=stream.telephone_event,
            direction=direction,
            ptime_ms=stream.ptime_ms or self._ptime_ms,
            is_held_by_peer=is_held_by_peer,
            is_muxed=stream.is_muxed,
            association=association,
        )
        self._lines = tuple(
            _Line(media.kind, media.protocol, tuple(media.formats), _mid_of(media)) for media in peer.media
        )
        self._index = stream.index

    def _learn_numbers(self, payloads: Sequence[Payload]) -> None:
        """The peer's payload types, for offers of ours to come (§8.3.2)."""
        learned: dict[str, int] = {}
        for payload in payloads:
            name = name_of(payload, self._names)
            if name is None:
                self._foreign.add(payload.number)
            else:
                learned.setdefault(name, payload.number)
        self._numbers |= learned

    def _all_payloads(self) -> list[Payload]:
        """Our codecs and the telephone-events, each by the number it has, or by one that has no other meaning yet."""
        numbers = dict(self._numbers)
        for name in self._names:
            taken = {*self._foreign, *numbers.values()}
            candidates = (_USUAL_NUMBERS[name], *_DYNAMIC_NUMBERS)
            free = [number for number in candidates if number not in taken]
            if name not in numbers and free:
                numbers[name] = free[0]
        return [_payload(name, numbers[name]) for name in self._names if name in numbers]

    def _audio(
        self,
        payloads: Sequence[Payload],
        direction: Direction,
        protocol: str,
        attributes: Sequence[Attribute],
        *,
        is_muxed: bool,
    ) -> MediaDescription:
        muxed: list[Attribute] = [(RTCP_MUX, None)] if is_muxed and not attributes else []
        return MediaDescription(
            "audio",
            self._local[1],
            protocol,
            payloads=payloads,
            direction=direction.value,
            ptime=self._ptime_ms,
            attributes=[*muxed, *attributes],
        )

    def _write(self, media: Sequence[MediaDescription], attributes: Sequence[Attribute], *, time: str = "0 0") -> bytes:
        """The description, of a new version if it says anything new (§8)."""
        said = time, media, attributes
        if said != self._said:
            self._said = said
            self._version += 1
        host = self._local[0]
        origin = Origin(self._session_id, self._version, host)
        return bytes(SessionDescription(origin, media, host=host, time=time, attributes=attributes))


def _mid_of(media: MediaDescription) -> str | None:
    return next((value for name, value in media.attributes if name == "mid"), None)


def _payload(name: str, number: int) -> Payload:
    return Payload(number, name, fmtp=_EVENTS if name == TELEPHONE_EVENT else None)
