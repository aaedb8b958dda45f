"""Who may knock: the access list, and addresses that have guessed passwords too often. Pure; `now` is passed in."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

MAX_FAILURES = 10
FORGET_AFTER = 60.0  # seconds without a wrong password
BAN = 300.0  # seconds
MAX_ADDRESSES = 10_000
_FIRST_DELAY, _LONGEST_DELAY = 0.5, 8.0  # seconds

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
LOOPBACK: Sequence[Network] = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(slots=True)
class _Record:
    failures: int
    last_at: float


class Guard:
    """Remembers wrong passwords by address, a bounded number of them."""

    def __init__(self, networks: Sequence[Network] = LOOPBACK) -> None:
        self._networks = tuple(networks)
        self._records: OrderedDict[str, _Record] = OrderedDict()

    def admits(self, address: str, now: float) -> bool:
        """Whether this address may try, by the list and by what it has tried."""
        return self._is_listed(address) and not self._is_banned(address, now)

    def fail(self, address: str, now: float) -> float:
        """A wrong password came from there: for so many seconds it is not answered."""
        record = self._records.pop(address, None)
        if record is None or now - record.last_at > FORGET_AFTER:
            record = _Record(0, now)
        record.failures += 1
        record.last_at = now
        self._records[address] = record
        if len(self._records) > MAX_ADDRESSES:
            self._records.popitem(last=False)
        return min(_FIRST_DELAY * 2.0 ** min(record.failures - 1, 10), _LONGEST_DELAY)

    def succeed(self, address: str) -> None:
        """The right password came from there."""
        self._records.pop(address, None)

    def _is_listed(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            return False
        mapped = getattr(parsed, "ipv4_mapped", None)
        parsed = mapped if mapped is not None else parsed
        return any(parsed in network for network in self._networks if network.version == parsed.version)

    def _is_banned(self, address: str, now: float) -> bool:
        record = self._records.get(address)
        return record is not None and record.failures >= MAX_FAILURES and now - record.last_at < BAN
