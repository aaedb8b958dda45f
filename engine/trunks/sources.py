"""Which trunks could be at an address: found by the address, so that ten thousand trunks cost a call no more than ten.

Networks are filed by their length: an address is cut to each length that there is, and looked up.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence

from .trunk import Trunk


class Sources:
    """Of trunks in their order. Who adds one, or moves a target of one, says so by `forget`."""

    def __init__(self, trunks: Iterable[Trunk]) -> None:
        self._trunks = trunks
        self._is_filed = False
        self._by_host: dict[str, list[tuple[int, Trunk]]] = {}
        self._by_network: dict[tuple[int, int], dict[int, list[tuple[int, Trunk]]]] = {}  # version and bits to be cut

    def forget(self) -> None:
        """Look where they all are before the next is found."""
        self._is_filed = False

    def candidates(self, host: str) -> Sequence[Trunk]:
        """Those that have a target at a literal address, or may call from it, in their order."""
        if not self._is_filed:
            self._file()
        found = dict(self._by_host.get(host, ()))
        if self._by_network:
            found.update(self._in_networks(host))
        return [trunk for _, trunk in sorted(found.items())] if found else ()

    def _in_networks(self, host: str) -> Iterator[tuple[int, Trunk]]:
        address = ipaddress.ip_address(host.partition("%")[0])
        number = int(address)
        for (version, cut), networks in self._by_network.items():
            if version == address.version:
                yield from networks.get(number >> cut, ())

    def _file(self) -> None:
        by_host: dict[str, list[tuple[int, Trunk]]] = {}
        by_network: dict[tuple[int, int], dict[int, list[tuple[int, Trunk]]]] = {}
        for place, trunk in enumerate(self._trunks):
            for target in trunk.targets:
                if target.address is not None:
                    by_host.setdefault(target.address[0], []).append((place, trunk))
            for network in trunk.spec.allow or ():
                cut = network.max_prefixlen - network.prefixlen
                networks = by_network.setdefault((network.version, cut), {})
                networks.setdefault(int(network.network_address) >> cut, []).append((place, trunk))
        self._by_host, self._by_network, self._is_filed = by_host, by_network, True
