"""What the switch asks of its media: a session per leg, an engine that opens them, and what they report.

Two engines fulfil this: `engine.media.engine` (the native data plane, real sockets) and `engine.media.fake` (by
interval, on a virtual clock). They pass the same test-suite. Every method here is synchronous and never waits: what it
started ends with an event, given to the session's `on_event` from the engine's own task.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from engine.sdp.association import Association

from .pipe import MediaPipe as MediaPipe
from .pipe import PipeFrame as PipeFrame
from .pipe import PipeMarked as PipeMarked
from .pipe import PipeShape as PipeShape
from .quality import estimated_mos
from .room import MediaRoom as MediaRoom
from .room import Membership as Membership

_PACKET_MS = 20.0


class Direction(enum.Enum):
    """Who sends, seen from us (RFC 3264 §5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Keys:
    """What a leg's packets are protected with (RFC 3711): each key with its salt. They are never printed."""

    suite: str  # of RFC 4568, "AES_CM_128_HMAC_SHA1_80"
    local: bytes = field(repr=False)  # of what we send
    remote: bytes = field(repr=False)  # of what the peer sends
    remote_mki: bytes = field(default=b"", repr=False)  # the identifier that the peer's packets carry


@dataclass(frozen=True, slots=True)
class Stream:
    """What the offer and the answer agreed on for the leg's audio (RFC 3264), as the data plane needs it."""

    remote: tuple[str, int] | None  # None: nowhere to send yet; latching may find it
    codec: str  # "PCMU", "PCMA", "G722", "L16/8000", "L16/16000", "opus"; others are only passed on
    payload_type: int
    telephone_event: int | None  # the payload type of RFC 4733, None if not agreed
    direction: Direction = Direction.SENDRECV
    ptime_ms: int = 20  # of the packets that we make, 10 to 60; relayed ones keep their length
    inband: bool | None = None  # listen for keys in the sound, too; None: where telephone-event was not agreed on
    is_muxed: bool = False  # RTCP comes and goes by the RTP port (RFC 5761)
    event_rate: int = 8000  # the clock of the telephone-events
    comfort_noise: int | None = None  # the payload type of RFC 3389, as which silence is sent
    bitrate: int = 24_000  # of what we send in Opus
    has_fec: bool = False  # protected against loss
    has_dtx: bool = False  # and without the silence
    clock_rate: int = 8000  # of RTP, where the codec is another
    keys: Keys | None = None  # None: packets are plain
    signalled_from: str | None = None  # the host that the peer's SIP comes from: its RTP may come from there, too

    @property
    def hears_tones(self) -> bool:
        """Whether keys are looked for in the sound."""
        return self.telephone_event is None if self.inband is None else self.inband


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file: WAV, MP3, FLAC, Ogg with Vorbis or Opus, by its content; raw samples, by its name.

    4 to 192 kHz; up to eight channels are mixed down; at most two hours. `text` is what it says, if that is known.
    `suffix` is that of the name that it has elsewhere (ul, sln16), where `path` says nothing of it.
    """

    path: Path
    text: str | None = None
    suffix: str | None = None


@dataclass(frozen=True, slots=True)
class ToneSource:
    """Sines sounding together, on and off by `cadence_ms` (on, off, on, off, ...; empty: steady)."""

    frequencies: tuple[float, ...]  # Hz
    cadence_ms: tuple[int, ...] = ()
    duration_ms: int | None = None  # None: endless
    level_dbm0: float = -10.0


@dataclass(frozen=True, slots=True)
class SilenceSource:
    """Nothing to hear."""

    duration_ms: int


@dataclass(frozen=True, slots=True)
class PipeSource:
    """What a program says through a pipe: nobody plays it, but those who listen hear it."""

    pipe: str


Source: TypeAlias = FileSource | ToneSource | SilenceSource


@dataclass(frozen=True, slots=True)
class PlaybackStarted:
    """The first frame of a playback was sent, or would have been if the direction let us send."""

    playback: str


@dataclass(frozen=True, slots=True)
class PlaybackFinished:
    """A playback is over; `heard_ms` counts frames really sent."""

    playback: str
    heard_ms: int
    reason: Literal["completed", "stopped", "failed"]
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """A recording is closed and stands under its final name. `sha256` is of the whole file."""

    recording: str
    path: Path
    duration_ms: int
    reason: Literal["max", "silence", "stopped", "failed"]
    sha256: str = ""
    error: str | None = None


@dataclass(frozen=True, slots=True)
class DigitStarted:
    """A key went down: once per key, at the first packet of its event (RFC 4733), or as its tones are sure (Q.24)."""

    digit: str


@dataclass(frozen=True, slots=True)
class DigitEnded:
    """A key came up, or its packets stopped coming. Of tones the duration is that of whole blocks of 13 ms."""

    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class DigitsSent:
    """Digits left; `digits` are those whose end packet, or last tone, was sent."""

    sending: str
    digits: str
    reason: Literal["completed", "stopped"]


@dataclass(frozen=True, slots=True)
class AudioHeard:
    """Sound began or ended, by energy; sent only to sessions that `watch_audio`, and to members of rooms."""

    is_sound: bool


@dataclass(frozen=True, slots=True)
class SoundDetected:
    """Talk began or paused, or a tone that says something was heard; sent only to sessions that `detect`.

    Times are milliseconds of what was heard since `detect`: when it began or ended, and how long the talk was that has
    ended. Talk is told once it has lasted for 120 ms, a pause for 100 ms.
    """

    noticed: Literal["talk_started", "talk_stopped", "busy", "congestion", "sit", "cng", "ced", "beep"]
    at_ms: int
    lasted_ms: int = 0
    level_dbov: int = 0


@dataclass(frozen=True, slots=True)
class CandidateFound:
    """We are to be found there, too: outside of a router, or by a relay; as in `a=candidate`."""

    candidate: str


@dataclass(frozen=True, slots=True)
class CandidatesComplete:
    """There will be no more candidates: servers have answered, or do not."""


@dataclass(frozen=True, slots=True)
class PeerReached:
    """The peer was found there, by ICE: at first, and when it is somewhere else."""

    remote: tuple[str, int]


@dataclass(frozen=True, slots=True)
class MediaSecured:
    """The peer is who its SDP says, and both have keys, by DTLS. `profile` is that of SRTP (RFC 5764, RFC 7714)."""

    profile: str


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The peer cannot be reached, does not answer any more, or is not who its SDP says; the text says which."""

    reason: str


MediaEvent: TypeAlias = (
    PlaybackStarted
    | PlaybackFinished
    | RecordingFinished
    | DigitStarted
    | DigitEnded
    | DigitsSent
    | AudioHeard
    | SoundDetected
    | CandidateFound
    | CandidatesComplete
    | PipeMarked
    | PeerReached
    | MediaSecured
    | PeerLost
)


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a leg's RTP came to so far (RFC 3550 §6.4.1, A.3, A.8). Rates and round trip in ms."""

    packets_sent: int = 0
    octets_sent: int = 0
    packets_received: int = 0
    octets_received: int = 0
    packets_lost: int = 0
    packets_discarded: int = 0  # malformed, from a stranger, of an unknown payload type, forged, replayed
    jitter_ms: float = 0.0
    remote_packets_lost: int = 0  # as the peer's RTCP reports say
    remote_jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    packets_late: int = 0  # too late for the jitter buffer, where one is needed (echo)
    playout_ms: float = 0.0  # how deep that buffer is; 0: there is none
    deepest_playout_ms: float = 0.0  # how deep it has been at most
    packets_delayed: int = 0  # came after a gap: more than 10 ms later after the one before than they should
    packets_forged: int = 0  # RTP and RTCP that should have been protected with the peer's key, and was not
    packets_replayed: int = 0  # protected, and came once more

    @property
    def mos_received(self) -> float | None:
        """The estimated MOS of what comes in (E-model), over the whole call so far; None: nothing came."""
        expected = self.packets_received + self.packets_lost
        if not self.packets_received:
            return None
        loss = (self.packets_lost + self.packets_late) / expected
        return estimated_mos(loss=loss, delay_ms=self._delay_ms(self.playout_ms or 2 * self.jitter_ms))

    @property
    def mos_sent(self) -> float | None:
        """That of what goes out, as the peer's RTCP reports say; None: it reports nothing, or nothing was sent."""
        if not self.packets_sent or self.round_trip_ms is None:
            return None
        loss = self.remote_packets_lost / self.packets_sent
        return estimated_mos(loss=loss, delay_ms=self._delay_ms(2 * self.remote_jitter_ms))

    def _delay_ms(self, buffer_ms: float) -> float:
        """From mouth to ear: half the round trip, one packet, the buffer (twice the jitter where it is not known)."""
        return (self.round_trip_ms or 0.0) / 2 + _PACKET_MS + buffer_ms


class PortsExhausted(Exception):
    """No RTP port pair is free in the configured range."""


class MediaSession(Protocol):
    """The audio of one leg, from `open` to `close`. After `close` every method is a no-op and nothing is reported."""

    @property
    def local(self) -> tuple[str, int]:
        """The address and RTP port that stand in our SDP; RTCP is on the next port."""
        ...

    def associate(self, association: Association, *, remote: tuple[str, int] | None = None) -> None:
        """Reach the peer by ICE, and have keys by DTLS, as far as the descriptions say by now; more of it may follow.

        From the first time on nothing is sent or taken in the clear, and nothing at all before there are keys: what is
        played waits for them. Called before `update`, and again with all that is known whenever more is.
        `remote` is where the peer is if there is no ICE. What comes of it is PeerReached, MediaSecured, or PeerLost.
        Before that come CandidateFound and CandidatesComplete, where the engine `gathers` and is not lite.
        """
        ...

    def update(self, stream: Stream) -> None:
        """Begin, or go on with, what was agreed. Called at first answer and at every re-negotiation.

        Keys that are the same count on. A new one of ours is used at once; of the peer's, the old one is good until the
        first packet that the new one opens.
        """
        ...

    def play(
        self,
        playback: str,
        sources: Sequence[Source],
        *,
        repeat: int = 1,
        gain_db: float = 0.0,
        offset_ms: int = 0,
        fades_ms: tuple[int, int] = (0, 0),
    ) -> None:
        """Play sources one after another, `repeat` times (0: for ever). A playback that runs is stopped first.

        It begins when a stream has been agreed on, at the first `update`. `offset_ms` counts in the first round, or
        round after round of what plays for ever. It fades in and out for so many milliseconds: out before the end of
        the last round, or once it is stopped. If a source cannot be read at all, nothing is heard; if one breaks off,
        what is before that is, and nothing after it: both end as `failed`, and the error names the file.
        """
        ...

    def stop(self, name: str) -> None:
        """Stop the playback, recording or sending of that name. What does not run is ignored.

        A playback that fades out ends after that, or at once if it is stopped again.
        """
        ...

    def record(self, recording: str, path: Path, *, max_ms: int, silence_ms: int = 0, is_trimmed: bool = False) -> None:
        """Record what is received to a 16-bit 8 kHz mono WAV, in real time; a lost packet is made up for, fading.

        It ends after `silence_ms` of silence (0: never by that). Written beside as `NAME.part`, renamed when complete.
        Trimmed, the silence before the first sound and after the last is left out, but for 200 ms.
        """
        ...

    def record_both(self, recording: str, path: Path, *, stereo: bool = False, max_ms: int) -> None:
        """Record what is received and what is sent, as `record` does: mixed, or received left and sent right.

        Voices only: digits by RFC 4733 have no sound. The sent side holds what really left.
        """
        ...

    def control(
        self, name: str, *, is_paused: bool | None = None, seek_ms: int | None = None, gain_db: float | None = None
    ) -> None:
        """Change the playback or recording of that name while it runs; None leaves a thing as it is.

        A paused playback is silent but keeps the other's voice away, as if it sounded; `heard_ms` counts what was sent,
        so not the pause, and twice what was heard twice. `seek_ms` moves it forward, or back when negative, within the
        round that is playing: not before its beginning, and past its end the next round, or the end, follows.
        `gain_db` replaces the gain. A paused recording skips the time: it is neither in the file nor counted against
        `max_ms`, and silence counts anew from when it goes on. Recordings know neither place nor gain.
        """
        ...

    def mute(self, *, incoming: bool, outgoing: bool) -> None:
        """Set which way is silent; both may be. Relay, recordings and playbacks run on, digits pass.

        Incoming: as if the peer had muted its phone; what it says is relayed, echoed and recorded as silence.
        Outgoing: the peer is deaf to others; relay and echo reach it as silence, but its playbacks are heard.
        """
        ...

    def echo(self, *, is_on: bool, delay_ms: int = 0) -> None:
        """Send back what is received, up to ten seconds later, in whole frames of 20 ms. Not while it is in a room.

        What is under way still comes when the peer falls silent; switched off, no more.
        """
        ...

    def send_digits(
        self, sending: str, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, is_inband: bool | None = None
    ) -> None:
        """Send 0-9 * # A-D after those that wait: by RFC 4733, or in band as tones; None: by what was agreed.

        By RFC 4733 none is sent if no telephone-event was agreed.
        """
        ...

    def relay(self, other: MediaSession) -> None:
        """Each hears the other from now on, packet by packet where the codecs agree. Ends an older relay of either.

        Digits (RFC 4733) are passed on, and still reported. A playback on a relayed leg replaces the other's voice
        while it lasts.
        """
        ...

    def unrelay(self) -> None:
        """End the relay, for both."""
        ...

    def watch_audio(self, *, is_on: bool) -> None:
        """Report `AudioHeard` from now on, or no more."""
        ...

    def detect(self, *, level_dbov: float | None) -> None:
        """Report `SoundDetected` from now on, of what is as loud as that; None: no more."""
        ...

    def open_pipe(self, pipe: str, shape: PipeShape, on_frame: Callable[[PipeFrame], None]) -> MediaPipe:
        """Let a program outside hear, and speak: `on_frame` is given 20 ms of each side every 20 ms. At most four."""
        ...

    def statistics(self) -> Statistics:
        """The leg's figures now; after `close`, the last ones."""
        ...

    def look(self) -> tuple[Statistics, Statistics] | None:
        """The figures at the look before, and now. None: what came since sounds as it did, which costs next to nothing.

        The first time the figures before are all 0. It is for one who looks.
        """
        ...

    def close(self) -> None:
        """Send RTCP BYE and give the ports back. Running recordings are closed properly, without an event."""
        ...


class MediaEngine(Protocol):
    """Where sessions come from."""

    def open(self, on_event: Callable[[MediaEvent], None]) -> MediaSession:
        """A new session on a port pair of its own. Raises PortsExhausted."""
        ...

    def open_room(self, on_event: Callable[[MediaEvent], None], *, near: MediaSession | None = None) -> MediaRoom:
        """A new room. If sessions are to be in it that stay relayed, `near` is one of them."""
        ...

    @property
    def fingerprint(self) -> str:
        """That of the certificate shown to peers, as in `a=fingerprint` (RFC 8122)."""
        ...

    @property
    def gathers(self) -> bool:
        """Whether it asks servers for addresses, where ICE is used."""
        ...

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        ...

    @property
    def open_rooms(self) -> int:
        """How many rooms are open."""
        ...

    def take_lateness(self) -> float:
        """How late sound was sent since the last time, by work of the engine's own, in seconds."""
        ...

    async def run(self) -> None:
        """Deliver events to the sessions until cancelled; then close what is open."""
        ...
