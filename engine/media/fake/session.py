"""A leg's audio by interval: what it sends is settled anew at each change, and carried only when it differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from engine.sdp.association import Association

from ..session import (
    DigitEnded,
    DigitStarted,
    Direction,
    MediaEvent,
    MediaSession,
    PipeFrame,
    PipeShape,
    Source,
    Statistics,
    Stream,
)
from .association import FakeAssociation
from .chorus import Sound
from .digits import DigitSender, Sending
from .echo import Echo
from .hearing import Hearing
from .mouth import Mouth
from .network import FakeMediaNetwork
from .pipe import FakePipe
from .playback import Player, Playing
from .protection import Protection
from .recording import Recorder, Sides
from .timeline import Timeline
from .traffic import Traffic
from .voice import Address, Heard
from .watch import AudioWatch

if TYPE_CHECKING:
    from .room import FakeMediaRoom

_SENDS = (Direction.SENDRECV, Direction.SENDONLY)
_MAX_HOPS = 16  # relays that pass a digit on: sessions that send to each other in a ring must not do so for ever
_RECEIVES = (Direction.SENDRECV, Direction.RECVONLY)


class FakeMediaSession:
    """Fulfils MediaSession; besides, `heard` tells tests what came in, and `changed` when something else does."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        local: Address,
        post: Callable[[MediaEvent], None],
        release: Callable[[FakeMediaSession], None],
        fingerprint: str,
    ) -> None:
        self._network = network
        self._local = local
        self._post = post
        self._release = release
        self._is_closed = False
        self._stream: Stream | None = None
        self._latched: Address | None = None
        self._arriving: dict[Address, Sound] = {}
        self._input: Sound | None = None
        self._output: tuple[Address, Sound] | None = None
        self._relayed: FakeMediaSession | None = None
        self._room: FakeMediaRoom | None = None
        self._is_watched = False
        self._mutes_incoming = self._mutes_outgoing = False
        self._digit_down: tuple[str, float] | None = None
        self._protection = Protection()
        self._timeline = Timeline()
        self._sent = Timeline()
        self._traffic = Traffic(network)
        self._player = Player(network, local, post, self._settle_output)
        self._recorder = Recorder(network, self._timeline, self._sent, post)
        self._digits = DigitSender(network, self, post)
        self._watch = AudioWatch(network, post)
        self._looked = Statistics()
        self._hearing = Hearing(network, post)
        self._echo = Echo(network, self._settle_output)
        self._pipes: list[FakePipe] = []
        self._association = FakeAssociation(network, local, fingerprint, post, self._begin)
        self._changed = trio.Event()
        network.attach(local, self)

    @property
    def heard(self) -> list[Heard]:
        """What came in so far, piece by piece, in order."""
        self._network.advance()
        return self._timeline.heard(self._network.now)

    @property
    def hearing(self) -> Sound | None:
        """What comes in now."""
        self._network.advance()
        return self._input

    def foretell(self, until: float) -> list[Heard]:
        """What will have been heard by then, if nothing changes."""
        self._network.advance()
        return self._timeline.heard(until)

    @property
    def changed(self) -> trio.Event:
        """Is set as soon as another voice, or a digit, comes in."""
        return self._changed

    @property
    def local(self) -> Address:
        """The address and RTP port that stand in our SDP."""
        return self._local

    def associate(self, association: Association, *, remote: tuple[str, int] | None = None) -> None:
        """Reach the peer, and have keys: where both sides fit, that is done after three ways through the network."""
        if self._is_open():
            self._association.update(association, remote=remote)

    def update(self, stream: Stream) -> None:
        """Begin, or go on with, what was agreed."""
        if not self._is_open():
            return
        if self._stream is not None and self._stream.remote != stream.remote:
            self._latched = None
        self._stream = stream
        self._network.protect(self._local, stream.keys.local if stream.keys is not None else None)
        self._protection.agree(stream.keys)
        self._traffic.agree(stream)
        self._latch()
        self._begin()

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
        """Play sources one after another. How loud it is while it fades is not told from how loud it is then."""
        if self._is_open():
            program = Playing(sources, repeat, gain_db, offset_ms, fade_out_ms=fades_ms[1])
            self._player.play(playback, program)
            self._settle_output()

    def stop(self, name: str) -> None:
        """Stop the playback, recording or sending of that name."""
        if self._is_open():
            self._player.stop(name)
            self._recorder.stop(name)
            self._digits.stop(name)
            self._settle_output()

    def record(self, recording: str, path: Path, *, max_ms: int, silence_ms: int = 0, is_trimmed: bool = False) -> None:
        """Record what is received; the file is drawn when the recording ends."""
        if self._is_open():
            self._recorder.start(
                recording, path, self._input, max_ms=max_ms, silence_ms=silence_ms, is_trimmed=is_trimmed
            )

    def record_both(self, recording: str, path: Path, *, stereo: bool = False, max_ms: int) -> None:
        """Record what is received and what is sent."""
        if self._is_open():
            sides = Sides.STEREO if stereo else Sides.MIXED
            self._recorder.start(recording, path, self._input, max_ms=max_ms, silence_ms=0, sides=sides)

    def control(
        self, name: str, *, is_paused: bool | None = None, seek_ms: int | None = None, gain_db: float | None = None
    ) -> None:
        """Change the playback or recording of that name while it runs."""
        if self._is_open():
            self._player.control(name, is_paused=is_paused, seek_ms=seek_ms, gain_db=gain_db)
            if is_paused is not None:
                self._recorder.pause(name, self._input, is_paused=is_paused)
            self._settle_output()

    def mute(self, *, incoming: bool, outgoing: bool) -> None:
        """Set which way is silent. Silence is nothing that arrives: it leaves no trace in what is heard."""
        if self._is_open():
            self._mutes_incoming, self._mutes_outgoing = incoming, outgoing
            self._settle_input()
            self._settle_output()

    def echo(self, *, is_on: bool, delay_ms: int = 0) -> None:
        """Send back what is received, so much later; in a room it is not done."""
        if self._is_open() and self._room is None:
            self._echo.switch(self._input, delay_ms=delay_ms if is_on else None)
            self._settle_output()

    def send_digits(
        self, sending: str, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, is_inband: bool | None = None
    ) -> None:
        """Send digits by RFC 4733, or in band."""
        if self._is_open():
            has_events = self._stream is not None and self._stream.telephone_event is not None
            goes_inband = not has_events if is_inband is None else is_inband
            can_send = has_events or goes_inband
            self._digits.send(Sending(sending, digits if can_send else "", duration_ms, gap_ms, goes_inband))

    def relay(self, other: MediaSession) -> None:
        """Each hears the other from now on."""
        assert isinstance(other, FakeMediaSession), f"expected a session of this engine, got {other!r}"
        if not self._is_open() or other._is_closed or other is self:
            return
        for each in (self, other):
            each._part()
            each._leave()
        self._relayed, other._relayed = other, self
        self._settle_output()
        other._settle_output()

    def unrelay(self) -> None:
        """End the relay, for both."""
        if self._is_open():
            self._part()

    def watch_audio(self, *, is_on: bool) -> None:
        """Report `AudioHeard` from now on, or no more."""
        if self._is_open():
            self._is_watched = is_on
            self._watch.switch(self._input, is_on=is_on or self._room is not None)

    def detect(self, *, level_dbov: float | None) -> None:
        """Report `SoundDetected` from now on, or no more."""
        if self._is_open():
            self._hearing.switch(self._input, level_dbov=level_dbov)

    def open_pipe(self, pipe: str, shape: PipeShape, on_frame: Callable[[PipeFrame], None]) -> FakePipe:
        """Let a program outside hear, and speak."""
        mouth = Mouth(self._network, pipe, self._local, self._post, self._settle_output)
        opened = FakePipe(self._network, shape, mouth, (self._timeline, self._sent), on_frame)
        if self._is_open():
            self._pipes = [*(other for other in self._pipes if not other.is_closed), opened]
        else:
            opened.close()
        return opened

    def statistics(self) -> Statistics:
        """The leg's figures now; after `close`, the last ones."""
        self._network.advance()
        return self._traffic.statistics(self._peer())

    def look(self) -> tuple[Statistics, Statistics] | None:
        """The figures at the look before, and now."""
        before, self._looked = self._looked, self.statistics()
        return before, self._looked

    def close(self) -> None:
        """Give the ports back. Running recordings are closed properly, without an event."""
        if not self._is_open():
            return
        self._association.close()
        self._digits.close()
        self._player.close()
        for pipe in self._pipes:
            pipe.close()
        self._recorder.close()
        self._leave()
        self._watch.switch(None, is_on=False)
        self._hearing.switch(None, level_dbov=None)
        self._part()
        self._echo.switch(None, delay_ms=None)
        self._traffic.close(self._peer())
        self._stream = None
        self._settle_input()
        self._settle_output()
        self._is_closed = True
        self._network.detach(self._local)
        self._release(self)

    @property
    def is_closed(self) -> bool:
        """It is over."""
        return self._is_closed

    @property
    def input(self) -> Sound | None:
        """What comes in now, as its room hears it."""
        return self._input

    def enter(self, room: FakeMediaRoom, *, is_tapped: bool) -> None:
        """It is in that room from now on."""
        if self._room is room:
            return
        self._leave()
        if not is_tapped:
            self._part()
        self._room = room
        self._echo.switch(None, delay_ms=None)
        self._watch.switch(self._input, is_on=True)

    def leave(self, room: FakeMediaRoom) -> None:
        """It is in that room no more."""
        self._room = None
        self._watch.switch(self._input, is_on=self._is_watched)
        self.settle_output()

    def settle_output(self) -> None:
        """What it is to send may be another thing now."""
        if not self._is_closed:
            self._settle_output()

    def receive_voice(self, sender: Address, voice: Sound | None) -> None:
        """The network brings another voice from there."""
        if voice is None:
            self._arriving.pop(sender, None)
        else:
            self._arriving[sender] = voice
        self._latch()
        self._settle_input()
        self._settle_output()

    def receive_digit_start(self, sender: Address, digit: str, *, hops: int, is_inband: bool) -> None:
        """The network brings a key that went down."""
        if not self._takes_digits_from(sender, is_inband=is_inband):
            if is_inband and self._relayed is not None and hops < _MAX_HOPS:
                self._relayed.send_digit_start(digit, hops=hops + 1, is_inband=True)
            return
        if self._digit_down is not None:
            before, since = self._digit_down
            duration_ms = round((self._network.now - since) * 1000)
            self.receive_digit_end(sender, before, duration_ms, hops=hops, is_inband=is_inband)
        self._digit_down = (digit, self._network.now)
        self._post(DigitStarted(digit))
        if self._relayed is not None and hops < _MAX_HOPS:
            self._relayed.send_digit_start(digit, hops=hops + 1, is_inband=is_inband)

    def receive_digit_end(self, sender: Address, digit: str, duration_ms: int, *, hops: int, is_inband: bool) -> None:
        """The network brings a key that came up."""
        if not self._takes_digits_from(sender, is_inband=is_inband):
            if is_inband and self._relayed is not None and hops < _MAX_HOPS:
                self._relayed.send_digit_end(digit, duration_ms, hops=hops + 1, is_inband=True)
            return
        if self._digit_down is None:  # only its end packets came through
            self.receive_digit_start(sender, digit, hops=hops, is_inband=is_inband)
        elif self._digit_down[0] != digit:
            return
        now, self._digit_down = self._network.now, None
        self._timeline.add_digit(digit, origin=sender, started_at=now - duration_ms / 1000, ended_at=now)
        self._traffic.receive_digit(duration_ms)
        self._post(DigitEnded(digit, duration_ms))
        self._report_change()
        if self._relayed is not None and hops < _MAX_HOPS:
            self._relayed.send_digit_end(digit, duration_ms, hops=hops + 1, is_inband=is_inband)

    def packets_lost(self) -> int:
        """What its RTCP reports say."""
        return self._traffic.packets_lost

    def send_digit_start(self, digit: str, *, hops: int = 0, is_inband: bool = False) -> None:
        """A key goes down: one of our own, or one of the leg that we relay."""
        if (to := self._digits_go_to(is_inband=is_inband)) is not None:
            self._network.carry_digit_start(self._local, to, digit, hops=hops, is_inband=is_inband)

    def send_digit_end(self, digit: str, duration_ms: int, *, hops: int = 0, is_inband: bool = False) -> None:
        """A key comes up."""
        if (to := self._digits_go_to(is_inband=is_inband)) is not None:
            self._traffic.send_digit(duration_ms)
            self._network.carry_digit_end(self._local, to, digit, duration_ms, hops=hops, is_inband=is_inband)

    def _begin(self) -> None:
        """It is agreed on how, and the keys are there if there are to be any."""
        if self._stream is None or not self._association.is_open:
            return
        self._player.begin()
        self._settle_input()
        self._settle_output()

    def _is_open(self) -> bool:
        self._network.advance()
        return not self._is_closed

    def _peer(self) -> Address | None:
        if self._stream is None or not self._association.is_open:
            return None
        return self._association.peer or self._stream.remote or self._latched

    def _latch(self) -> None:
        """Without an address from the SDP, the first who sends is the peer."""
        if self._latched is None and self._stream is not None and self._stream.remote is None:
            self._latched = next((sender for sender in self._arriving if self._opens(sender)), None)

    def _opens(self, sender: Address) -> bool:
        """Is what comes from there protected as was agreed?"""
        return self._protection.opens(self._network.key_of(sender))

    def _settle_input(self) -> None:
        peer = self._peer()
        arriving = self._arriving.get(peer) if peer is not None else None
        is_forged = peer is not None and arriving is not None and not self._opens(peer)
        self._traffic.reject(is_on=is_forged)
        if is_forged:
            arriving = None
        self._traffic.receive(is_on=arriving is not None)
        is_heard = self._stream is not None and self._stream.direction in _RECEIVES and not self._mutes_incoming
        voice = arriving if is_heard else None
        if voice == self._input:
            return
        self._input = voice
        self._timeline.change(voice, now=self._network.now)
        self._recorder.change(voice)
        self._watch.change(voice)
        self._hearing.change(voice)
        self._echo.change(voice)
        self._report_change()
        (self._relayed or self)._settle_output()
        if self._room is not None:
            self._room.settle()

    def _settle_output(self) -> None:
        output = self._choose_output()
        self._player.settled(output[1] if output is not None else None)
        speaker = self._speaker if self._may_speak() else None
        for pipe in self._pipes:
            pipe.mouth.settled(is_on=pipe.mouth is speaker)
        if speaker is not None:  # only now it is known since when it speaks
            output = self._choose_output()
        if output == self._output:
            return
        before, self._output = self._output, output
        self._sent.change(output[1] if output is not None else None, now=self._network.now)
        self._traffic.send(is_on=output is not None)
        if before is not None and (output is None or output[0] != before[0]):
            self._network.carry_voice(self._local, before[0], None)
        if output is not None:
            self._network.carry_voice(self._local, *output)

    def _choose_output(self) -> tuple[Address, Sound] | None:
        peer = self._peer()
        if peer is None or self._stream is None or self._stream.direction not in _SENDS:
            return None
        if self._player.is_busy:
            voice: Sound | None = self._player.voice
        else:
            speaker = self._speaker
            voice = speaker.voice if speaker is not None else self._voice_of_others()
        return (peer, voice) if voice is not None else None

    @property
    def _speaker(self) -> Mouth | None:
        """Whose word it is of those who speak through pipes."""
        return next((pipe.mouth for pipe in self._pipes if pipe.mouth.is_open), None)

    def _may_speak(self) -> bool:
        stream = self._stream
        can_send = self._peer() is not None and stream is not None and stream.direction in _SENDS
        return can_send and not self._player.is_busy

    def _voice_of_others(self) -> Sound | None:
        if self._mutes_outgoing:
            return None
        if self._room is not None and self._room.feeds(self):
            return self._room.sound_for(self)
        if self._relayed is not None:
            return self._relayed._input
        return self._echo.voice

    def _part(self) -> None:
        other, self._relayed = self._relayed, None
        if other is not None:
            other._relayed = None
            other._settle_output()
            self._settle_output()

    def _leave(self) -> None:
        if self._room is not None:
            self._room.remove(self)

    def _takes_digits_from(self, sender: Address, *, is_inband: bool) -> bool:
        stream = self._stream
        return (
            stream is not None
            and (stream.hears_tones if is_inband else stream.telephone_event is not None)
            and stream.direction in _RECEIVES
            and sender == self._peer()
            and self._opens(sender)
        )

    def _digits_go_to(self, *, is_inband: bool) -> Address | None:
        stream = self._stream
        if stream is None or stream.direction not in _SENDS:
            return None
        return self._peer() if is_inband or stream.telephone_event is not None else None

    def _report_change(self) -> None:
        self._changed.set()
        self._changed = trio.Event()
