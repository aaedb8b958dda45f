"""Two stacks on a network of one's own, in virtual time: latency, loss, duplication and reordering by a seed."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from typing import TypeVar

from engine.sip.events import Flow, SipEvent
from engine.sip.messages import Address, Uri
from engine.sip.stack import Invite, SipStack
from tests.sip.messages_by_hand import OFFER

T = TypeVar("T", bound=object)
LONG = 250.0  # seconds after which whatever was hung up is forgotten, whoever heard of it


class Phone:
    """A stack and what it was told. `react` may use verbs at once."""

    def __init__(self, network: Network, name: str, host: str) -> None:
        count = itertools.count(1)
        self.network = network
        self.name = name
        self.address = (host, 5060)
        self.stack = SipStack(new_token=lambda: f"{len(name):x}{ord(name[0]):x}{next(count):013x}")
        self.events: list[SipEvent] = []
        self.react: Callable[[Phone, SipEvent], None] = lambda phone, event: None

    def call(self, other: Phone, *, body: bytes = OFFER) -> Invite:
        return self.stack.invite(
            Uri.parse(f"sip:{other.name}@{other.address[0]}"),
            flow=Flow("udp", self.address, other.address),
            from_=Address.parse(f"<sip:{self.name}@{self.address[0]}>"),
            body=body,
            now=self.network.now,
        )

    def told(self, kind: type[T]) -> list[T]:
        return [event for event in self.events if isinstance(event, kind)]


class Network:
    """Run it with `run`; `lose` decides about single messages where a test wants one lost."""

    def __init__(
        self, *, seed: int = 0, latency: float = 0.02, loss: float = 0.0, duplicate: float = 0.0, reorder: float = 0.0
    ) -> None:
        self.now = 0.0
        self.latency, self.loss, self.duplicate, self.reorder = latency, loss, duplicate, reorder
        self.lose: Callable[[bytes], bool] = lambda data: False
        self.phones = {(host, 5060): Phone(self, name, host) for name, host in (("a", "10.0.0.1"), ("b", "10.0.0.2"))}
        self.alice, self.bob = self.phones.values()
        self._random = random.Random(seed)
        self._count = itertools.count()
        self._on_the_way: list[tuple[float, int, bytes, Flow]] = []

    def run(self, seconds: float) -> None:
        """Let time pass, and everything happen that happens in it."""
        end = self.now + seconds
        self._settle()
        while (at := self._next_moment()) <= end:
            assert at >= self.now, "time runs backwards"
            self.now = at
            while self._on_the_way and self._on_the_way[0][0] <= at:
                _, _, data, flow = heapq.heappop(self._on_the_way)
                self.phones[flow.remote].stack.receive_datagram(data, Flow("udp", flow.remote, flow.local), now=at)
                self._settle()
            for phone in self.phones.values():
                phone.stack.handle_deadline(now=at)
            self._settle()
        self.now = end

    def is_empty(self) -> bool:
        return all(
            not any(phone.stack.counts) and phone.stack.next_deadline() is None for phone in self.phones.values()
        )

    def _next_moment(self) -> float:
        deadlines = [phone.stack.next_deadline() for phone in self.phones.values()]
        arrivals = [self._on_the_way[0][0]] if self._on_the_way else []
        return min([*(at for at in deadlines if at is not None), *arrivals], default=float("inf"))

    def _settle(self) -> None:
        """Take what the stacks send and say, until they are quiet."""
        is_busy = True
        while is_busy:
            is_busy = False
            for phone in self.phones.values():
                for data, flow in phone.stack.datagrams_to_send():
                    is_busy = True
                    self._carry(data, flow)
                while (event := phone.stack.next_event()) is not None:
                    is_busy = True
                    phone.events.append(event)
                    phone.react(phone, event)

    def _carry(self, data: bytes, flow: Flow) -> None:
        if self.lose(data):
            return
        for _ in range(1 + (self._random.random() < self.duplicate)):
            if self._random.random() < self.loss:
                continue
            late = self._random.uniform(0, 1.0) if self._random.random() < self.reorder else 0.0
            heapq.heappush(self._on_the_way, (self.now + self.latency + late, next(self._count), data, flow))
