"""What waits in a UDP socket to be read, and what the kernel dropped because it was full.

Asked of the kernel ten times a second (`SO_MEMINFO`, linux/sock_diag.h), not with each datagram.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

_SO_MEMINFO = 55  # asm-generic/socket.h; the socket module has no name for it
_MEMINFO = Struct("@9I")  # SK_MEMINFO_RMEM_ALLOC, RCVBUF, ..., DROPS
_WRAPS_AT = 1 << 32


class Backlog(NamedTuple):
    """Of one socket, or of the worst of several."""

    seconds: float = 0.0  # since it was last seen empty; 0: it was, when it was last read
    share: float = 0.0  # of its room
    dropped: int = 0  # datagrams since it was opened
    room: int = 0  # octets that the kernel granted, as it counts them: several hundred for itself with each datagram


class Drops:
    """How many datagrams a socket has lost since it was opened: the kernel counts them in 32 bits."""

    def __init__(self) -> None:
        self.total = 0
        self._seen = 0

    def note(self, counted: int) -> int:
        """The kernel's count now; the sum."""
        self.total += (counted - self._seen) % _WRAPS_AT
        self._seen = counted
        return self.total


def measure(sock: socket.socket, drops: Drops, *, seconds: float) -> Backlog:
    """What the kernel says of a socket; of one that is closed, or elsewhere than on Linux, what was known before."""
    try:
        told = _MEMINFO.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
    except OSError:
        return Backlog(dropped=drops.total)
    waiting, room = told[0], told[1]
    return Backlog(seconds, waiting / max(room, 1), drops.note(told[8]), room)


def worst(backlogs: Iterable[Backlog]) -> Backlog:
    """Of several sockets together: the longest and fullest, all that was dropped, the least room."""
    all_of_them = list(backlogs)
    if not all_of_them:
        return Backlog()
    seconds, shares, dropped, rooms = zip(*all_of_them, strict=True)
    return Backlog(max(seconds), max(shares), sum(dropped), min(rooms))
