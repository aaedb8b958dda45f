"""UDP without sockets: datagrams between endpoints in one process, on the clock that trio runs on.

A `MemoryNetwork` delays, loses, doubles and reorders by its own random numbers: the same seed, the same fate for every
datagram. Each endpoint that is attached gets a transport that looks to it like a UDP socket.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import Protocol

import trio

from ..sip.events import Flow


class TransportUser(Protocol):
    """What is attached: an `Endpoint`."""

    def add_transport(self, transport: MemoryTransport) -> None:
        """From now on it sends and receives by this one too."""
        ...


class MemoryNetwork:
    """Carries datagrams between the transports attached to it.

    `latency` is seconds one way; `loss`, `duplicate` and `reorder` are probabilities. A reordered datagram comes up to
    ten latencies late (100 ms where there is no latency). All may be changed at any time, and a host cut off.
    """

    def __init__(self, *, rng: random.Random, latency: float = 0.0, loss: float = 0.0, duplicate: float = 0.0,
                 reorder: float = 0.0, clock: Callable[[], float] = trio.current_time) -> None:  # fmt: skip
        self.latency = latency
        self.loss = loss
        self.duplicate = duplicate
        self.reorder = reorder
        self._rng = rng
        self._clock = clock
        self._transports: dict[tuple[str, int], MemoryTransport] = {}
        self._cut_off: set[str] = set()
        self._count = itertools.count()

    def attach(self, endpoint: TransportUser, host: str, port: int = 5060) -> MemoryTransport:
        """Give the endpoint a transport at that address. Raises OSError when it is taken."""
        local = (host, port)
        if local in self._transports:
            raise OSError(f"udp:{host}:{port}: address already in use")
        transport = self._transports[local] = MemoryTransport(self, local)
        endpoint.add_transport(transport)
        return transport

    def detach(self, transport: MemoryTransport) -> None:
        """Nobody is at its address any more; what is on its way there is lost."""
        self._transports.pop(transport.local, None)

    def cut(self, host: str) -> None:
        """From now on nothing reaches that host, and nothing comes from it."""
        self._cut_off.add(host)

    def mend(self, host: str) -> None:
        """The host is connected again."""
        self._cut_off.discard(host)

    def carry(self, data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        """Send a datagram on its way, or lose it."""
        if source[0] in self._cut_off or to[0] in self._cut_off:
            return
        for _ in range(2 if self._happens(self.duplicate) else 1):
            if self._happens(self.loss):
                continue
            late = self._rng.uniform(0, 10 * self.latency or 0.1) if self._happens(self.reorder) else 0.0
            receiver = self._transports.get(to)
            if receiver is not None:
                receiver.arrive(self._clock() + self.latency + late, next(self._count), data, source)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._rng.random() < probability


class MemoryTransport:
    """One UDP address."""

    name = "udp"

    def __init__(self, network: MemoryNetwork, local: tuple[str, int]) -> None:
        self.local = local
        self._network = network
        self._inbox: list[tuple[float, int, bytes, tuple[str, int]]] = []
        self._has_news = trio.Event()

    def send(self, data: bytes, flow: Flow) -> None:
        """Send one datagram to the flow's other end; never waits."""
        self._network.carry(data, self.local, flow.remote)

    def arrive(self, at: float, order: int, data: bytes, source: tuple[str, int]) -> None:
        """The network's part: this will be here at that time."""
        heapq.heappush(self._inbox, (at, order, data, source))
        self._has_news.set()

    async def run(self, receive: Callable[[bytes, Flow], None]) -> None:
        """Hand on what arrives, until cancelled."""
        try:
            while True:
                self._has_news = trio.Event()
                while self._inbox and self._inbox[0][0] <= trio.current_time():
                    _, _, data, source = heapq.heappop(self._inbox)
                    receive(data, Flow("udp", self.local, source))
                with trio.move_on_at(self._inbox[0][0] if self._inbox else float("inf")):
                    await self._has_news.wait()
        finally:
            self._network.detach(self)
