"""When too much SIP waits to be read: a full socket loses what comes, without a trace in the event loop's lateness.

The event loop takes a bounded number of datagrams a turn, so that its turns stay short however many wait.
"""

from __future__ import annotations

from engine.transport.backlog import Backlog

FULL = 0.5  # of a socket's room
CALM = 0.3  # the kernel gives room back in pieces of a quarter


class Congestion:
    """Of sockets that are looked at again and again, and may have something unread for `limit` seconds; 0: any."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._dropped = 0
        self.is_overload = False

    def note(self, backlog: Backlog) -> None:
        """So it is now. What was lost is overload at once; it is over when nothing is, and little waits."""
        lost, self._dropped = backlog.dropped > self._dropped, backlog.dropped
        most, longest = (CALM, self._limit / 2) if self.is_overload else (FULL, self._limit)
        self.is_overload = self._limit > 0 and (lost or backlog.share > most or backlog.seconds > longest)
