"""Dialogs (RFC 3261 §12): the state two user agents share, and the requests made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from .events import Flow
from .messages import Address, Message, Request, Response, Uri
from .next_hop import dialog_flow, is_literal, is_translated

DialogKey: TypeAlias = tuple[str, str, str]  # Call-ID, local tag, remote tag
Headers: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Dialog:
    """One dialog, from our side. `local` and `remote` are the From and To values of our requests, with tags."""

    call_id: str
    local_tag: str
    remote_tag: str  # empty for a peer of RFC 2543
    local: str
    remote: str
    target: Uri
    routes: tuple[str, ...]
    flow: Flow  # where our requests go
    source: Flow  # where the peer's last request came from
    local_cseq: int
    remote_cseq: int | None
    is_translated: bool  # the peer sits behind a NAT: its Contact is no address of ours to use

    @property
    def key(self) -> DialogKey:
        return (self.call_id, self.local_tag, self.remote_tag)

    @classmethod
    def from_request(cls, request: Request, flow: Flow, local_tag: str) -> Dialog:
        """As UAS (12.1.1), from the INVITE."""
        dialog = cls(
            call_id=request.call_id,
            local_tag=local_tag,
            remote_tag=request.from_.tag or "",
            local=f"{request.to};tag={local_tag}",
            remote=str(request.from_),
            target=_target(request, request.from_.uri),
            routes=tuple(str(route) for route in request.addresses("Record-Route")),
            flow=flow,
            source=flow,
            local_cseq=0,
            remote_cseq=request.cseq,
            is_translated=is_translated(request, flow),
        )
        dialog._choose_flow()
        return dialog

    @classmethod
    def from_response(cls, response: Response, flow: Flow, *, uri: Uri, local_cseq: int) -> Dialog:
        """As UAC (12.1.2), from a 2xx to our INVITE to `uri`, which went out on `flow`."""
        local, remote = response.from_, response.to
        dialog = cls(
            call_id=response.call_id,
            local_tag=local.tag or "",
            remote_tag=remote.tag or "",
            local=str(local),
            remote=str(remote),
            target=_target(response, uri),
            routes=tuple(str(route) for route in reversed(response.addresses("Record-Route"))),
            flow=flow,
            source=flow,
            local_cseq=local_cseq,
            remote_cseq=None,
            # The layer above sent the INVITE elsewhere than to the address of its URI: it knew a better way.
            is_translated=uri.host != flow.remote[0] and is_literal(uri.host),
        )
        dialog._choose_flow()
        return dialog

    def next_cseq(self) -> int:
        self.local_cseq += 1
        return self.local_cseq

    def accept_request(self, request: Request, flow: Flow) -> bool:
        """Note a request of the peer; False if it is out of order (12.2.2)."""
        cseq = request.cseq
        if self.remote_cseq is not None and cseq < self.remote_cseq:
            return False
        self.remote_cseq = cseq
        if flow != self.source:  # a NAT forgot its binding, or the peer has a new connection: it is found there now
            self.source = flow
            self.is_translated = is_translated(request, flow)
            self._choose_flow()
        return True

    def refresh_target(self, message: Message) -> None:
        """Take the Contact of a re-INVITE or of its 2xx (12.2.1.2, 12.2.2)."""
        self.target = _target(message, self.target)
        self._choose_flow()

    def request_uri(self) -> tuple[str, Headers]:
        """The Request-URI of our next request, and its Route fields (12.2.1.1)."""
        target = str(self.target)
        if not self.routes:
            return target, ()
        first = self._first_route()
        if "lr" in first.params:
            return target, tuple(("Route", route) for route in self.routes)
        # A strict router wants to find itself in the Request-URI, and the target at the end of the route.
        return str(first), tuple(("Route", route) for route in (*self.routes[1:], f"<{target}>"))

    def _choose_flow(self) -> None:
        target = self._first_route() if self.routes else self.target
        has_routes = bool(self.routes)
        self.flow = dialog_flow(target, self.source, has_routes=has_routes, peer_is_translated=self.is_translated)

    def _first_route(self) -> Uri:
        return Address.parse(self.routes[0]).uri


def _target(message: Message, fallback: Uri) -> Uri:
    """The URI of the Contact. A message without one is of RFC 2543 (or wrong): then `fallback` has to do."""
    contacts = message.contacts
    return contacts[0].uri if contacts else fallback
