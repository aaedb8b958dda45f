"""The engine of real media: sessions on the native data plane, its reports delivered as events.

The data plane has threads, sockets and clocks of its own (engine/native/src/media) and never takes the GIL. Commands go
in without waiting; reports come out through one descriptor, awaited in `run`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import trio

from engine._native import media as native
from engine.sdp.association import Association, IceCredentials

from .native_pipe import NativePipe
from .pipe import MediaPipe, PipeFrame, PipeMarked, PipeShape
from .session import (
    AudioHeard,
    CandidateFound,
    CandidatesComplete,
    DigitEnded,
    DigitsSent,
    DigitStarted,
    Direction,
    FileSource,
    Keys,
    MediaEvent,
    MediaRoom,
    MediaSecured,
    MediaSession,
    Membership,
    PeerLost,
    PeerReached,
    PlaybackFinished,
    PlaybackStarted,
    PortsExhausted,
    RecordingFinished,
    SilenceSource,
    SoundDetected,
    Source,
    Statistics,
    Stream,
    ToneSource,
)

_EVENTS: Mapping[str, Callable[..., MediaEvent]] = MappingProxyType({
    "playback_started": PlaybackStarted,
    "playback_finished": PlaybackFinished,
    "recording_finished": RecordingFinished,
    "digit_started": DigitStarted,
    "digit_ended": DigitEnded,
    "digits_sent": DigitsSent,
    "audio_heard": AudioHeard,
    "sound_detected": SoundDetected,
    "candidate_found": CandidateFound,
    "candidates_complete": CandidatesComplete,
    "pipe_marked": PipeMarked,
    "peer_reached": PeerReached,
    "media_secured": MediaSecured,
    "peer_lost": PeerLost,
})
_SENDS = (Direction.SENDRECV, Direction.SENDONLY)
_RECEIVES = (Direction.SENDRECV, Direction.RECVONLY)


class MediaThreadDied(RuntimeError):
    """A thread of the data plane fell over a defect of ours: what it carried is lost."""


class NativeMediaEngine:
    """Fulfils MediaEngine::

    engine = NativeMediaEngine("127.0.0.1", (16384, 32767))
    nursery.start_soon(engine.run)
    session = engine.open(on_event)

    Sockets are bound at once. What a session's peer causes while nobody reads (digits, sounds) is dropped beyond 65,536
    waiting reports and counted in `reports_dropped`; the ends of playbacks, recordings and sendings never are.
    """

    def __init__(
        self,
        address: str = "127.0.0.1",
        ports: range | tuple[int, int] = (16384, 32767),
        threads: int = 1,
        *,
        hears_tones: bool | None = None,
        stun: tuple[str, int] | None = None,
        turn: tuple[tuple[str, int], str, str] | None = None,
    ) -> None:
        """Raises OSError when the address cannot be bound, ValueError when it is none. `hears_tones`: Stream.inband.

        `stun` tells sessions their address outside, `turn` relays for them: a server, a name and a password.
        """
        first, last = (ports.start, ports.stop - 1) if isinstance(ports, range) else ports
        self._native = native.Engine(address, first, last, threads, stun=stun, turn=turn)
        self._fingerprint = self._native.fingerprint  # one text for all calls
        self._gathers = stun is not None or turn is not None
        self._address = address
        self._hears_tones = hears_tones
        self._sessions: dict[int, tuple[NativeMediaSession, Callable[[MediaEvent], None]]] = {}
        self._rooms: dict[int, tuple[NativeMediaRoom, Callable[[MediaEvent], None]]] = {}
        self._pipes: dict[int, Callable[[PipeFrame], None]] = {}
        self._last_pipe = 0

    def open(self, on_event: Callable[[MediaEvent], None]) -> NativeMediaSession:
        """A new session on a port pair of its own. Raises PortsExhausted."""
        try:
            leg = self._native.open()
        except native.NoPorts as error:
            raise PortsExhausted(str(error)) from error
        session = NativeMediaSession(leg, self._address, self._forget, self._add_pipe, hears_tones=self._hears_tones)
        self._sessions[leg.id] = (session, on_event)
        return session

    def open_room(self, on_event: Callable[[MediaEvent], None], *, near: MediaSession | None = None) -> MediaRoom:
        """A new room, on the media thread of `near`."""
        assert near is None or isinstance(near, NativeMediaSession), f"expected a session of this engine, got {near!r}"
        opened = self._native.open_room(near.leg if near is not None else None)
        room = NativeMediaRoom(opened, self._forget_room)
        self._rooms[opened.id] = (room, on_event)
        return room

    @property
    def fingerprint(self) -> str:
        """That of the certificate shown to peers: of this engine, made at its start."""
        return self._fingerprint

    @property
    def gathers(self) -> bool:
        """Whether it asks servers for addresses."""
        return self._gathers

    @property
    def open_sessions(self) -> int:
        """How many sessions are open."""
        return len(self._sessions)

    @property
    def open_rooms(self) -> int:
        """How many rooms are open."""
        return len(self._rooms)

    def take_lateness(self) -> float:
        """How late a media thread was by work of its own since the last time, in seconds."""
        return self._native.take_lateness()

    @property
    def reports_dropped(self) -> int:
        """How many digits and sounds were never delivered because the reader was too slow."""
        return self._native.reports_dropped

    async def run(self) -> None:
        """Deliver events to the sessions until cancelled; then close what is open. Raises MediaThreadDied."""
        try:
            while True:
                await trio.lowlevel.wait_readable(self._native.fd)
                self._deliver()
        finally:
            self.close()

    def close(self) -> None:
        """Close what is open and end the threads; `run` does it when it ends.

        Takes milliseconds; with recordings on a disk that hangs, three seconds.
        """
        for room, _ in list(self._rooms.values()):
            room.close()
        for session, _ in list(self._sessions.values()):
            session.close()
        self._native.shutdown()

    def _deliver(self) -> None:
        for leg, kind, *values in self._native.reports():
            if kind == "thread_died":
                raise MediaThreadDied(values[0])
            if (known := self._sessions.get(leg) or self._rooms.get(leg)) is not None:
                known[1](_EVENTS[kind](*values))
        if self._pipes:
            for pipe, is_received, at_ms, octets in self._native.frames():
                if (on_frame := self._pipes.get(pipe)) is not None:
                    on_frame(PipeFrame(is_received, at_ms, octets))

    def _add_pipe(
        self, leg: native.Leg, name: str, shape: PipeShape, on_frame: Callable[[PipeFrame], None]
    ) -> NativePipe:
        self._last_pipe = number = self._last_pipe + 1
        opened = leg.open_pipe(
            name,
            number,
            is_linear=shape.encoding == "l16",
            rate=shape.rate,
            hears_received=shape.hears_received,
            hears_sent=shape.hears_sent,
        )
        self._pipes[number] = on_frame
        return NativePipe(opened, lambda: self._forget_pipe(number))

    def _forget_pipe(self, number: int) -> None:
        del self._pipes[number]
        if not self._pipes:
            self._native.frames()  # what is left is nobody's

    def _forget(self, leg: int) -> None:
        del self._sessions[leg]

    def _forget_room(self, room: int) -> None:
        del self._rooms[room]


class NativeMediaSession:
    """Fulfils MediaSession."""

    def __init__(
        self,
        leg: native.Leg,
        address: str,
        forget: Callable[[int], None],
        add_pipe: Callable[[native.Leg, str, PipeShape, Callable[[PipeFrame], None]], NativePipe],
        *,
        hears_tones: bool | None,
    ) -> None:
        self._leg = leg
        self._add_pipe = add_pipe
        self._pipes: list[NativePipe] = []
        self._hears_tones = hears_tones
        self._address = address
        self._forget = forget
        self._is_closed = False
        self._keys: Keys | None = None
        self._room: NativeMediaRoom | None = None

    @property
    def leg(self) -> native.Leg:
        """The leg of the data plane."""
        return self._leg

    @property
    def is_closed(self) -> bool:
        """It is over."""
        return self._is_closed

    @property
    def local(self) -> tuple[str, int]:
        """The address and RTP port that stand in our SDP."""
        return self._address, self._leg.port

    def associate(self, association: Association, *, remote: tuple[str, int] | None = None) -> None:
        """Reach the peer by ICE, and have keys by DTLS, as far as the descriptions say by now."""
        if self._is_closed:
            return
        ice, local = None, association.local
        if local is not None:
            ice = (
                _pair(local),
                _pair(association.remote) if association.remote is not None else None,
                association.is_lite,
                association.is_controlling,
                association.address,
                association.candidates,
            )
        dtls = (association.is_client, association.fingerprints) if association.fingerprints else None
        self._leg.associate(ice=ice, dtls=dtls, remote=remote)

    def update(self, stream: Stream) -> None:
        """Begin, or go on with, what was agreed."""
        if not self._is_closed:
            keys = stream.keys
            if keys != self._keys:  # first: nothing plain is to be taken for the peer's meanwhile
                self._leg.secure((keys.suite, keys.local, keys.remote, keys.remote_mki) if keys is not None else None)
                self._keys = keys
            self._leg.update(
                remote=stream.remote,
                signalled_from=stream.signalled_from,
                codec=stream.codec,
                clock_rate=stream.clock_rate,
                opus=(stream.bitrate, stream.has_fec, stream.has_dtx),
                event_rate=stream.event_rate,
                comfort_noise=stream.comfort_noise,
                payload_type=stream.payload_type,
                ptime_ms=stream.ptime_ms,
                telephone_event=stream.telephone_event,
                hears_tones=stream.hears_tones if self._hears_tones is None else self._hears_tones,
                is_muxed=stream.is_muxed,
                may_send=stream.direction in _SENDS,
                may_receive=stream.direction in _RECEIVES,
            )

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
        """Play sources one after another. If one cannot be read at all, the playback fails before it is heard."""
        if not self._is_closed:
            given = [_native_source(source) for source in sources]
            self._leg.play(playback, given, repeat=repeat, gain_db=gain_db, offset_ms=offset_ms, fades_ms=fades_ms)

    def stop(self, name: str) -> None:
        """Stop the playback, recording or sending of that name."""
        if not self._is_closed:
            self._leg.stop(name)

    def record(self, recording: str, path: Path, *, max_ms: int, silence_ms: int = 0, is_trimmed: bool = False) -> None:
        """Record what is received."""
        if not self._is_closed:
            self._leg.record(recording, path, max_ms=max_ms, silence_ms=silence_ms, is_trimmed=is_trimmed)

    def record_both(self, recording: str, path: Path, *, stereo: bool = False, max_ms: int) -> None:
        """Record what is received and what is sent."""
        if not self._is_closed:
            self._leg.record_both(recording, path, is_stereo=stereo, max_ms=max_ms)

    def control(
        self, name: str, *, is_paused: bool | None = None, seek_ms: int | None = None, gain_db: float | None = None
    ) -> None:
        """Change the playback or recording of that name while it runs."""
        if not self._is_closed:
            self._leg.control(name, is_paused=is_paused, seek_ms=seek_ms, gain_db=gain_db)

    def mute(self, *, incoming: bool, outgoing: bool) -> None:
        """Set which way is silent."""
        if not self._is_closed:
            self._leg.mute(incoming=incoming, outgoing=outgoing)

    def echo(self, *, is_on: bool, delay_ms: int = 0) -> None:
        """Send back what is received, so much later."""
        if not self._is_closed:
            self._leg.echo(delay_ms=delay_ms if is_on else None)

    def send_digits(
        self, sending: str, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, is_inband: bool | None = None
    ) -> None:
        """Send digits by RFC 4733. Raises ValueError for what is none."""
        if not self._is_closed:
            self._leg.send_digits(sending, digits, duration_ms=duration_ms, gap_ms=gap_ms, is_inband=is_inband)

    def relay(self, other: MediaSession) -> None:
        """Each hears the other from now on."""
        assert isinstance(other, NativeMediaSession), f"expected a session of this engine, got {other!r}"
        if not self._is_closed and not other._is_closed and other is not self:
            self._leg.relay(other._leg)
            self._room = other._room = None

    def unrelay(self) -> None:
        """End the relay, for both."""
        if not self._is_closed:
            self._leg.unrelay()

    def enter(self, room: NativeMediaRoom) -> None:
        """It is in that room from now on."""
        self._room = room

    def leave(self, room: NativeMediaRoom) -> None:
        """Be in no room any more, if it is in that one."""
        if self._room is room and not self._is_closed:
            self._room = None
            self._leg.leave_room()

    def watch_audio(self, *, is_on: bool) -> None:
        """Report `AudioHeard` from now on, or no more."""
        if not self._is_closed:
            self._leg.watch_audio(is_on=is_on)

    def detect(self, *, level_dbov: float | None) -> None:
        """Report `SoundDetected` from now on, or no more."""
        if not self._is_closed:
            self._leg.detect(level_dbov=level_dbov)

    def open_pipe(self, pipe: str, shape: PipeShape, on_frame: Callable[[PipeFrame], None]) -> MediaPipe:
        """Let a program outside hear, and speak. Raises ValueError for a rate that there is none of."""
        opened = self._add_pipe(self._leg, pipe, shape, on_frame)
        if self._is_closed:
            opened.close()
        self._pipes = [*(other for other in self._pipes if not other.is_closed), opened]
        return opened

    def statistics(self) -> Statistics:
        """The leg's figures now; after `close`, the last ones."""
        return _statistics(self._leg.statistics())

    def look(self) -> tuple[Statistics, Statistics] | None:
        """The figures at the look before, and now. None: what came since sounds as it did."""
        if (looked := self._leg.look()) is None:
            return None
        before, now = looked
        return _statistics(before), _statistics(now)

    def close(self) -> None:
        """Send RTCP BYE and give the ports back. Running recordings are closed properly, without an event."""
        if not self._is_closed:
            self._is_closed = True
            for pipe in self._pipes:
                pipe.close()
            self._leg.close()
            self._forget(self._leg.id)


