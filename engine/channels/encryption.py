"""With whom media is encrypted, and where keys come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from engine.sdp.security import Policy

if TYPE_CHECKING:
    from engine.sip.events import Flow
    from engine.trunks.trunk import Trunk


class SrtpPolicies(Protocol):
    """Says whether a leg's media is to be encrypted (SRTP with keys in SDP)."""

    def __call__(self, flow: Flow, *, user: str | None, trunk: Trunk | None) -> Policy:
        """That with a peer at the end of a flow, who may be a user of ours or a trunk."""
        ...


def _off(flow: Flow, *, user: str | None, trunk: Trunk | None) -> Policy:
    return "off"


@dataclass(frozen=True, slots=True)
class Encryption:
    """`new_key` gives so many octets that nobody can guess; without it nothing is encrypted."""

    policy_of: SrtpPolicies = _off
    new_key: Callable[[int], bytes] | None = None
