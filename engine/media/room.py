"""Rooms: sessions that hear each other, mixed; the other half of the contract in `session`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .session import MediaSession, Source


@dataclass(frozen=True, slots=True)
class Membership:
    """How a session takes part in a room.

    `speaks_to`: this member alone hears it. `is_tapped`: it stays in its relay, and its peer there hears it as before;
    while it is deaf it hears its peer as before, and else the room instead.
    """

    gain_db: float = 0.0  # louder or softer to the others
    is_muted: bool = False  # nobody hears it
    is_deaf: bool = False  # it does not hear the room
    speaks_to: MediaSession | None = None
    is_tapped: bool = False


class MediaRoom(Protocol):
    """Everybody hears all but itself, from `open_room` to `close`. After `close` every method is a no-op.

    A session is in one room at most. A playback of its own replaces the room for it while that lasts, and its digits
    are for nobody but us. `AudioHeard` is reported for each member, with or without `watch_audio`.
    """

    def add(self, session: MediaSession, membership: Membership) -> None:
        """Let a session take part, or take part in another way. It leaves the room it was in, and, untapped, its relay.

        A relay that begins takes both its sessions out of their rooms.
        """
        ...

    def remove(self, session: MediaSession) -> None:
        """Let it take part no more. Who is not in this room is ignored."""
        ...

    def play(self, playback: str, sources: Sequence[Source], *, repeat: int = 1, gain_db: float = 0.0) -> None:
        """Play to all, besides what they say. A playback that runs is stopped first. Reported as a session's is."""
        ...

    def record(self, recording: str, path: Path, *, max_ms: int) -> None:
        """Record all that is said and played to all, as a session's `record` does."""
        ...

    def pause(self, name: str, *, is_paused: bool) -> None:
        """Let the playback or recording of that name wait, or go on."""
        ...

    def stop(self, name: str) -> None:
        """Stop the playback or recording of that name. What does not run is ignored."""
        ...

    def close(self) -> None:
        """End it; its members stay, alone. Running recordings are closed properly, without an event."""
        ...
