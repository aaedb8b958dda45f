"""By which way a call came to be forwarded here: Diversion (RFC 5806) or History-Info (RFC 7044), as it is told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType

from .messages import Address, ParseError, Request

MOST = 10  # entries; RFC 5806 wants loops bounded, and so do we
_LONGEST = 64  # characters of a reason

# RFC 4458 2: the cause parameter of an entry's URI, in the words of Diversion.
_REASONS: Mapping[str, str] = MappingProxyType({
    "404": "unknown",
    "486": "user-busy",
    "408": "no-answer",
    "302": "unconditional",
    "487": "deflection",
    "480": "deflection",
    "503": "out-of-service",
})


@dataclass(frozen=True, slots=True)
class Diverted:
    """Who forwarded the call, and why, in the words of RFC 5806 4.1."""

    address: Address
    reason: str


def read_diversions(request: Request) -> list[Diverted]:
    """Who forwarded the call, the last first. Nothing of it is proved, and what cannot be read is left out."""
    if request.header("Diversion") is not None:
        return list(_diversions(request))[:MOST]
    if request.header("History-Info") is not None:
        return list(_history(request))[-MOST:][::-1]
    return []


def _diversions(request: Request) -> Iterator[Diverted]:
    for address in _addresses(request, "Diversion"):
        yield Diverted(address, (address.params.get("reason") or "unknown").strip('"').lower()[:_LONGEST])


def _history(request: Request) -> Iterator[Diverted]:
    """An entry that was retargeted is the one before that which says so by its cause (RFC 7044 10.3)."""
    entries = _addresses(request, "History-Info")
    for before, after in pairwise(entries):
        cause = after.uri.params.get("cause")
        if cause is not None:
            yield Diverted(before, _REASONS.get(cause, "unknown"))


def _addresses(request: Request, name: str) -> list[Address]:
    try:
        return list(request.addresses(name))
    except ParseError:
        return []
