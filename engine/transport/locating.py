"""From a URI to the servers to try, in their order (RFC 3263 §4): NAPTR says how, SRV where, A and AAAA the addresses.

What the name service knows is asked of `Names`; an address, and a host with a port, are taken as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, NamedTuple, Protocol, TypeAlias

from ..sip.messages import Uri
from ..sip.next_hop import is_literal
from .enum import Rule
from .errors import Unreachable
from .order import order

TransportName: TypeAlias = Literal["udp", "tcp", "tls"]

MOST = 16  # servers of one URI
DEFAULT_PORT, DEFAULT_TLS_PORT = 5060, 5061

# NAPTR services of SIP (4.1), and the SRV names to ask without them, in the order in which we like them.
_SERVICES = MappingProxyType({"SIP+D2U": "udp", "SIP+D2T": "tcp", "SIPS+D2T": "tls"})
_PREFIXES = MappingProxyType({"udp": "_sip._udp.", "tcp": "_sip._tcp.", "tls": "_sips._tcp."})


class Hop(NamedTuple):
    """One server to try. `name` is the domain that it must be able to prove to be (RFC 5922 §4)."""

    transport: str
    host: str  # an address
    port: int
    name: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """A NAPTR record that leads to SRV records."""

    order: int
    preference: int
    service: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Server:
    """An SRV record."""

    priority: int
    weight: int
    port: int
    host: str


class Names(Protocol):
    """A name service. Of what there is not it gives nothing; `addresses` raises Unreachable."""

    async def pointers(self, domain: str) -> Sequence[Pointer]: ...

    async def servers(self, name: str) -> Sequence[Server]: ...

    async def addresses(self, host: str) -> Sequence[str]: ...

    async def rules(self, domain: str) -> Sequence[Rule]: ...


async def locate(uri: Uri, names: Names, *, transport: str | None, chance: Callable[[], float]) -> list[Hop]:
    """The servers of a URI. `transport`: that which it is to be, whatever the URI says. Raises Unreachable."""
    told = transport or (uri.params.get("transport") or "").lower() or None
    if uri.scheme == "sips":
        told = "tls"  # 26.2.2
    if uri.scheme not in ("sip", "sips") or told not in (None, *_PREFIXES):
        raise Unreachable(f"{uri}: expected sip over udp, tcp or tls")
    if is_literal(uri.host) or uri.port is not None or "." not in uri.host:
        return await _hops_of(uri.host, uri.port, names, told or "udp", uri.host)
    hops: list[Hop] = []
    for how, servers in await _find_servers(uri.host, names, told):
        for server in order(servers, chance=chance):
            hops += await _hops_of(server.host, server.port, names, how, uri.host, is_required=False)
            if len(hops) >= MOST:
                return hops[:MOST]
    return hops or await _hops_of(uri.host, None, names, told or "udp", uri.host)


async def _find_servers(domain: str, names: Names, told: str | None) -> list[tuple[str, Sequence[Server]]]:
    """The transports that the domain offers, each with its servers: by NAPTR, or else by asking for each."""
    found = []
    if told is None:
        for how, name in _offered(await names.pointers(domain)):
            found.append((how, await names.servers(name)))
    if not found:
        for how in (told,) if told is not None else _PREFIXES:
            found.append((how, await names.servers(_PREFIXES[how] + domain)))
    return [(how, servers) for how, servers in found if servers]


def _offered(pointers: Sequence[Pointer]) -> Iterator[tuple[str, str]]:
    for pointer in sorted(pointers, key=lambda pointer: (pointer.order, pointer.preference)):
        how = _SERVICES.get(pointer.service.upper())
        if how is not None:
            yield how, pointer.replacement


async def _hops_of(
    host: str, port: int | None, names: Names, how: str, name: str, *, is_required: bool = True
) -> list[Hop]:
    try:
        addresses = await names.addresses(host)
    except Unreachable:
        if is_required:
            raise
        return []
    port = port or (DEFAULT_TLS_PORT if how == "tls" else DEFAULT_PORT)
    return [Hop(how, address, port, name) for address in addresses]
