"""What the log still keeps, from the newest back: the answer to the command `events`."""

from __future__ import annotations

import msgspec

from callflow.protocol.frames import MAX_MESSAGE

from .log import EventLog

_SEARCH = 20_000  # events looked at for one query
_MAX_OCTETS = MAX_MESSAGE // 4  # of their frames; JSON takes more


class Past(msgspec.Struct, frozen=True):
    """`callflow.protocol.queries.PastEvents`, of frames as they are kept."""

    events: list[msgspec.Raw]
    searched: int


def look_back(log: EventLog, names: frozenset[str], *, channel: str | None, last: int, before: int | None) -> Past:
    """At most the `last` events of these names (and of that channel) `before` a seq, None: up to the newest."""
    at = log.last_seq + 1 if before is None else min(before, log.last_seq + 1)
    stop = max(at - _SEARCH, log.first_seq)
    found: list[msgspec.Raw] = []
    octets = 0
    while at > stop and len(found) < last and octets < _MAX_OCTETS:
        at -= 1
        [entry] = log.entries(at - 1, at)
        if entry.name in names and channel in (None, entry.channel):
            found.append(msgspec.Raw(entry.frame))
            octets += len(entry.frame)
    return Past(found[::-1], at if at > log.first_seq else 0)
