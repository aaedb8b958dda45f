"""limit: places of a resource, taken by channels until they end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callflow.protocol import commands

from .argument import within
from .errors import CommandError

if TYPE_CHECKING:
    from .channel import Channel

_LONGEST_NAME = 128  # characters
_MOST = 1_000_000
_MOST_RESOURCES = 32  # that one channel takes places of


class Places:
    """Which channels hold a place of which resource. An app's resources are its own."""

    def __init__(self) -> None:
        self._takers: dict[tuple[str, str], set[str]] = {}  # app and resource -> channels
        self._taken: dict[str, list[tuple[str, str]]] = {}  # channel -> what it holds

    @property
    def count(self) -> int:
        """How many places are taken."""
        return sum(map(len, self._takers.values()))

    def take(self, app: str, resource: str, channel: str, maximum: int) -> None:
        """Take a place, once. Raises CommandError when none is free."""
        key = app, resource
        takers = self._takers.get(key, set())
        if channel in takers:
            return
        if len(takers) >= maximum:
            details = {"resource": resource, "taken": len(takers), "maximum": maximum}
            raise CommandError("overloaded", f"all {maximum} places of {resource!r} are taken", details)
        held = self._taken.setdefault(channel, [])
        if len(held) >= _MOST_RESOURCES:
            raise CommandError("overloaded", f"expected at most {_MOST_RESOURCES} resources for one channel")
        held.append(key)
        self._takers.setdefault(key, set()).add(channel)

    def taken(self, app: str, resource: str) -> int:
        """How many places of a resource are taken."""
        return len(self._takers.get((app, resource), ()))

    def release(self, channel: str) -> None:
        """Give back all that the channel holds."""
        for key in self._taken.pop(channel, ()):
            self._takers[key].discard(channel)
            if not self._takers[key]:
                del self._takers[key]


def limit(channel: Channel, _id: str, command: commands.Limit) -> None:
    if not 0 < len(command.resource) <= _LONGEST_NAME:
        raise CommandError("bad_argument", f"expected a resource's name of 1 to {_LONGEST_NAME} characters")
    within("maximum", command.maximum, 0, _MOST)
    channel.table.places.take(channel.app or "", command.resource, channel.id, command.maximum)
