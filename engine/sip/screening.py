"""What a user agent refuses before anybody looks at it (RFC 3261 §8.2)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from .dialog import Headers
from .messages import Request
from .session_timer import MIN_SE, is_too_short

# Methods of RFC 3261 and its extensions: known, and 405 where they are not allowed. Any other one is 501.
KNOWN_METHODS = frozenset({
    "ACK", "BYE", "CANCEL", "INFO", "INVITE", "MESSAGE", "NOTIFY", "OPTIONS", "PRACK", "PUBLISH", "REFER", "REGISTER",
    "SUBSCRIBE", "UPDATE",
})  # fmt: skip
SUPPORTED_OPTIONS = frozenset({
    "100rel",
    "norefersub",
    "replaces",
    "timer",
})  # option tags of Require that are understood
ACCEPT = ("Accept", "application/sdp")
# An INVITE may carry nothing, or a body of no declared type: RFC 2543 had only one.
_OFFER_TYPES = frozenset({None, "application/sdp"})
_ACCEPTABLE = frozenset({"application/sdp", "application/*", "*/*"})


class Refusal(NamedTuple):
    status: int
    headers: Headers = ()


def refuse(request: Request, *, allowed: Collection[str], allow: tuple[str, str]) -> Refusal | None:
    """Why a request cannot be served, in the order of §8.2; None if it can. Not for ACK and CANCEL."""
    method = request.method
    if method not in allowed:
        return Refusal(405 if method in KNOWN_METHODS else 501, (allow,))
    if request.uri.scheme not in ("sip", "sips"):
        return Refusal(416)
    if request.header("Require") is not None:
        unknown = [option for option in request.values("Require") if option.lower() not in SUPPORTED_OPTIONS]
        if unknown:
            return Refusal(420, tuple(("Unsupported", option) for option in unknown))
    if method in ("INVITE", "UPDATE") and is_too_short(request):
        return Refusal(422, (("Min-SE", str(MIN_SE)),))
    return _refuse_offer(request) if method in ("INVITE", "UPDATE") else None


def _refuse_offer(request: Request) -> Refusal | None:
    if request.body:
        if request.body_type not in _OFFER_TYPES:
            return Refusal(415, (ACCEPT,))
        encoding = request.header("Content-Encoding")
        if encoding is not None and encoding.strip().lower() not in ("", "identity"):
            return Refusal(415, (("Accept-Encoding", "identity"),))
    if request.header("Accept") is not None:
        types = {value.partition(";")[0].strip().lower() for value in request.values("Accept")}
        if types and types.isdisjoint(_ACCEPTABLE):
            return Refusal(406, (ACCEPT,))
    if request.max_forwards == 0 and request.to.tag is None:
        return Refusal(483)  # a switch makes a new call of it: without this, a loop would never end
    return None
