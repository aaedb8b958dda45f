"""A registrar on a network in memory, as a carrier has one, and an engine's trunks that register with it."""

from __future__ import annotations

import itertools
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from callflow.protocol.events import Event
from engine.registrar.authentication import Authentication
from engine.registrar.locations import Locations
from engine.registrar.service import Registrar
from engine.registrar.users import User, Users
from engine.sip.events import RequestReceived, ResponseReceived
from engine.sip.registration import Limits
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from engine.transport.memory import MemoryNetwork
from engine.trunks.spec import TargetSpec, TrunkSpec
from engine.trunks.trunk import Trunk
from engine.trunks.trunks import Trunks

OURS = "10.0.0.1"
HOSTS = {"first.example.net": "10.0.2.1", "second.example.net": "10.0.2.2"}


def tokens(prefix: int):
    numbers = itertools.count()
    return lambda: f"{prefix:08x}{next(numbers):08x}"


class Peer:
    """A registrar with one user. `status` refuses everything with that."""

    def __init__(self, network: MemoryNetwork, host: str, number: int, **limits: int) -> None:
        self.stack = SipStack(new_token=tokens(number))
        self.endpoint = Endpoint(self.stack, on_event=self._take)
        network.attach(self.endpoint, host)
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.requests: list[tuple[float, RequestReceived]] = []
        self.locations = Locations()
        users = Users([User.of("4930999", "secret", realm="carrier")])
        authentication = Authentication(
            users, realm="carrier", new_token=tokens(number + 100), clock=trio.current_time, lifetime=60
        )
        self._registrar = Registrar(
            sip=self.endpoint,
            authentication=authentication,
            locations=self.locations,
            events=_Nowhere(),
            limits=Limits(**limits),
        )

    def contacts(self) -> list[str]:
        return [str(contact.uri) for contact in self.locations.contacts("4930999")]

    def _take(self, event: object) -> None:
        if isinstance(event, RequestReceived):
            self.requests.append((trio.current_time(), event))
            if self.status is not None:
                self.endpoint.respond(event.transaction, self.status, headers=self.headers)
            else:
                self._registrar.handle(event)


class _Nowhere:
    def emit(self, event: Event) -> int:
        return 0


class World:
    """Two peers, the second as a reserve, and our trunks."""

    def __init__(self, **settings) -> None:
        self.network = MemoryNetwork(rng=random.Random(1), latency=0.01)
        limits = settings.pop("limits", {})
        self.first, self.second = (Peer(self.network, HOSTS[name], n, **limits) for n, name in enumerate(HOSTS, 1))
        self.events: list[tuple[float, Event]] = []
        self.endpoint = Endpoint(
            SipStack(new_token=tokens(9)), on_event=self._take, resolve_host=self._resolve, only="udp"
        )
        self.network.attach(self.endpoint, OURS)
        targets = tuple(TargetSpec(host=name, priority=number) for number, name in enumerate(HOSTS))
        spec = TrunkSpec(**{
            "name": "carrier", "targets": targets, "username": "4930999", "password": "secret", "register": True,
            "health": 0, **settings,
        })  # fmt: skip
        self.trunks = Trunks([spec], sip=self.endpoint, events=self, new_token=tokens(10))

    @property
    def trunk(self) -> Trunk:
        return next(iter(self.trunks))

    def told(self, kind: type[Event]) -> list[Event]:
        return [event for _, event in self.events if isinstance(event, kind)]

    def emit(self, event: Event) -> int:
        self.events.append((trio.current_time(), event))
        return len(self.events)

    def _take(self, event: object) -> None:
        if isinstance(event, ResponseReceived):
            self.trunks.receive(event)

    async def _resolve(self, host: str) -> list[str]:
        return [HOSTS.get(host, host)]


@asynccontextmanager
async def running(**settings) -> AsyncIterator[World]:
    """The world at work."""
    world = World(**settings)
    async with trio.open_nursery() as nursery:
        for endpoint in (world.first.endpoint, world.second.endpoint, world.endpoint):
            await nursery.start(endpoint.run)
        nursery.start_soon(world.trunks.run)
        yield world
        nursery.cancel_scope.cancel()
