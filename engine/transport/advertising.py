"""Which address of ours a peer is told: behind a router that forwards to us, not the one that we have.

Peers on networks of our own see the address that we have; all others that which is advertised. As the local end of the
flow it stands in Via and Contact, and in SDP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..sip.next_hop import PRIVATE
from .address import Address, family, is_wildcard

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_KNOWN = 4096  # peers of whom it is remembered


@dataclass(frozen=True, slots=True)
class Advertised:
    """An address for the peers elsewhere. Without `listener` for all of its family; port 0 is that of the listener."""

    host: str
    port: int = 0
    listener: tuple[str, str, int] | None = None  # transport, host, port, as configured


class Advertising:
    """Tells which address of a listener a peer sees."""

    def __init__(self, advertised: Sequence[Advertised] = (), local: Sequence[Network] = PRIVATE) -> None:
        self._advertised = sorted(advertised, key=lambda each: each.listener is None)  # the more exact ones first
        self._local = tuple(local)
        self._known: dict[str, bool] = {}

    def seen(self, transport: str, listener: Address, ours: Address, remote: str) -> Address:
        """The address that a peer is told. `ours` is the one of ours on the way to it; `listener` may be a wildcard."""
        told = self.outside(transport, listener, ours)
        return ours if told is None or self.is_local(remote) else told

    def outside(self, transport: str, listener: Address, ours: Address) -> Address | None:
        """The address that peers elsewhere are told, if one is advertised."""
        for each in self._advertised:
            if family(each.host) != family(listener[0]):
                continue
            if each.listener is None or _is_of(each.listener, transport, listener):
                return each.host, each.port or ours[1]
        return None

    def is_advertised(self, host: str) -> bool:
        """Whether it is one that peers elsewhere are told."""
        return any(each.host == host for each in self._advertised)

    def is_local(self, remote: str) -> bool:
        """Whether a peer is on a network of our own."""
        known = self._known.get(remote)
        if known is None:
            if len(self._known) >= MAX_KNOWN:
                self._known.clear()
            address = ipaddress.ip_address(remote.partition("%")[0])
            known = self._known[remote] = any(address in network for network in self._local)
        return known


def _is_of(configured: tuple[str, str, int], transport: str, listener: Address) -> bool:
    """Of a listener whose port the kernel chose only the address is compared."""
    name, host, port = configured
    is_same = host == listener[0] or (is_wildcard(host) and is_wildcard(listener[0]))
    return name == transport and is_same and port in (0, listener[1])
