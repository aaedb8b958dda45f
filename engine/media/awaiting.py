"""Media whose plays wait for files that are still on their way, whatever engine plays them in the end.

A `play` of which a file is awaited is held back: what ran before it sounds on meanwhile, so that nobody hears nothing.
When all its files are there it is handed on; when one will not come it ends as `failed`, and the error names it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

import trio

from engine.sdp.association import Association

from .pipe import MediaPipe, PipeFrame, PipeShape
from .session import (
    FileSource,
    MediaEngine,
    MediaEvent,
    MediaRoom,
    MediaSession,
    Membership,
    PlaybackFinished,
    Source,
    Statistics,
    Stream,
)


class AwaitedFiles(Protocol):
    """Who knows which files are on their way: `engine.eventsocket.prompts.Prompts`."""

    def wait(self, path: Path, then: Callable[[str | None], None]) -> bool:
        """Is the file on its way? If so, `then` is called once: with None when it is there, or with what went wrong."""
        ...


class AnyFiles:
    """What is on its way by one of several."""

    def __init__(self, files: Sequence[AwaitedFiles]) -> None:
        self._files = files

    def wait(self, path: Path, then: Callable[[str | None], None]) -> bool:
        """See AwaitedFiles."""
        return any(files.wait(path, then) for files in self._files)


class AwaitingMedia:
    """A media engine around another."""

    def __init__(self, media: MediaEngine, files: AwaitedFiles) -> None:
        self._media = media
        self._files = files

    @property
    def fingerprint(self) -> str:
        return self._media.fingerprint

    @property
    def gathers(self) -> bool:
        return self._media.gathers

    @property
    def open_sessions(self) -> int:
        return self._media.open_sessions

    @property
    def open_rooms(self) -> int:
        return self._media.open_rooms

    def take_lateness(self) -> float:
        return self._media.take_lateness()

    def open(self, on_event: Callable[[MediaEvent], None]) -> MediaSession:
        """A new session on a port pair of its own. Raises PortsExhausted."""
        return AwaitingSession(self._media.open(on_event), on_event, self._files)

    def open_room(self, on_event: Callable[[MediaEvent], None], *, near: MediaSession | None = None) -> MediaRoom:
        """A new room."""
        room = self._media.open_room(on_event, near=_inner(near) if near is not None else None)
        return AwaitingRoom(room, on_event, self._files)

    async def run(self) -> None:
        await self._media.run()


class _Play(NamedTuple):
    """The arguments of a play that is held back."""

    playback: str
    sources: tuple[Source, ...]
    repeat: int
    gain_db: float
    offset_ms: int
    fades_ms: tuple[int, int] = (0, 0)


class _Plays:
    """The plays of one session or room. At most one is held back, the newest."""

    __slots__ = ("_files", "_hand_on", "_held", "_is_closed", "_missing", "_on_event")

    def __init__(
        self, hand_on: Callable[[_Play], None], on_event: Callable[[MediaEvent], None], files: AwaitedFiles
    ) -> None:
        self._hand_on = hand_on
        self._on_event = on_event
        self._files = files
        self._held: _Play | None = None
        self._missing = 0  # files that the held play waits for
        self._is_closed = False

    def play(self, play: _Play) -> None:
        """Hand it on when the files are there. A play that is held back is stopped first."""
        if self._held is not None:
            self._drop("stopped")
        paths = dict.fromkeys(source.path for source in play.sources if isinstance(source, FileSource))
        missing = sum(self._files.wait(path, lambda error: self._arrive(play, error)) for path in paths)
        if missing:
            self._held, self._missing = play, missing
        else:
            self._hand_on(play)

    def holds(self, name: str) -> bool:
        """Is the play of that name held back?"""
        return self._held is not None and self._held.playback == name

    def stop(self) -> None:
        """What is held back will not be played."""
        self._drop("stopped")

    def close(self) -> None:
        self._held, self._is_closed = None, True
        self._hand_on = self._on_event = _ignore  # both point back at who holds this

    def _arrive(self, play: _Play, error: str | None) -> None:
        if self._held is not play:
            return  # stopped, replaced, closed, or failed by another file
        self._missing -= 1
        if error is not None:
            self._drop("failed", error)
        elif not self._missing:
            self._held = None
            self._hand_on(play)

    def _drop(self, reason: str, error: str | None = None) -> None:
        play, self._held = self._held, None
        assert play is not None
        event = PlaybackFinished(play.playback, 0, "failed" if reason == "failed" else "stopped", error)
        # Like every event of a session it comes on its own, not from within the call that causes it.
        trio.lowlevel.current_trio_token().run_sync_soon(self._tell, event)

    def _tell(self, event: MediaEvent) -> None:
        if not self._is_closed:
            self._on_event(event)


class AwaitingSession:
    """A session around another."""

    __slots__ = ("_plays", "_session")

    def __init__(self, session: MediaSession, on_event: Callable[[MediaEvent], None], files: AwaitedFiles) -> None:
        self._session = session
        self._plays = _Plays(self._hand_on, on_event, files)

    @property
    def local(self) -> tuple[str, int]:
        return self._session.local

    @property
    def inner(self) -> MediaSession:
        """The session that this one is around."""
        return self._session

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
        """Play when the files are there."""
        self._plays.play(_Play(playback, tuple(sources), repeat, gain_db, offset_ms, fades_ms))

    def stop(self, name: str) -> None:
        """Stop what has that name, held back or not."""
        if self._plays.holds(name):
            self._plays.stop()
        else:
            self._session.stop(name)

    def control(
        self, name: str, *, is_paused: bool | None = None, seek_ms: int | None = None, gain_db: float | None = None
    ) -> None:
        """A play that is held back is not changed."""
        if not self._plays.holds(name):
            self._session.control(name, is_paused=is_paused, seek_ms=seek_ms, gain_db=gain_db)

    def close(self) -> None:
        self._plays.close()
        self._session.close()

    # The rest is the other session's

    def associate(self, association: Association, *, remote: tuple[str, int] | None = None) -> None:
        self._session.associate(association, remote=remote)

    def update(self, stream: Stream) -> None:
        self._session.update(stream)

    def record(self, recording: str, path: Path, *, max_ms: int, silence_ms: int = 0, is_trimmed: bool = False) -> None:
        self._session.record(recording, path, max_ms=max_ms, silence_ms=silence_ms, is_trimmed=is_trimmed)

    def record_both(self, recording: str, path: Path, *, stereo: bool = False, max_ms: int) -> None:
        self._session.record_both(recording, path, stereo=stereo, max_ms=max_ms)

    def mute(self, *, incoming: bool, outgoing: bool) -> None:
        self._session.mute(incoming=incoming, outgoing=outgoing)

    def echo(self, *, is_on: bool, delay_ms: int = 0) -> None:
        self._session.echo(is_on=is_on, delay_ms=delay_ms)

    def send_digits(
        self, sending: str, digits: str, *, duration_ms: int = 120, gap_ms: int = 80, is_inband: bool | None = None
    ) -> None:
        self._session.send_digits(sending, digits, duration_ms=duration_ms, gap_ms=gap_ms, is_inband=is_inband)

    def relay(self, other: MediaSession) -> None:
        self._session.relay(_inner(other))

    def unrelay(self) -> None:
        self._session.unrelay()

    def watch_audio(self, *, is_on: bool) -> None:
        self._session.watch_audio(is_on=is_on)

    def detect(self, *, level_dbov: float | None) -> None:
        self._session.detect(level_dbov=level_dbov)

    def open_pipe(self, pipe: str, shape: PipeShape, on_frame: Callable[[PipeFrame], None]) -> MediaPipe:
        return self._session.open_pipe(pipe, shape, on_frame)

    def statistics(self) -> Statistics:
        return self._session.statistics()

    def look(self) -> tuple[Statistics, Statistics] | None:
        """See MediaSession."""
        return self._session.look()

    def _hand_on(self, play: _Play) -> None:
        playback, sources, repeat, gain_db, offset_ms, fades_ms = play
        self._session.play(playback, sources, repeat=repeat, gain_db=gain_db, offset_ms=offset_ms, fades_ms=fades_ms)


class AwaitingRoom:
    """A room around another."""

    __slots__ = ("_plays", "_room")

    def __init__(self, room: MediaRoom, on_event: Callable[[MediaEvent], None], files: AwaitedFiles) -> None:
        self._room = room
        self._plays = _Plays(self._hand_on, on_event, files)

    def add(self, session: MediaSession, membership: Membership) -> None:
        to = membership.speaks_to
        self._room.add(_inner(session), replace(membership, speaks_to=_inner(to) if to is not None else None))

    def remove(self, session: MediaSession) -> None:
        self._room.remove(_inner(session))

    def play(self, playback: str, sources: Sequence[Source], *, repeat: int = 1, gain_db: float = 0.0) -> None:
        """Play when the files are there."""
        self._plays.play(_Play(playback, tuple(sources), repeat, gain_db, 0))

    def record(self, recording: str, path: Path, *, max_ms: int) -> None:
        self._room.record(recording, path, max_ms=max_ms)

    def pause(self, name: str, *, is_paused: bool) -> None:
        """A play that is held back is not changed."""
        if not self._plays.holds(name):
            self._room.pause(name, is_paused=is_paused)

    def stop(self, name: str) -> None:
        """Stop what has that name, held back or not."""
        if self._plays.holds(name):
            self._plays.stop()
        else:
            self._room.stop(name)

    def close(self) -> None:
        self._plays.close()
        self._room.close()

    def _hand_on(self, play: _Play) -> None:
        self._room.play(play.playback, play.sources, repeat=play.repeat, gain_db=play.gain_db)


def _ignore(_told: object) -> None:
    """Nobody is there any more."""


def _inner(session: MediaSession) -> MediaSession:
    return session.inner if isinstance(session, AwaitingSession) else session
