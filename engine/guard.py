"""Who asks too much, and who guesses passwords: by address, new requests are limited, and failures end in a ban.

What is beyond the rate is answered with 503. Who is banned is not answered at all: that is what a scanner looks for.
Requests of calls that are up are not counted, and no ban stops them; trunks are strangers to nobody.
"""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import structlog

from engine.allowance import Allowance

from .abuse import Abuse, Network

MAX_KNOWN = 10_000  # addresses of whom something is remembered; who is quiet for longest is forgotten first
FAILURES_WITHIN = 60.0  # seconds
FLOOD_COST = 0.1  # of a request beyond the rate, in failures: who does not stop is banned in the end
_IPV6_PREFIX = 64  # of one customer: each has 2**64 addresses to choose from

logger = structlog.get_logger("engine")


@dataclass(slots=True)
class _Peer:
    requests: Allowance
    failures: Allowance
    banned_until: float = field(default=float("-inf"))


class Guard:
    """Judges by the source of a message. `clock` never goes back."""

    def __init__(
        self, abuse: Abuse, *, clock: Callable[[], float], is_trusted: Callable[[str], bool] = lambda host: False
    ) -> None:
        """`is_trusted`: whether an address is exempt besides those that are configured so."""
        self._abuse = abuse
        self._is_trusted = is_trusted
        self._clock = clock
        self._is_configured = lru_cache(MAX_KNOWN)(partial(_is_in, abuse.exempt))  # to read an address is dear
        self._peers: OrderedDict[str, _Peer] = OrderedDict()
        self.bans = 0

    def is_banned(self, host: str) -> bool:
        """Whether nothing new of this address is to be read."""
        peer = self._peers.get(_key(host)) if self._peers else None
        return peer is not None and peer.banned_until > self._clock() and not self._is_trusted(host)

    def takes(self, host: str) -> bool:
        """Count a request outside of calls. False: it is one too many."""
        if not self._abuse.requests or self._is_exempt(host):
            return True
        is_taken = self._find(host).requests.take()
        if not is_taken:
            self.fail(host, FLOOD_COST)
        return is_taken

    def fail(self, host: str, cost: float = 1.0) -> None:
        """Count a wrong password, or a message that cannot be read."""
        if not self._abuse.failures or self._is_exempt(host):
            return
        peer = self._find(host)
        now = self._clock()
        if not peer.failures.take(cost) and peer.banned_until <= now:
            peer.banned_until = now + self._abuse.ban
            self.bans += 1
            logger.warning("banned", peer=_key(host), seconds=self._abuse.ban)

    def _find(self, host: str) -> _Peer:
        key = _key(host)
        peer = self._peers.get(key)
        if peer is None:
            rate, failures = self._abuse.requests, self._abuse.failures
            peer = self._peers[key] = _Peer(
                Allowance(rate, 2 * rate, clock=self._clock),
                Allowance(failures / FAILURES_WITHIN, failures, clock=self._clock),
            )
            if len(self._peers) > MAX_KNOWN:
                self._peers.popitem(last=False)
        self._peers.move_to_end(key)
        return peer

    def _is_exempt(self, host: str) -> bool:
        return self._is_configured(host) or self._is_trusted(host)


def _is_in(networks: Sequence[Network], host: str) -> bool:
    address = ipaddress.ip_address(host.partition("%")[0])
    return any(address in network for network in networks)


def _key(host: str) -> str:
    if ":" not in host:
        return host
    return str(ipaddress.ip_network(f"{host.partition('%')[0]}/{_IPV6_PREFIX}", strict=False))
