"""Where a leg is placed: a URI, the flow there, and what is tried if that flow leads nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from engine.sip.events import Flow
    from engine.sip.messages import Uri

    from .ports import Contact, Headers
    from .way import Way

# A flow that is gone, a connection that cannot be had, and silence: the phone may still be behind its other flow.
_FLOW_FAILED = frozenset({408, 430, 503})


class Spot(NamedTuple):
    """One of the places where a target is called."""

    uri: Uri
    flow: Flow
    routes: Headers = ()  # for the proxies on the way (RFC 3327)
    user: str | None = None  # of ours, whose phone it is
    way: Way | None = None
    others: tuple[Spot, ...] = ()  # further flows to the same phone
    q: float = 1.0  # how much its user prefers it

    def next_flow(self, status: int) -> Spot | None:
        """Where to call after this ended with a status, if it was the flow that failed (RFC 5626 5.3)."""
        if not self.others or status not in _FLOW_FAILED:
            return None
        return self.others[0]._replace(others=self.others[1:])


def spots_of(user: str, contacts: Sequence[Contact]) -> list[Spot]:
    """The phones of a user, each once: one with several flows is called by the best of them (RFC 5626 7)."""
    phones: dict[object, list[Spot]] = {}
    for index, contact in enumerate(contacts):
        phone = contact.instance if contact.reg_id else index
        phones.setdefault(phone, []).append(Spot(contact.uri, contact.flow, contact.routes, user, q=contact.q))
    return [flows[0]._replace(others=tuple(flows[1:])) for flows in phones.values()]
