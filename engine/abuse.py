"""[abuse]: how much strangers may ask, and fail, before they are refused and banned."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias

from .limit import seconds
from .toml_reader import list_of, read_text, show

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Abuse:
    """[abuse], of one address."""

    requests: float = 500.0  # outside of calls, a second, and twice as many at once; 0: any
    failures: float = 30.0  # wrong passwords and malformed messages, a minute; 0: any
    ban: float = 300.0  # seconds
    exempt: tuple[Network, ...] = LOOPBACK


def read_network(value: object) -> Network:
    """A network, or an address alone. Raises ValueError."""
    text = read_text(value)
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f'expected a network such as "192.0.2.0/24", got {show(text)}') from None


def _count(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (value == 0 or 1 <= value <= 1_000_000):
        raise ValueError(f"expected a number from 1 to 1000000, or 0 for no limit, got {show(value)}")
    return float(value)


ABUSE = MappingProxyType({
    "requests": ("requests", _count),
    "failures": ("failures", _count),
    "ban": ("ban", seconds(1.0)),
    "exempt": ("exempt", list_of(read_network)),
})
