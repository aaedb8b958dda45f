"""Event packages: what can be subscribed to, and for how long (RFC 6665 5.4). What there is to tell is a Source's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Seconds. Who asks for less than `min_expires` is told 423, who asks for more than `max_expires` gets that."""

    name: str
    content_type: str
    default_expires: int = 3600
    min_expires: int = 60
    max_expires: int = 86_400


MESSAGE_SUMMARY = Package(name="message-summary", content_type="application/simple-message-summary")  # RFC 3842 3

DIALOG = Package(name="dialog", content_type="application/dialog-info+xml")  # RFC 4235 3
PRESENCE = Package(name="presence", content_type="application/pidf+xml")  # RFC 3856 6

PACKAGES: Mapping[str, Package] = MappingProxyType({
    package.name: package for package in (MESSAGE_SUMMARY, DIALOG, PRESENCE)
})


class Source(Protocol):
    """What a package tells of users."""

    def refuse(self, user: str, of: str) -> int:
        """The status for a user who may not subscribe to this, which is another's or his own; 0: he may."""
        ...

    def document(self, of: str, entity: str, version: int) -> bytes:
        """What there is now, in the package's content type. `entity`: the SIP URI that was subscribed to."""
        ...
