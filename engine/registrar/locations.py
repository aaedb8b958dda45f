"""Where the users are: their contacts, each with the flow it registered from, until they expire. Without I/O."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence

from engine.sip.registration import Contact

from .names import Names


class Locations:
    """The contacts of all users. Times are those of the clock that `Contact.expires_at` was made with."""

    def __init__(
        self,
        *,
        max_contacts: int = 100_000,
        on_change: Callable[[str, Sequence[Contact]], None] = lambda user, contacts: None,
    ) -> None:
        """`on_change` hears of a user's contacts, all of them, whenever they are others than before."""
        self._on_change = on_change
        self._max_contacts = max_contacts
        self._contacts: dict[str, tuple[Contact, ...]] = {}
        self._names = Names()  # of those who have some
        self._count = 0
        self._deadlines: list[tuple[float, str]] = []  # a heap; entries may be too early, never too late
        self._scheduled: dict[str, float] = {}  # by user, the entry that counts

    def contacts(self, user: str) -> Sequence[Contact]:
        """The contacts of a user, most preferred first, and of equals the newest first."""
        return sorted(reversed(self._contacts.get(user, ())), key=lambda contact: -contact.q)

    def stored(self, user: str) -> tuple[Contact, ...]:
        """The contacts of a user, those refreshed longest ago first."""
        return self._contacts.get(user, ())

    def has_room(self, user: str, contacts: Sequence[Contact]) -> bool:
        """Whether these may take the place of the user's contacts."""
        growth = len(contacts) - len(self.stored(user))
        return growth <= 0 or self._count + growth <= self._max_contacts

    def store(self, user: str, contacts: Sequence[Contact]) -> None:
        """Put these in the place of the user's contacts."""
        self._put(user, contacts)
        self._on_change(user, self.stored(user))

    def restore(self, user: str, contacts: Sequence[Contact]) -> None:
        """Put there what was there before a restart: no change."""
        self._put(user, contacts)

    def next_deadline(self) -> float | None:
        """When `expire` is to be called next."""
        while self._deadlines and self._scheduled.get(self._deadlines[0][1]) != self._deadlines[0][0]:
            heapq.heappop(self._deadlines)
        return self._deadlines[0][0] if self._deadlines else None

    def expire(self, *, now: float) -> list[tuple[str, Contact]]:
        """Drop what was not refreshed in time, and tell it."""
        dropped: list[tuple[str, Contact]] = []
        while (deadline := self.next_deadline()) is not None and deadline <= now:
            _, user = heapq.heappop(self._deadlines)
            del self._scheduled[user]
            contacts = self.stored(user)
            gone = [contact for contact in contacts if contact.expires_at <= now]
            if not gone:  # they have been refreshed
                self._schedule(user)
                continue
            dropped += [(user, contact) for contact in gone]
            self.store(user, [contact for contact in contacts if contact.expires_at > now])
        return dropped

    def __iter__(self) -> Iterator[tuple[str, Contact]]:
        """Every contact with its user, by the user's name."""
        return ((user, contact) for user, contacts in self.since("") for contact in contacts)

    def since(self, id: str) -> Iterator[tuple[str, Sequence[Contact]]]:
        """The contacts of each user, by the user's name, from the one of this id on."""
        return ((user, self.contacts(user)) for user in self._names.since(id))

    def __len__(self) -> int:
        return self._count

    def _put(self, user: str, contacts: Sequence[Contact]) -> None:
        self._count += len(contacts) - len(self.stored(user))
        if not contacts:
            if self._contacts.pop(user, None) is not None:
                self._names.remove(user)
            self._scheduled.pop(user, None)
            return
        if user not in self._contacts:
            self._names.add(user)
        self._contacts[user] = tuple(contacts)
        self._schedule(user)

    def _schedule(self, user: str) -> None:
        """One entry for each user: a refresh leaves it as it is, and it is made anew when it comes up."""
        earliest = min(contact.expires_at for contact in self._contacts[user])
        if earliest < self._scheduled.get(user, float("inf")):
            self._scheduled[user] = earliest
            heapq.heappush(self._deadlines, (earliest, user))
