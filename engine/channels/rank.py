"""The phones of users in the order that they prefer (RFC 3261 16.6): those of one q ring together, before those below.

The next rank rings when all of the one before it have failed. Phones that only ring give way when their share of the
time is over: what is left of it is the same for each rank that is left.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

import trio

from .spot import Spot, spots_of

if TYPE_CHECKING:
    from .ports import Contact
    from .timer import Timer, Timers

_LEAST = 0.1  # seconds of a share


class Ranks:
    """Those that are yet to ring."""

    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self._on_share_over: Callable[[], None] | None = None  # of whoever knows us: not to be kept
        self._waiting: deque[Sequence[Spot]] = deque()
        self._ends_at = 0.0
        self._timer: Timer | None = None

    def begin(
        self, ranks: Iterable[Sequence[Spot]], *, ends_at: float, on_share_over: Callable[[], None]
    ) -> Sequence[Spot]:
        """Those who ring first; empty if there is nobody. `on_share_over`: these are to give way, see `next`."""
        self._waiting, self._ends_at, self._on_share_over = deque(ranks), ends_at, on_share_over
        return self.next()

    def next(self) -> Sequence[Spot]:
        """Those who ring now; empty if nobody is left."""
        self._put_out()
        if not self._waiting:
            return ()
        rank = self._waiting.popleft()
        if self._waiting and self._on_share_over is not None:
            share = (self._ends_at - trio.current_time()) / (len(self._waiting) + 1)
            self._timer = self._timers.after(max(_LEAST, share), self._on_share_over)
        return rank

    def end(self) -> None:
        """Nobody else is to ring."""
        self._waiting.clear()
        self._on_share_over = None
        self._put_out()

    def _put_out(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def ranks_of(users: Iterable[tuple[str, Sequence[Contact]]], *, most: int) -> list[list[Spot]]:
    """The phones of users, up to so many of each. What each prefers is compared with what else is his, not theirs."""
    of_each = [_ranks_of(user, contacts, most) for user, contacts in users]
    return [[spot for rank in ranks for spot in rank] for ranks in zip_longest(*of_each, fillvalue=())]


def _ranks_of(user: str, contacts: Sequence[Contact], most: int) -> list[list[Spot]]:
    phones = spots_of(user, contacts)[:most]
    return [list(rank) for _, rank in groupby(phones, key=lambda spot: spot.q)]
