"""A room by interval: what each member hears is the voices of the others, settled anew at each change."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ..session import MediaEvent, MediaSession, Membership, Source
from .chorus import Sound, sound_of
from .network import FakeMediaNetwork
from .playback import Player, Playing
from .recording import Recorder
from .session import FakeMediaSession
from .timeline import Timeline
from .voice import Address, Voice


class FakeMediaRoom:
    """Fulfils MediaRoom. `address` stands as the origin of what is played to all."""

    def __init__(
        self,
        network: FakeMediaNetwork,
        address: Address,
        post: Callable[[MediaEvent], None],
        release: Callable[[FakeMediaRoom], None],
    ) -> None:
        self._network = network
        self._release = release
        self._is_closed = False
        self._members: dict[FakeMediaSession, Membership] = {}
        self._timeline = Timeline()
        self._player = Player(network, address, post, self.settle)
        self._player.begin()  # nothing needs to be agreed on
        self._recorder = Recorder(network, self._timeline, Timeline(), post)
        self._sum: Sound | None = None

    def add(self, session: MediaSession, membership: Membership) -> None:
        """Let a session take part, or take part in another way."""
        member = _expect_fake(session)
        self._network.advance()
        if self._is_closed or member.is_closed:
            return
        self._members[member] = membership
        member.enter(self, is_tapped=membership.is_tapped)
        self.settle()

    def remove(self, session: MediaSession) -> None:
        """Let it take part no more."""
        member = _expect_fake(session)
        self._network.advance()
        if self._members.pop(member, None) is not None:
            member.leave(self)
            self.settle()

    def play(self, playback: str, sources: Sequence[Source], *, repeat: int = 1, gain_db: float = 0.0) -> None:
        """Play to all."""
        self._network.advance()
        if not self._is_closed:
            self._player.play(playback, Playing(sources, repeat, gain_db))
            self.settle()

    def record(self, recording: str, path: Path, *, max_ms: int) -> None:
        """Record all that is said, and played to all."""
        self._network.advance()
        if not self._is_closed:
            self._recorder.start(recording, path, self._sum, max_ms=max_ms, silence_ms=0)

    def pause(self, name: str, *, is_paused: bool) -> None:
        """Let the playback or recording of that name wait, or go on."""
        self._network.advance()
        if not self._is_closed:
            self._player.control(name, is_paused=is_paused, seek_ms=None, gain_db=None)
            self._recorder.pause(name, self._sum, is_paused=is_paused)
            self.settle()

    def stop(self, name: str) -> None:
        """Stop the playback or recording of that name."""
        self._network.advance()
        if not self._is_closed:
            self._player.stop(name)
            self._recorder.stop(name)
            self.settle()

    def close(self) -> None:
        """End it; its members stay, alone."""
        self._network.advance()
        if self._is_closed:
            return
        self._is_closed = True
        self._player.close()
        self._recorder.close()
        members, self._members = self._members, {}
        for member in members:
            member.leave(self)
        self._release(self)

    def feeds(self, session: FakeMediaSession) -> bool:
        """Does the room say what this member hears? Its relay does else."""
        membership = self._members.get(session)
        return membership is not None and not (membership.is_deaf and membership.is_tapped)

    def sound_for(self, session: FakeMediaSession) -> Sound | None:
        """What this member hears."""
        if self._members[session].is_deaf:
            return None
        said = (
            voice
            for other, membership in self._members.items()
            if other is not session and membership.speaks_to in (None, session)
            for voice in _said(other, membership)
        )
        return sound_of([*said, *self._played()])

    def settle(self) -> None:
        """Something is different: let each hear what it is to hear."""
        said = (
            voice
            for member, membership in self._members.items()
            if membership.speaks_to is None
            for voice in _said(member, membership)
        )
        self._note(sound_of([*said, *self._played()]))
        for member in tuple(self._members):
            if member in self._members:
                member.settle_output()

    def _note(self, sound: Sound | None) -> None:
        played = self._player.voice
        self._player.settled(played)
        if sound != self._sum:
            self._sum = sound
            self._timeline.change(sound, now=self._network.now)
            self._recorder.change(sound)

    def _played(self) -> Iterable[Voice]:
        return () if self._player.voice is None else (self._player.voice,)


def _said(member: FakeMediaSession, membership: Membership) -> Iterable[Voice]:
    """What others hear of it."""
    if membership.is_muted or member.input is None:
        return ()
    if not membership.gain_db:
        return member.input.voices
    return tuple(_louder(voice, membership.gain_db) for voice in member.input.voices)


def _louder(voice: Voice, gain_db: float) -> Voice:
    return replace(voice, program=replace(voice.program, gain_db=voice.program.gain_db + gain_db))


def _expect_fake(session: MediaSession) -> FakeMediaSession:
    assert isinstance(session, FakeMediaSession), f"expected a session of this engine, got {session!r}"
    return session
