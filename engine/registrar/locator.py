"""Whom an address means: one of our users, or somebody elsewhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Sequence

from engine.sip.registration import Contact

from .locations import Locations

DEFAULT_PORT = 5060


class Locator:
    """Finds the contacts of users, and tells our own addresses from others.

    `listeners` tells what is listened on now: (transport, host, port). `names` are further names of ours;
    `members` tells the users of a group.
    """

    def __init__(
        self,
        locations: Locations,
        *,
        listeners: Callable[[], Iterable[tuple[str, str, int]]],
        names: Iterable[str] = ("localhost",),
        members: Callable[[str], Sequence[str]] = lambda group: (),
    ) -> None:
        self._locations, self._listeners = locations, listeners
        self._members = members
        self._names = frozenset(name.lower() for name in names)

    def contacts(self, user: str) -> Sequence[Contact]:
        """The live contacts of a user, most preferred first."""
        return self._locations.contacts(user)

    def members(self, group: str) -> Sequence[str]:
        """The users of a group; empty if there is none of that name."""
        return self._members(group)

    def is_local(self, host: str, port: int | None) -> bool:
        """Is this one of the addresses we listen on, or one of our names?"""
        if host.lower() in self._names:
            return port is None or any(port == bound for _, _, bound in self._listeners())
        return any(
            (port or DEFAULT_PORT) == bound and _is_bound(host, address) for _, address, bound in self._listeners()
        )


def _is_bound(host: str, address: str) -> bool:
    try:
        asked, bound = ipaddress.ip_address(host), ipaddress.ip_address(address)
    except ValueError:
        return False
    return asked == bound or (bound.is_unspecified and asked.is_loopback)
