"""Where a message goes: the flow of a response, and of a request inside a dialog.

The stack knows flows and literal addresses only. Names are resolved before a request is made
(`Endpoint.resolve`); inside a dialog a target that is a name is reached by the flow it came from.
"""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from .messages import Request, Uri

if TYPE_CHECKING:
    from .events import Flow

DEFAULT_PORT = 5060
MAX_KNOWN = 1024  # addresses that are read once
_LONGEST = 64  # characters of an address with its zone

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

# What only its own network can reach: RFC 1918, RFC 6598 (carriers' NAT), RFC 4193, loopback and link-local.
PRIVATE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
        "::1/128",
    )
)


def is_literal(host: str) -> bool:
    """Whether a host is an IP address. Reads 192.0.2.1 and 2001:db8::1, without brackets."""
    if not host[-1:].isdigit() and ":" not in host:
        return False
    try:
        _read_address(host)
    except ValueError:
        return False
    return True


def response_flow(request: Request, flow: Flow) -> Flow:
    """The flow of the responses to a request that came by `flow` (RFC 3261 18.2.2, RFC 3581 §4)."""
    if flow.transport != "udp":
        return flow
    via = request.via
    port = via.port or DEFAULT_PORT
    if port == flow.remote[1] or via.wants_rport or via.rport is not None:
        return flow
    # Without rport the answer belongs to the port of the Via. But a Via whose host is not the source was
    # translated on its way, and its port means nothing outside: then the source is the only way back.
    return flow._replace(remote=(flow.remote[0], port)) if via.host == flow.remote[0] else flow


def is_translated(request: Request, flow: Flow) -> bool:
    """Whether the sender of a request sits behind a NAT: its own Via gives an address it did not come from."""
    host = request.via.host
    return host != flow.remote[0] and is_literal(host)


def dialog_flow(target: Uri, flow: Flow, *, has_routes: bool, peer_is_translated: bool) -> Flow:
    """The flow of our requests inside a dialog. `target` is the first route, or else the peer's Contact.

    RFC 3261 12.2.1.1 says the target; a phone behind a NAT is reached by `flow` alone, the way its last message
    came. So: a name, another transport, or a connection: the flow. A Contact that differs from the source: the
    flow if the peer is translated, or if it claims a private address from a public one; otherwise the target.
    """
    host, port = target.host, target.port or DEFAULT_PORT
    remote = flow.remote
    if flow.transport != "udp" or (host == remote[0] and port == remote[1]):
        return flow
    if target.params.get("transport", "udp") != "udp" or not is_literal(host) or not _is_reachable(host, flow):
        return flow
    if not has_routes and (peer_is_translated or _hides_behind(host, remote[0])):
        return flow
    return flow._replace(remote=(host, port))


def _is_reachable(host: str, flow: Flow) -> bool:
    """Whether a socket of the flow can send there at all: the same family, and one address."""
    address = _read_address(host)
    ours = _read_address(flow.local[0]) if is_literal(flow.local[0]) else address
    return address.version == ours.version and not address.is_multicast and not address.is_unspecified


def _hides_behind(host: str, source: str) -> bool:
    return _is_private(host) and is_literal(source) and not _is_private(source)


def _is_private(host: str) -> bool:
    address = _read_address(host)
    return any(address in network for network in PRIVATE)


@lru_cache(MAX_KNOWN)  # to read one is dear, and the same come in every message
def _read_address(host: str) -> _Address:
    """Raises ValueError, which is not kept: what is no address cannot push out those that are."""
    if len(host) > _LONGEST:
        raise ValueError(f"expected an address of at most {_LONGEST} characters, got {len(host)}")
    return ipaddress.ip_address(host)
