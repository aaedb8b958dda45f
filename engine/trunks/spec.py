"""What a trunk is told to be: one [[trunk]] of the configuration, as the engine uses it."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Literal, TypeAlias

from engine.sdp.codec import NARROW
from engine.sdp.security import Policy
from engine.sip.digest import Credentials
from engine.sip.identity import BY_FROM, IdentityPolicy
from engine.sip.messages import Uri

Network: TypeAlias = IPv4Network | IPv6Network
Transport: TypeAlias = Literal["udp", "tcp", "tls"]
Costs: TypeAlias = tuple[tuple[str, float], ...]  # of a minute, by how a number begins, the longest first


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetSpec:
    """One way to the peer. The lowest priority is tried first; of equals a share by weight (RFC 2782)."""

    host: str
    port: int | None = None
    transport: Transport = "udp"
    priority: int = 0
    weight: int = 1
    costs: Costs = ()  # its own; else those of its trunk count

    def uri(self, user: str | None = None) -> Uri:
        """The target itself, or a number at it."""
        params = {} if self.transport == "udp" else {"transport": self.transport}
        return Uri(user=user, host=self.host, port=self.port, params=params)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.transport}:{host}" + (f":{self.port}" if self.port is not None else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkSpec:
    """One trunk. `allow`: from where it calls; None: from where its targets are."""

    name: str
    targets: tuple[TargetSpec, ...]
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    register: bool = False
    expires: int = 3600  # seconds of a registration, if the registrar grants them
    health: float = 30.0  # seconds between two OPTIONS, 0: none are sent
    failover: float = 4.0  # seconds without any answer to an INVITE, after which the next target is tried
    allow: tuple[Network, ...] | None = None
    calls: int | None = None  # at a time, both ways
    rate: float | None = None  # calls a second, placed by us
    from_user: str | None = None
    from_domain: str | None = None
    codecs: tuple[str, ...] = NARROW
    context: str = "public"  # of the calls that come from it
    identity: IdentityPolicy = BY_FROM
    headers: tuple[tuple[str, str], ...] = ()  # of every INVITE to it
    strip: frozenset[str] = frozenset()  # names, in lower case, of what programs say and it is not told
    costs: Costs = ()  # of the targets that have none of their own
    srtp: Policy | None = None  # None: as at the listener
    is_exact: bool = False  # calls come from the very ports of its targets

    @property
    def credentials(self) -> Credentials | None:
        """Who we are to the peer."""
        if self.username is None or self.password is None:
            return None
        return Credentials(self.username, self.password)

    def cost_at(self, target: TargetSpec, number: str) -> float | None:
        """What a minute to that number costs there, by the longest beginning that has a price; None: there is none."""
        costs = target.costs or self.costs
        return next((cost for beginning, cost in costs if number.startswith(beginning)), None)

    @property
    def account(self) -> str | None:
        """The user part of the address that we register."""
        return self.from_user or self.username
