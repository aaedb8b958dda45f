"""What a REGISTER does to the contacts of a user (RFC 3261 §10.3, steps 6 to 8), without I/O.

With Path (RFC 3327), and several flows of one phone (RFC 5626 §6).

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
    path: tuple[str, ...] = ()  # the proxies on the way there, the nearest to us first (RFC 3327)
    instance: str = ""  # the phone, whatever its address (+sip.instance)
    reg_id: int = 0  # which of its flows; 0: it is reached by its URI, without RFC 5626

    @property
    def key(self) -> object:
        """What a later REGISTER is about the same by: the flow of the phone (RFC 5626 §6), or the URI."""
        return (self.instance, self.reg_id) if self.reg_id else self.uri

    @property
    def routes(self) -> tuple[tuple[str, str], ...]:
        """The Route headers of requests to there (RFC 3327 §5.3)."""
        return tuple(("Route", proxy) for proxy in self.path)


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
        way = _read_way(request, flow)
    except ParseError as error:
        return Refused(error.status, error.reason)
    if isinstance(way, Refused):
        return way
    granted = [min(seconds, limits.max_expires) for seconds in expires]
    ends = [now + seconds for seconds in granted]
    new = [_contact(wish, request, way, expires_at=end) for wish, end in zip(wishes, ends, strict=True)]
    refusal = _refuse(new, expires, limits) or _refuse_late(live, new, request)
    return refusal or _apply(live, new, limits=limits, now=now)


def response_headers(request: Request, accepted: Accepted, *, now: float) -> list[tuple[str, str]]:
    """What a 200 says: the contacts, and the way back if the phone knows what that is (RFC 3327 §5.3, RFC 5626 §6)."""
    supported = {option.lower() for option in request.values("Supported")}
    headers = [contact_header(contact, now=now) for contact in accepted.contacts]
    if "path" in supported:
        headers += [("Path", proxy) for proxy in request.values("Path")]
    if any(isinstance(change, Added | Refreshed) and change.contact.reg_id for change in accepted.changes):
        headers.append(("Require", "outbound"))
    return headers


def contact_header(contact: Contact, *, now: float) -> tuple[str, str]:
    """The Contact of a 200 that tells how long this one stays (RFC 3261 §10.3 step 8)."""
    left = max(0, round(contact.expires_at - now))
    q = "" if contact.q == 1.0 else f";q={contact.q:.3f}".rstrip("0")
    instance = f';+sip.instance="{contact.instance}"' if contact.instance else ""
    flow = f";reg-id={contact.reg_id}" if contact.reg_id else ""
    return "Contact", f"<{contact.uri}>;expires={left}{q}{instance}{flow}"


# §10.3 step 7: a REGISTER that is older than the binding fails, and with it all that it asked for.
_OUT_OF_ORDER = Refused(500, "CSeq Out of Order")
_MAX_PATH = 8  # proxies; each goes into every request to the phone
_MAX_TEXT = 512  # octets of one of them, or of the name of a phone


@dataclass(frozen=True, slots=True)
class _Way:
    """The way that a REGISTER came. `is_outbound`: the phone names its flows, and whoever has them knows (RFC 5626).

    That is us, or the first proxy if it says so. With one that does not, §6 has a 439, after which few phones register
    anew: theirs is a contact like any other.
    """

    flow: Flow
    path: tuple[str, ...]
    is_outbound: bool


def _read_way(request: Request, flow: Flow) -> _Way | Refused:
    """Raises ParseError."""
    path = tuple(request.values("Path"))
    if len(path) > _MAX_PATH or any(len(proxy) > _MAX_TEXT for proxy in path):
        return Refused(400, "Path Too Long")
    proxies = [proxy.uri for proxy in request.addresses("Path")]
    if any("lr" not in proxy.params for proxy in proxies):
        return Refused(400, "Path Must Be of Loose Routers")
    names_flows = any(option.lower() == "outbound" for option in request.values("Supported"))
    are_kept = "ob" in proxies[-1].params if proxies else len(request.vias) == 1
    return _Way(_flow_to(proxies[0], flow) if proxies else flow, path, names_flows and are_kept)


def _refuse(new: Sequence[Contact], expires: Sequence[int], limits: Limits) -> Refused | None:
    """What is wrong with what was asked for, whatever is there."""
    if any(contact.uri.scheme not in ("sip", "sips") for contact in new):
        return Refused(400, "Contact Must Be a SIP URI")
    if any(0 < seconds < limits.min_expires for seconds in expires):
        return Refused(423, None, (("Min-Expires", str(limits.min_expires)),))
    flows = [contact for contact, seconds in zip(new, expires, strict=True) if contact.reg_id and seconds]
    if len(flows) > 1:
        return Refused(400, "One Flow at a Time")  # RFC 5626 §6
    return None


def _refuse_late(live: Sequence[Contact], new: Sequence[Contact], request: Request) -> Refused | None:
    keys = {contact.key for contact in new}
    return _OUT_OF_ORDER if any(_is_late(contact, request) for contact in live if contact.key in keys) else None


def _remove_all(live: Sequence[Contact], request: Request) -> Accepted | Refused:
    """`Contact: *` needs Expires: 0 (§10.3 step 6); that it stands alone the parser has seen to."""
    if (request.header("Expires") or "").strip() != "0":
        return Refused(400, "Contact * Needs Expires 0")
    if any(_is_late(contact, request) for contact in live):
        return _OUT_OF_ORDER
    return Accepted((), tuple(Removed(contact) for contact in live))


def _apply(live: Sequence[Contact], new: Sequence[Contact], *, limits: Limits, now: float) -> Accepted:
    kept = {contact.key: contact for contact in live}
    changes: list[Change] = []
    for contact in new:
        known = kept.pop(contact.key, None)
        if contact.expires_at > now:
            kept[contact.key] = contact
            changes.append(Refreshed(contact) if known else Added(contact))
        elif known:
            changes.append(Removed(known))
    oldest = list(kept.values())[: max(0, len(kept) - limits.contacts)]  # what is refreshed moves to the end
    for contact in oldest:
        del kept[contact.key]
        changes.append(Removed(contact))
    return Accepted(tuple(kept.values()), tuple(changes))


def _is_late(contact: Contact, request: Request) -> bool:
    return contact.call_id == request.call_id and request.cseq <= contact.cseq


def _contact(wish: Address, request: Request, way: _Way, *, expires_at: float) -> Contact:
    instance = _parse_instance(wish.params.get("+sip.instance"))
    reg_id = _parse_reg_id(wish.params.get("reg-id")) if instance and way.is_outbound else 0
    is_flow = bool(way.path or reg_id)  # the phone's own address does not matter
    return Contact(
        uri=wish.uri,
        flow=way.flow if is_flow else _flow_to(wish.uri, way.flow),
        call_id=request.call_id,
        cseq=request.cseq,
        expires_at=expires_at,
        q=_parse_q(wish.params.get("q")),
        path=way.path,
        instance=instance,
        reg_id=reg_id,
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


def _parse_instance(text: str | None) -> str:
    """The URN of a phone (RFC 5626 §4.1); one that could not be repeated in quotes is none."""
    return text if text and len(text) <= _MAX_TEXT and '"' not in text and "\\" not in text else ""


def _parse_reg_id(text: str | None) -> int:
    """1 to 2**31 - 1 (RFC 5626 §4.2); anything else is none."""
    number = int(text) if text and re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) else 0
    return number if number < 1 << 31 else 0