class NativeMediaRoom:
    """Fulfils MediaRoom."""

    def __init__(self, room: native.Room, forget: Callable[[int], None]) -> None:
        self._room = room
        self._forget = forget
        self._is_closed = False

    def add(self, session: MediaSession, membership: Membership) -> None:
        """Let a session take part, or take part in another way."""
        to = membership.speaks_to
        assert isinstance(session, NativeMediaSession), f"expected a session of this engine, got {session!r}"
        assert to is None or isinstance(to, NativeMediaSession), f"expected a session of this engine, got {to!r}"
        if self._is_closed or session.is_closed:
            return
        session.enter(self)
        self._room.add(
            session.leg,
            gain_db=membership.gain_db,
            is_muted=membership.is_muted,
            is_deaf=membership.is_deaf,
            speaks_to=to.leg if to is not None else None,
            is_tapped=membership.is_tapped,
        )

    def remove(self, session: MediaSession) -> None:
        """Let it take part no more."""
        assert isinstance(session, NativeMediaSession), f"expected a session of this engine, got {session!r}"
        if not self._is_closed:
            session.leave(self)

    def play(self, playback: str, sources: Sequence[Source], *, repeat: int = 1, gain_db: float = 0.0) -> None:
        """Play to all."""
        if not self._is_closed:
            given = [_native_source(source) for source in sources]
            self._room.play(playback, given, repeat=repeat, gain_db=gain_db, offset_ms=0, fades_ms=(0, 0))

    def record(self, recording: str, path: Path, *, max_ms: int) -> None:
        """Record all that is said, and played to all."""
        if not self._is_closed:
            self._room.record(recording, path, max_ms=max_ms)

    def pause(self, name: str, *, is_paused: bool) -> None:
        """Let the playback or recording of that name wait, or go on."""
        if not self._is_closed:
            self._room.control(name, is_paused=is_paused)

    def stop(self, name: str) -> None:
        """Stop the playback or recording of that name."""
        if not self._is_closed:
            self._room.stop(name)

    def close(self) -> None:
        """End it; its members stay, alone."""
        if not self._is_closed:
            self._is_closed = True
            self._room.close()
            self._forget(self._room.id)


def _pair(credentials: IceCredentials) -> tuple[str, str]:
    return credentials.ufrag, credentials.password


def _statistics(figures: native.Figures) -> Statistics:
    rtp, rtcp, (late, depth, deepest, delayed), (forged, replayed) = figures
    return Statistics(
        *rtp, *rtcp, packets_late=late, playout_ms=depth, deepest_playout_ms=deepest, packets_delayed=delayed,
        packets_forged=forged, packets_replayed=replayed,
    )  # fmt: skip


def _native_source(source: Source) -> native.Source:
    match source:
        case FileSource(path, suffix=suffix):
            return native.Source.file(path, suffix)
        case ToneSource(frequencies, cadence_ms, duration_ms, level_dbm0):
            return native.Source.tone(frequencies, cadence_ms, duration_ms, level_dbm0)
        case SilenceSource(duration_ms):
            return native.Source.silence(duration_ms)
