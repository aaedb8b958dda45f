"""Who is calling: From headers read, and written for the calls we place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callflow.protocol.events import Party
from engine.sip.messages import Address, ParseError, Uri

from .errors import CommandError

_CALLER_ID = re.compile(r"""\s* (?: "?([^"<>\\]{0,64}?)"? \s* < ([^<>]{1,256}) > | ([^<>"\s]{1,256}) ) \s*""", re.X)
NUMBER = re.compile(r"[A-Za-z0-9+*#._-]{1,64}")
_LONGEST_PARTY = 512  # characters of each thing a peer says of itself


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, for those who are dialled, and whether they are not to know (RFC 3323)."""

    party: Party
    is_withheld: bool = False


def party_of(address: Address) -> Party:
    """What events tell of a From or To header."""
    text = str(address.uri)
    name, number = address.name[:_LONGEST_PARTY], number_of(address)[:_LONGEST_PARTY]
    return Party(uri=text[:_LONGEST_PARTY], number=number, name=name)


def number_of(address: Address) -> str:
    """The number, or the user's name, of an address."""
    uri = address.uri
    if uri.scheme == "tel":  # RFC 3966: the number, then parameters
        return str(uri)[4:].partition(";")[0]
    return uri.user or ""


def parse_caller_id(text: str) -> Party:
    """`+4930123`, `Alice <1001>`, `"Alice" <sip:1001@example.com>`. Raises CommandError."""
    matched = _CALLER_ID.fullmatch(text) if text.isprintable() else None
    if matched is not None:
        name, number = matched[1] or "", matched[2] or matched[3]
        if NUMBER.fullmatch(number):
            return Party(uri="", number=number, name=name)
        if number.startswith("sip:"):
            try:
                uri = Uri.parse(number)
            except ParseError:
                pass
            else:
                return Party(uri=number, number=uri.user or "", name=name)
    raise CommandError(
        "bad_argument", f"expected a caller id such as 1001, Alice <1001> or a SIP URI, got {text[:64]!r}"
    )


def from_of(caller: Party, host: str) -> Address:
    """The From of a call we place for this caller; a number alone gets our host."""
    uri = Uri.parse(caller.uri) if caller.uri.startswith("sip:") else Uri(user=caller.number or None, host=host)
    return Address(uri, caller.name)
