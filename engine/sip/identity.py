"""Who calls, beside From: P-Asserted-Identity and P-Preferred-Identity (RFC 3325), Remote-Party-ID, Privacy (RFC 3323).

`read_identity` believes of a request what the peer's policy says, `state_identity` tells a peer what its policy wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, TypeAlias

from .dialog import Headers
from .messages import Address, ParseError, Request, Uri

IdentityHeader: TypeAlias = Literal["from", "pai", "ppi", "rpid"]

_NAMES: Mapping[IdentityHeader, str] = MappingProxyType({
    "pai": "P-Asserted-Identity",
    "ppi": "P-Preferred-Identity",
    "rpid": "Remote-Party-ID",
})
_HIDING = frozenset({"id", "user"})  # RFC 3325 9.3, RFC 3323 4.2; the rest of Privacy is about headers and sessions
_NOWHERE = "anonymous.invalid"  # RFC 3323 4.1.1.3
ANONYMOUS = Address(Uri(user="anonymous", host=_NOWHERE), "Anonymous")
_PRIVATE = ("Privacy", "id")


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """Which header tells who calls, in what a peer sends and in what it is sent.

    Other than From is for peers of our trust domain alone (RFC 3325 2.3): they are believed, and told what is withheld.
    """

    reads: IdentityHeader = "from"
    writes: IdentityHeader = "from"


BY_FROM = IdentityPolicy()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls, and whether he wants that withheld from who is called."""

    address: Address
    is_withheld: bool = False


def read_identity(request: Request, reads: IdentityHeader) -> Identity:
    """Who sent this. Where the header to be believed is missing or malformed, From is all there is."""
    stated = _stated(request, _NAMES[reads]) if reads != "from" else None
    address = stated or request.from_
    return Identity(address, _is_withheld(request, address))


def state_identity(
    identity: Identity, writes: IdentityHeader, *, account: Address | None = None
) -> tuple[Address, Headers]:
    """The From of an INVITE, and what stands beside it. `account`: what the From of a call that hides nothing says.

    A peer that is told by From alone is not told who withholds himself.
    """
    headers: Headers = (_PRIVATE,) if identity.is_withheld else ()
    if writes != "from":
        value = str(Address(identity.address.uri, identity.address.name))
        headers = ((_NAMES[writes], value + _rpid_params(identity) if writes == "rpid" else value), *headers)
    return ANONYMOUS if identity.is_withheld else account or identity.address, headers


def _stated(request: Request, name: str) -> Address | None:
    """The address of such a header, the SIP URI rather than the number (9.1: at most one of each)."""
    try:
        addresses = request.addresses(name)
    except ParseError:
        return None
    return min(addresses, key=lambda address: address.uri.scheme == "tel", default=None)


def _is_withheld(request: Request, address: Address) -> bool:
    wishes = {wish.strip().lower() for value in request.values("Privacy") for wish in value.split(";")}
    if not _HIDING.isdisjoint(wishes) or request.from_.uri.host.lower() == _NOWHERE:
        return True
    return (address.params.get("privacy") or "off").lower() in ("full", "uri")


def _rpid_params(identity: Identity) -> str:
    return f";party=calling;screen=yes;privacy={'full' if identity.is_withheld else 'off'}"
