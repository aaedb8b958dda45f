"""[[trunk]]: a peer such as a carrier, as the configuration says it, read and checked."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

from engine.sip.next_hop import is_literal
from engine.trunks.spec import Costs, Network, TargetSpec, Transport, TrunkSpec

from .codecs import read_codecs
from .encryption import read_policy
from .limit import read_rate, seconds
from .peer import read_costs, read_headers, read_identity_policy, read_names
from .route import Context, expect_context, one_or_more, read_name
from .toml_reader import Reader, Wrong, list_of, read_flag, read_text, show, table

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9])?", re.ASCII)
_MOST_TARGETS = 32
_TRANSPORTS: Mapping[str, Transport] = MappingProxyType({"udp": "udp", "tcp": "tcp", "tls": "tls"})


def check_trunks(trunks: Sequence[TrunkSpec], contexts: Sequence[Context]) -> None:
    """Raise Wrong for what does not fit together."""
    for index, trunk in enumerate(trunks):
        at = ("trunk", index)
        expect_context(trunk.context, contexts, at=(*at, "context"))
        if (trunk.username is None) != (trunk.password is None):
            came = "username" if trunk.password is None else "password"
            raise Wrong("expected both a username and a password, or neither", at=(*at, came))
        if trunk.register and trunk.username is None:
            raise Wrong("expected a username and a password to register with", at=(*at, "register"))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """A target as the file says it."""

    address: TargetSpec
    priority: int | None = None
    weight: int = 1
    costs: Costs = ()


def _targets(value: object) -> tuple[TargetSpec, ...]:
    """In their order, unless a priority says otherwise."""
    read = one_or_more(_target)(value)
    if len(read) > _MOST_TARGETS:
        raise ValueError(f"expected at most {_MOST_TARGETS} targets, got {len(read)}")
    return tuple(
        replace(
            told.address,
            priority=index if told.priority is None else told.priority,
            weight=told.weight,
            costs=told.costs,
        )
        for index, told in enumerate(read)
    )


def _target(value: object) -> _Told:
    """An address, or a table with one."""
    return _read_told(value) if isinstance(value, dict) else _Told(address=_address(value))


def _address(value: object) -> TargetSpec:
    """`HOST` or `HOST:PORT`, with `udp:`, `tcp:` or `tls:` before it if wanted."""
    text = read_text(value)
    match = re.fullmatch(r"(?:(udp|tcp|tls):)?(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", text, re.ASCII)
    host = match[2].strip("[]") if match else ""
    port = int(match[3]) if match and match[3] else None
    is_host = is_literal(host) or bool(_HOST.fullmatch(host))
    if match is None or not is_host or (port is not None and not 0 < port < 65536):
        raise ValueError(f'expected a target such as "sip.example.net" or "tcp:192.0.2.7:5060", got {show(value)}')
    return TargetSpec(host=host, port=port, transport=_TRANSPORTS[match[1] or "udp"])


def _number(least: int, most: int) -> Reader:
    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise ValueError(f"expected a number from {least} to {most}, got {show(value)}")
        return value

    return read


def _network(value: object) -> Network:
    try:
        return ipaddress.ip_network(read_text(value))
    except ValueError as error:
        raise ValueError(f'expected an address or a network such as "192.0.2.0/24", got {show(value)}') from error


def _user(value: object) -> str:
    text = read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9+*#._-]{1,64}", text, re.ASCII):
        raise ValueError(f"expected the user part of a SIP address, got {show(value)}")
    return text


def _account(value: object) -> str:
    """Whom digest authentication means; without `from_user` also the user part of our address there."""
    text = read_text(value)
    if not re.fullmatch(r"[^\s@:;<>\"]{1,128}", text):
        raise ValueError(f'expected a username without spaces or any of @:;<>", got {show(value)}')
    return text


def read_domain(value: object) -> str:
    """A name of DNS, or an address."""
    text = read_text(value)
    if not is_literal(text) and not _HOST.fullmatch(text):
        raise ValueError(f'expected a domain such as "example.net", got {show(value)}')
    return text


_read_told = table(
    _Told,
    MappingProxyType({
        "address": ("address", _address),
        "priority": ("priority", _number(0, 65535)),
        "weight": ("weight", _number(0, 65535)),
        "costs": ("costs", read_costs),
    }),
)
TRUNK = MappingProxyType({
    "name": ("name", read_name),
    "targets": ("targets", _targets),
    "username": ("username", _account),
    "password": ("password", read_text),
    "register": ("register", read_flag),
    "expires": ("expires", _number(60, 86400)),
    "health": ("health", seconds(5.0, may_be_lifted=True)),
    "failover": ("failover", seconds(0.5)),
    "allow": ("allow", list_of(_network)),
    "calls": ("calls", _number(1, 1_000_000)),
    "rate": ("rate", read_rate),
    "from_user": ("from_user", _user),
    "from_domain": ("from_domain", read_domain),
    "codecs": ("codecs", read_codecs),
    "context": ("context", read_name),
    "identity": ("identity", read_identity_policy),
    "headers": ("headers", read_headers),
    "strip": ("strip", read_names),
    "costs": ("costs", read_costs),
    "srtp": ("srtp", read_policy),
})
READERS = MappingProxyType({"trunk": ("trunks", list_of(table(TrunkSpec, TRUNK)))})
