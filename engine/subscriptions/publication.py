"""What phones have published of their users, each piece under its entity-tag until it expires (RFC 3903)."""

from __future__ import annotations

import enum
import heapq
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from .pidf import Presence

MAX_OF_USER = 10  # phones that publish; the one that was longest silent gives way
MAX_ALL = 50_000


class Operation(enum.Enum):
    INITIAL = enum.auto()
    REFRESH = enum.auto()
    MODIFY = enum.auto()
    REMOVE = enum.auto()

    __hash__ = object.__hash__


class Asked(NamedTuple):
    """What a PUBLISH has: the entity-tag of before, a body, an expiry of 0."""

    names_tag: bool
    has_body: bool
    ends: bool


# RFC 3903 4.1, table 1. An absent one is 400.
OPERATIONS: Mapping[Asked, Operation] = MappingProxyType({
    Asked(names_tag=False, has_body=True, ends=False): Operation.INITIAL,
    Asked(names_tag=True, has_body=False, ends=False): Operation.REFRESH,
    Asked(names_tag=True, has_body=True, ends=False): Operation.MODIFY,
    Asked(names_tag=True, has_body=False, ends=True): Operation.REMOVE,
    Asked(names_tag=True, has_body=True, ends=True): Operation.REMOVE,
})


@dataclass(frozen=True, slots=True)
class Publication:
    """One phone's word on its user."""

    presence: Presence
    expires_at: float


class Publications:
    """Those of all users."""

    def __init__(self, new_token: Callable[[], str]) -> None:
        """`new_token` makes at least 64 random bits, in hex."""
        self._new_token = new_token
        self._of: dict[str, dict[str, Publication]] = {}  # by user, then tag: the newest is the last
        self._count = 0
        self._deadlines: list[tuple[float, str, str]] = []  # a heap; what was replaced is in it until its time

    def newest(self, user: str) -> Presence | None:
        """What counts: the last word."""
        published = self._of.get(user)
        return next(reversed(published.values())).presence if published else None

    def find(self, user: str, tag: str) -> Publication | None:
        return self._of.get(user, {}).get(tag)

    def has_room(self) -> bool:
        return self._count < MAX_ALL

    def put(self, user: str, presence: Presence, *, expires_at: float, instead_of: str | None = None) -> str:
        """Keep one, in place of another; its entity-tag."""
        if instead_of is not None:
            self.remove(user, instead_of)
        published = self._of.setdefault(user, {})
        while len(published) >= MAX_OF_USER:
            self.remove(user, next(iter(published)))
            published = self._of.setdefault(user, published)
        tag = self._new_token()
        published[tag] = Publication(presence, expires_at)
        self._count += 1
        heapq.heappush(self._deadlines, (expires_at, user, tag))
        return tag

    def remove(self, user: str, tag: str) -> None:
        published = self._of.get(user, {})
        if published.pop(tag, None) is not None:
            self._count -= 1
        if not published:
            self._of.pop(user, None)

    def next_deadline(self) -> float | None:
        """When `expire` is to be called next."""
        while self._deadlines and self.find(*self._deadlines[0][1:]) is None:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def expire(self, *, now: float) -> list[str]:
        """Drop what was not refreshed in time; of which users."""
        users: dict[str, None] = {}
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, user, tag = heapq.heappop(self._deadlines)
            self.remove(user, tag)
            users[user] = None
        return list(users)
