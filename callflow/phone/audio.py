"""The audio of one phone call: what was negotiated (RFC 3264), the session that carries it, and whether it is heard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from engine.media.agreement import stream_of
from engine.media.session import (
    AudioHeard,
    MediaEngine,
    MediaEvent,
    MediaSession,
    RecordingFinished,
    Source,
    Statistics,
)
from engine.sdp.codec import NARROW
from engine.sdp.negotiation import Direction as OfferedDirection
from engine.sdp.negotiation import Negotiation, NotAcceptable
from engine.sdp.security import Policy
from engine.sip.messages import ParseError

MAX_RECORDING_MS = 24 * 3600 * 1000
_RECORDING, _PLAYBACK, _DIGITS = "heard", "said", "pressed"


class Audio:
    """A media session with its negotiation. Raises PortsExhausted when made."""

    def __init__(
        self,
        media: MediaEngine,
        *,
        session_id: int,
        codecs: Sequence[str] = NARROW,
        srtp: Policy = "off",
        new_key: Callable[[int], bytes] | None = None,
        clock: Callable[[], float],
        on_event: Callable[[MediaEvent], None],
    ) -> None:
        self._clock, self._on_event = clock, on_event
        self._session = media.open(self._take)
        self._session.watch_audio(is_on=True)
        self._negotiation = Negotiation(
            local=self._session.local, codecs=codecs, session_id=session_id, srtp=srtp, new_key=new_key
        )
        self._received = b""  # the far end's last answer
        self._has_offer = self._is_closing = False
        self.is_recording = False
        self.is_sounding = False
        self.changed_at = clock()  # when the sound last began or ended

    @property
    def session(self) -> MediaSession:
        """What carries it."""
        return self._session

    @property
    def is_agreed(self) -> bool:
        """There is something in common."""
        return self._negotiation.agreed is not None

    @property
    def is_held(self) -> bool:
        """The far end put us on hold."""
        return self._negotiation.agreed is not None and self._negotiation.agreed.is_held_by_peer

    @property
    def encryption(self) -> str:
        """How media is encrypted: `none`, or `srtp` and the crypto-suite."""
        return self._negotiation.encryption

    @property
    def codec(self) -> str:
        """What is spoken; nothing if that is not agreed."""
        return self._negotiation.agreed.codec if self._negotiation.agreed is not None else ""

    @property
    def statistics(self) -> Statistics:
        """What was sent and received."""
        return self._session.statistics()

    def offer(self, *, is_hold: bool = False) -> bytes:
        """Our offer; of a hold we send, but do not listen (RFC 3264 §8.4)."""
        return self._negotiation.create_offer(OfferedDirection.SENDONLY if is_hold else OfferedDirection.SENDRECV)

    def answer(self) -> bytes:
        """Our answer to the far end's offer, or our offer where it made none."""
        if not self._has_offer:
            return self.offer()
        self._has_offer = False
        body = self._negotiation.create_answer()
        self._update()
        return body

    def receive_offer(self, body: bytes) -> int:
        """0, or the status that refuses this offer."""
        if not body:
            return 0
        try:
            self._negotiation.receive_offer(body)
        except ParseError:
            return 400
        except NotAcceptable:
            return 488
        self._has_offer = True
        return 0

    def receive_answer(self, body: bytes) -> bool:
        """The far end's answer; a 200 repeats that of a 183. False if nothing is in common."""
        if body and body != self._received:
            try:
                self._negotiation.receive_answer(body)
            except (ParseError, NotAcceptable):
                return self.is_agreed
            self._received = body
            self._update()
        return self.is_agreed

    def press(self, digits: str, *, duration_ms: int, gap_ms: int, is_inband: bool | None = None) -> None:
        """Send keys by RFC 4733, or in band; None: as was agreed."""
        self._session.send_digits(_DIGITS, digits, duration_ms=duration_ms, gap_ms=gap_ms, is_inband=is_inband)

    def play(self, *sources: Source, repeat: int = 1) -> None:
        """Say something, in place of what was said until now."""
        self._session.play(_PLAYBACK, sources, repeat=repeat)

    def record(self, path: Path) -> None:
        """Record what is heard, until the end."""
        self.is_recording = True
        self._session.record(_RECORDING, path, max_ms=MAX_RECORDING_MS)

    def close(self) -> None:
        """Give the ports back, as soon as the recording is written."""
        self.is_sounding = False
        if self.is_recording:
            self._is_closing = True
            self._session.stop(_RECORDING)
        else:
            self._session.close()

    def _take(self, event: MediaEvent) -> None:
        if isinstance(event, AudioHeard):
            self.is_sounding, self.changed_at = event.is_sound, self._clock()
        elif isinstance(event, RecordingFinished):
            self.is_recording = False
            if self._is_closing:
                self._session.close()
        self._on_event(event)

    def _update(self) -> None:
        agreed = self._negotiation.agreed
        if agreed is None:
            return
        self._session.update(stream_of(agreed))
