"""Who sends on a stream (RFC 3264 §5.1), seen from the one whose description says it."""

from __future__ import annotations

import enum


class Direction(enum.Enum):
    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)

    @property
    def mirrored(self) -> Direction:
        """The same stream, seen from the other end."""
        return _direction(sends=self.receives, receives=self.sends)

    def limited_to(self, allowed: Direction) -> Direction:
        """What is left of this direction where only `allowed` is possible."""
        return _direction(sends=self.sends and allowed.sends, receives=self.receives and allowed.receives)


def _direction(*, sends: bool, receives: bool) -> Direction:
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE
