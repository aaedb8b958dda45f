"""Offer and answer of one leg (RFC 3264), for one audio stream with telephone-events (RFC 4733).

::

    negotiation.receive_offer(body)        or    body = negotiation.create_offer()
    body = negotiation.create_answer()           negotiation.receive_answer(body)
    negotiation.agreed  # what both ends now do

An exchange that fails changes nothing: `agreed` stays as it was (§8, RFC 3261 §14.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from .associating import Associating
from .association import PROTOCOLS, Association, Attribute, Presence
from .codec import CODECS, COMFORT_NOISE, EVENTS, NARROW, Codec, OpusFormat, codec_of
from .description import MediaDescription, Origin, ParseError, Payload, SessionDescription
from .direction import Direction
from .errors import NotAcceptable, WrongState
from .security import Policy, Protection, Security
from .stream import RTCP_MUX, PeerStream, find_stream, read_stream

__all__ = ["Agreement", "Direction", "Negotiation", "NotAcceptable", "ParseError", "WrongState"]


_DYNAMIC_NUMBERS = range(96, 128)  # RFC 3551 §6


@dataclass(frozen=True, slots=True)
class Agreement:
    """What offer and answer came to. `direction` is ours."""

    remote: tuple[str, int] | None  # None: the peer takes no media (hold by 0.0.0.0)
    codec: str  # a name of engine.sdp.codec: "PCMU", "opus"
    payload_type: int
    telephone_event: int | None  # its payload type
    direction: Direction
    ptime_ms: int
    is_held_by_peer: bool
    is_muxed: bool = False  # RTCP shares the port of RTP (RFC 5761)
    event_rate: int = 8000  # the clock of the telephone-events
    opus: OpusFormat | None = None  # if that is the codec: what the peer wants of it
    comfort_noise: int | None = None  # its payload type: silence is sent as such (RFC 3389)
    fmtp: str | None = field(default=None, compare=False)  # what the peer says of the codec
    protection: Protection | None = None  # SRTP with keys in SDP; None: plain RTP, or by DTLS
    association: Association | None = None  # DTLS, and ICE perhaps


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
        codecs: Sequence[str] = NARROW,
        session_id: int,
        ptime_ms: int = 20,
        srtp: Policy = "off",
        new_key: Callable[[int], bytes] | None = None,
        presence: Presence | None = None,
        offers_association: bool = False,
        beside: Agreement | None = None,
    ) -> None:
        """`new_key` gives so many octets that nobody can guess: keys of SRTP, unless that is off.

        With a `presence` DTLS and ICE are taken from who offers them, and offered if `offers_association`.

        `beside` is that of the call that this one is to be bridged with: its codec is proposed first, so packets can
        be passed on; one that is only passed on, alone.
        """
        codecs, self._passed_fmtp = _beside(tuple(codecs), beside)
        self.agreed: Agreement | None = None
        self._local = local
        self._codecs = tuple(codecs)
        self._formats = _formats(self._codecs)
        self._session_id = session_id
        self._ptime_ms = ptime_ms
        self._version = 0
        self._said: tuple[str, Sequence[MediaDescription], Sequence[Attribute]] | None = None
        self._associating = Associating(presence, local, is_offered=offers_association)
        self._security = Security(srtp, new_key)
        self._numbers: dict[str, int] = {}  # payload types by name, once agreed kept (§8.3.2)
        self._foreign: frozenset[int] = frozenset()  # payload types that the peer uses for something else
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
        agreed = self.agreed
        known = self._lines[index].protocol if self._lines else None
        protocol, attributes = self._associating.offer(
            agreed.association if agreed is not None else None, protocol=known
        )
        if protocol not in PROTOCOLS:
            protocol, attributes = self._security.offer(
                agreed.protection if agreed is not None else None, protocol=known
            )
        audio = self._audio(payloads, direction, protocol, attributes, is_muxed=is_muxed)
        media = [line.refused() for line in self._lines] or [audio]
        media[index] = audio
        self._offered = _Offered(direction, index, len(media), is_muxed, protocol)
        self._learn_numbers(payloads)
        return self._write(media, self._associating.session() if protocol in PROTOCOLS else ())

    def receive_answer(self, body: bytes) -> None:
        """The answer to our last offer; it may come twice (183 and 200). Raises ParseError and NotAcceptable."""
        if self._offered is None:
            raise WrongState("an answer came, but no offer was made")
        offered = self._offered
        answer = SessionDescription.parse(body)
        if len(answer.media) != offered.length:  # §6: one for each, in their order
            raise ParseError(f"Bad SDP: expected {offered.length} m= lines in the answer, got {len(answer.media)}")
        stream = read_stream(
            answer,
            offered.index,
            codecs=self._codecs,
            is_ipv6=self._is_ipv6,
            protocols=(offered.protocol,),
            read_crypto=self._security.read,
        )
        if offered.protocol in PROTOCOLS and stream.association is None:
            came = answer.media[offered.index].protocol
            raise NotAcceptable(f"expected {offered.protocol}, got {came}")
        protection = self._security.take_answer(stream.crypto, self.agreed.protection if self.agreed else None)
        direction = offered.direction.limited_to(stream.direction.mirrored)
        is_held = offered.direction.sends and not stream.direction.receives
        # What was not offered is not agreed on.
        stream = replace(stream, is_muxed=stream.is_muxed and offered.is_muxed, comfort_noise=None)
        self._agree(
            answer,
            stream,
            direction,
            protection,
            self._associating.take_answer(stream.association),
            is_held_by_peer=is_held,
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
            read_crypto=self._security.read,
        )
        self._received = offer, stream
        self._associating.expect(stream.association)

    def create_answer(self, direction: Direction = Direction.SENDRECV) -> bytes:
        """One voice codec and the telephone-events, for the last offer; every other stream is refused (§6).

        `direction` is what we would like; the answer says what of it the offer allows (§6.1).
        """
        if self._received is None:
            raise WrongState("an answer is wanted, but no offer has been received")
        offer, stream = self._received
        direction = direction.limited_to(stream.direction.mirrored)
        payloads = [CODECS[stream.codec].payload(stream.payload_type, stream.fmtp)]
        if stream.telephone_event is not None:
            payloads.append(EVENTS[stream.event_rate].payload(stream.telephone_event))
        if stream.comfort_noise is not None:
            payloads.append(COMFORT_NOISE.payload(stream.comfort_noise))
        before = self.agreed
        protection = self._security.take_offer(
            stream.crypto,
            before.protection if before is not None else None,
            is_moved=before is not None and before.remote != stream.remote,
        )
        association = self._associating.take_offer(
            stream.association, before.association if before is not None else None
        )
        self._agree(offer, stream, direction, protection, association, is_held_by_peer=not stream.direction.receives)
        self._learn_numbers(offer.media[stream.index].payloads)
        media = [line.refused() for line in self._lines]
        associated = self._associating.answer(association, stream.association)
        said = associated or self._security.answer(protection)
        protocol = offer.media[stream.index].protocol
        media[stream.index] = self._audio(payloads, direction, protocol, said, is_muxed=stream.is_muxed)
        attributes = self._associating.session(stream.association) if associated else ()
        return self._write(media, attributes, time=offer.time)

    def repeat(self) -> bytes:
        """Our last description, with the candidates that were found since."""
        return self.create_answer() if self._received is not None else self.create_offer()

    @property
    def has_ice(self) -> bool:
        """Is ICE offered, or agreed on?"""
        association = self.agreed.association if self.agreed is not None else self.offered_association
        return association is not None and association.local is not None

    @property
    def is_gathering(self) -> bool:
        """Are there candidates of ours to come?"""
        return self._associating.is_gathering

    @property
    def candidates(self) -> bytes:
        """Our candidates beside our own address, as the body of an INFO (RFC 8840); empty if there are none."""
        return self._associating.fragment

    def add_candidate(self, candidate: str) -> None:
        """We are to be found there, too; the next description says so."""
        self._associating.add_candidate(candidate)

    def end_candidates(self) -> None:
        """There will be no more of ours."""
        self._associating.end_candidates()

    def receive_candidates(self, candidates: Sequence[str]) -> bool:
        """Candidates of the peer that come after its description (RFC 8838); False: there is no ICE here."""
        agreed = self.agreed
        if agreed is None or agreed.association is None or agreed.association.remote is None:
            return False
        self.agreed = replace(agreed, association=agreed.association.with_candidates(candidates))
        return True

    @property
    def encryption(self) -> str:
        """How media is encrypted, as far as is known: `Security.media`."""
        if self.agreed is not None:
            is_dtls, protection = self.agreed.association is not None, self.agreed.protection
            return "dtls-srtp" if is_dtls else str(protection) if protection is not None else "none"
        if self._received is not None:
            stream = self._received[1]
            is_dtls, crypto = stream.association is not None, stream.crypto
            return "dtls-srtp" if is_dtls else f"srtp {crypto.suite}" if crypto is not None else "none"
        return "dtls-srtp" if self._offered is not None and self._offered.protocol in PROTOCOLS else "none"

    @property
    def offered_association(self) -> Association | None:
        """What we say of DTLS and ICE, until there is an answer: the peer may come before, and candidates be found."""
        return self._associating.offered if self.agreed is None else None

    @property
    def _is_ipv6(self) -> bool:
        return ":" in self._local[0]

    def _agree(
        self,
        peer: SessionDescription,
        stream: PeerStream,
        direction: Direction,
        protection: Protection | None,
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
            event_rate=stream.event_rate,
            opus=stream.opus,
            comfort_noise=stream.comfort_noise,
            fmtp=stream.fmtp,
            protection=protection,
            association=association,
        )
        self._lines = tuple(
            _Line(media.kind, media.protocol, tuple(media.formats), _mid_of(media)) for media in peer.media
        )
        self._index = stream.index

    def _learn_numbers(self, payloads: Sequence[Payload]) -> None:
        """Payload types that were offered, for offers of ours to come (§8.3.2)."""
        learned: dict[str, int] = {}
        for payload in payloads:
            codec = codec_of(payload)
            if codec not in self._formats:
                self._foreign |= {payload.number}
            else:
                learned.setdefault(codec.name, payload.number)
        self._numbers |= learned

    def _all_payloads(self) -> list[Payload]:
        """Our codecs and the telephone-events, each by the number it has, or by one that has no other meaning yet."""
        numbers = dict(self._numbers)
        for codec in self._formats:
            taken = {*self._foreign, *numbers.values()}
            free = [number for number in (codec.usual, *_DYNAMIC_NUMBERS) if number not in taken]
            if codec.name not in numbers and free:
                numbers[codec.name] = free[0]
        fmtp = self._passed_fmtp if self.agreed is None else self.agreed.fmtp
        return [codec.payload(numbers[codec.name], fmtp) for codec in self._formats if codec.name in numbers]

    def _audio(
        self,
        payloads: Sequence[Payload],
        direction: Direction,
        protocol: str,
        attributes: Sequence[Attribute],
        *,
        is_muxed: bool,
    ) -> MediaDescription:
        muxed: list[Attribute] = [(RTCP_MUX, None)] if is_muxed and (RTCP_MUX, None) not in attributes else []
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


def _formats(names: Sequence[str]) -> tuple[Codec, ...]:
    """The codecs of these names, and the telephone-events: first of 8 kHz, which every peer knows."""
    codecs = [CODECS[name] for name in names]
    rates = dict.fromkeys([8000, *(codec.clock_rate for codec in codecs)])
    return (*codecs, *(EVENTS[rate] for rate in rates))


def _beside(codecs: tuple[str, ...], beside: Agreement | None) -> tuple[tuple[str, ...], str | None]:
    """What to propose beside an agreement, and what is said of a codec that is only passed on."""
    if beside is None or beside.codec not in codecs:
        return codecs, None
    if CODECS[beside.codec].is_passed:
        return (beside.codec,), beside.fmtp
    return (beside.codec, *(codec for codec in codecs if codec != beside.codec)), None
