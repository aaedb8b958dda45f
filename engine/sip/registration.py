"""What a REGISTER does to the contacts of a user (RFC 3261 §10.3, steps 6 to 8), without I/O.

Who may register, and where contacts are kept, is decided above::

    match register(contacts, request, flow=flow, limits=limits, now=now):
        case Accepted(contacts, changes): ...  # keep the contacts, answer 200 with them
        case Refused(status, reason, headers): ...  # nothing has changed
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from .messages import Address, ParseError, Request, Uri

if TYPE_CHECKING:
    from .events import Flow

DEFAULT_EXPIRES = 3600  # seconds, where the client names none or one that is no number (RFC 3261 §10.3 step 6, §20.19)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the registrar allows. Seconds."""

    min_expires: int = 60  # below it: 423
    max_expires: int = 3600  # above it: shortened
    contacts: int = 10  # of one user; beyond it the one that was refreshed longest ago gives way


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Where a user is reached: a binding of RFC 3261 §10, and the flow there."""

    uri: Uri
    flow: Flow
    call_id: str
    cseq: int
    expires_at: float
    q: float = 1.0


@dataclass(frozen=True, slots=True)
class Added:
    """A contact that was not there before."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A contact that stays for longer."""

    contact: Contact


@dataclass(frozen=True, slots=True)
class Removed:
    """A contact that the client took back, or that gave way to a newer one."""

    contact: Contact


Change: TypeAlias = Added | Refreshed | Removed


@dataclass(frozen=True, slots=True)
class Accepted:
    """The contacts as they are now, and what changed."""

    contacts: tuple[Contact, ...]
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The request fails as a whole, and nothing changes."""

    status: int
    reason: str | None = None
    headers: tuple[tuple[str, str], ...] = ()


def register(
    contacts: Sequence[Contact], request: Request, *, flow: Flow, limits: Limits, now: float
) -> Accepted | Refused:
    """Apply a REGISTER to the contacts of its user. Those that have expired are left out of account."""
    live = [contact for contact in contacts if contact.expires_at > now]
    try:
        if request.is_star:
            return _remove_all(live, request)
        wishes = request.contacts
        expires = [_expires_of(wish, request.header("Expires")) for wish in wishes]
    except ParseError as error:
        return Refused(error.status, error.reason)
    if any(wish.uri.scheme not in ("sip", "sips") for wish in wishes):
        return Refused(400, "Contact Must Be a SIP URI")
    if any(0 < seconds < limits.min_expires for seconds in expires):
        return Refused(423, None, (("Min-Expires", str(limits.min_expires)),))
    if any(_is_late(contact, request) for contact in live if any(wish.uri == contact.uri for wish in wishes)):
        return _OUT_OF_ORDER
    granted = [min(seconds, limits.max_expires) for seconds in expires]
    new = [
        _contact(wish, request, flow, expires_at=now + seconds) for wish, seconds in zip(wishes, granted, strict=True)
    ]
    return _apply(live, new, limits=limits, now=now)


def contact_header(contact: Contact, *, now: float) -> tuple[str, str]:
    """The Contact of a 200 that tells how long this one stays (RFC 3261 §10.3 step 8)."""
    left = max(0, round(contact.expires_at - now))
    q = "" if contact.q == 1.0 else f";q={contact.q:.3f}".rstrip("0")
    return "Contact", f"<{contact.uri}>;expires={left}{q}"


# §10.3 step 7: a REGISTER that is older than the binding fails, and with it all that it asked for.
_OUT_OF_ORDER = Refused(500, "CSeq Out of Order")


def _remove_all(live: Sequence[Contact], request: Request) -> Accepted | Refused:
    """`Contact: *` needs Expires: 0 (§10.3 step 6); that it stands alone the parser has seen to."""
    if (request.header("Expires") or "").strip() != "0":
        return Refused(400, "Contact * Needs Expires 0")
    if any(_is_late(contact, request) for contact in live):
        return _OUT_OF_ORDER
    return Accepted((), tuple(Removed(contact) for contact in live))


def _apply(live: Sequence[Contact], new: Sequence[Contact], *, limits: Limits, now: float) -> Accepted:
    kept = {contact.uri: contact for contact in live}
    changes: list[Change] = []
    for contact in new:
        known = kept.pop(contact.uri, None)
        if contact.expires_at > now:
            kept[contact.uri] = contact
            changes.append(Refreshed(contact) if known else Added(contact))
        elif known:
            changes.append(Removed(known))
    oldest = list(kept.values())[: max(0, len(kept) - limits.contacts)]  # what is refreshed moves to the end
    for contact in oldest:
        del kept[contact.uri]
        changes.append(Removed(contact))
    return Accepted(tuple(kept.values()), tuple(changes))


def _is_late(contact: Contact, request: Request) -> bool:
    return contact.call_id == request.call_id and request.cseq <= contact.cseq


def _contact(wish: Address, request: Request, flow: Flow, *, expires_at: float) -> Contact:
    return Contact(
        uri=wish.uri,
        flow=_flow_to(wish.uri, flow),
        call_id=request.call_id,
        cseq=request.cseq,
        expires_at=expires_at,
        q=_parse_q(wish.params.get("q")),
    )


def _flow_to(uri: Uri, flow: Flow) -> Flow:
    """How to reach a contact: at its own address, or where it registered from when that is not its own (a NAT)."""
    is_its_own = flow.transport == "udp" and uri.host == flow.remote[0]
    if is_its_own and (uri.params.get("transport") or "udp").lower() == "udp":
        return flow._replace(remote=(uri.host, uri.port or 5060))
    return flow


def _expires_of(wish: Address, header: str | None) -> int:
    """The `expires` parameter, else the header, else an hour; what is no number counts as an hour (§20.19)."""
    text = wish.params.get("expires", header)
    if text is None or not re.fullmatch(r"[0-9]{1,10}", text.strip(), re.ASCII):
        return DEFAULT_EXPIRES
    return int(text)


def _parse_q(text: str | None) -> float:
    """qvalue of RFC 3261 §25.1; without one, or with a malformed one, 1."""
    return float(text) if text and re.fullmatch(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", text, re.ASCII) else 1.0
