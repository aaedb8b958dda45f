"""The people of a call, as SIP names them: who calls, who is called, who forwarded it."""

from __future__ import annotations

import msgspec


class Party(msgspec.Struct, frozen=True, omit_defaults=True):
    """One side of a call as SIP named it: the URI, its user part, the display name."""

    uri: str
    number: str = ""
    name: str = ""

    def __str__(self) -> str:
        return self.number or self.uri


class Diversion(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who forwarded a call before it came here, as the peer tells it (Diversion, or History-Info).

    `reason` is a word of RFC 5806: `unconditional`, `user-busy`, `no-answer`, `deflection`, `unknown` and others.
    """

    party: Party
    reason: str = "unknown"
