"""The world in which a saved call is made again: a phone for its caller, and one wherever somebody was dialled."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import trio

from callflow.phone import Phone
from callflow.protocol.events import ChannelCreated
from callflow.simulation.leaks import PHONE_TASK
from callflow.simulation.simulation import HOST, PORT, Simulation
from engine.media.fake import FakeMediaEngine
from engine.registrar.users import User
from engine.sip.digest import Credentials
from engine.sip.messages import ParseError, Uri
from engine.sip.next_hop import is_literal

from .conduct import conduct_of
from .legs import Leg
from .person import Person, breathe
from .saved import SavedCall

_PASSWORD = "replayed"  # of everybody, in a world that lasts for one call
_TOGETHER = 0.1  # seconds within which the phones of one user are called


@dataclass(frozen=True, slots=True)
class Address:
    """Where a leg goes: to a user who is registered, or to a URI as it is."""

    user: str = ""
    uri: str = ""


class Stage:
    """The phones, and the people who come to them."""

    def __init__(self, simulation: Simulation, saved: SavedCall, legs: Sequence[Leg], nursery: trio.Nursery) -> None:
        self._simulation = simulation
        self._saved = saved
        self._nursery = nursery
        self._parts: dict[Address, deque[Leg]] = {}
        for leg in legs:
            if not leg.is_caller:
                self._parts.setdefault(_address_of(leg), deque()).append(leg)
        self._people: dict[str, Person] = {}  # by the Call-ID of their leg

    async def open(self) -> None:
        """Put the phones where they belong; users are registered when it returns."""
        users = [(address.user, list(legs)) for address, legs in self._parts.items() if address.user]
        self._know_trunks()
        hosts = {_place(address.uri) for address in self._parts if address.uri}
        for number, (user, legs) in enumerate(users, 1):
            self._know_user(user)
            for phone_number in range(_phones_of(legs)):
                await self._open_user(user, f"10.254.{number % 250}.{phone_number + 2}")
        for number, (host, port) in enumerate(sorted(hosts), 1):
            await self._open_host(host, port, f"10.253.{number // 250}.{number % 250 + 1}")

    async def open_caller(self, created: ChannelCreated) -> Phone:
        """The phone that calls."""
        credentials = None
        if created.user is not None:
            self._know_user(created.user)
            credentials = Credentials(created.user, _PASSWORD)
        return await self._open("caller", "10.254.0.1", credentials=credentials)

    def _know_user(self, name: str) -> None:
        users = self._simulation.switch.users
        users.add((users.get(name) or User.of(name, _PASSWORD)).with_password(_PASSWORD))

    def expect(self, created: ChannelCreated) -> Person | None:
        """A leg is dialled: who will be at its end."""
        legs = self._parts.get(_address(created, is_user=f"@{HOST}" in created.callee.uri))
        if not legs:
            return None
        leg = legs[0] if len(legs) == 1 else legs.popleft()  # who is called more often does again what was done last
        person = Person(leg.name, conduct_of(self._saved, leg), self._nursery)
        self._people[created.sip_call_id] = person
        return person

    def _know_trunks(self) -> None:
        for leg in (leg for legs in self._parts.values() for leg in legs):
            if leg.created.trunk is not None:
                with suppress(ParseError):
                    self._simulation.know_trunk(leg.created.trunk, Uri.parse(leg.created.callee.uri))

    async def _open_user(self, user: str, host: str) -> None:
        phone = await self._open(user, host, credentials=Credentials(user, _PASSWORD))
        self._nursery.start_soon(self._take_calls, phone)
        await phone.register(f"sip:{HOST}:{PORT}")

    async def _open_host(self, host: str, port: int, address: str) -> None:
        if not is_literal(host):
            address = self._simulation.names.setdefault(host.lower(), address)
        elif host != HOST:
            address = host
        phone = await self._open("callee", address, port=port)
        self._nursery.start_soon(self._take_calls, phone)

    async def _open(self, name: str, host: str, *, port: int = PORT, credentials: Credentials | None = None) -> Phone:
        phone, media = self._simulation.device(name, host=host, port=port, credentials=credentials, on_event=breathe)
        await self._nursery.start(_run, phone, media, name=f"{PHONE_TASK} {name}")
        return phone

    async def _take_calls(self, phone: Phone) -> None:
        while True:
            line = await phone.wait_call()
            person = self._people.get(line.invite.call_id)
            if person is not None:
                person.take(line)


async def _run(
    phone: Phone, media: FakeMediaEngine, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED
) -> None:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(media.run)
        await nursery.start(phone.endpoint.run)
        task_status.started()


def _address_of(leg: Leg) -> Address:
    if leg.created.trunk is not None:
        return _address(leg.created, is_user=False)
    is_name = ":" not in leg.target and "@" not in leg.target
    return _address(leg.created, is_user=is_name or not _is_the_same(leg.target, leg.created.callee.uri))


def _is_the_same(target: str, uri: str) -> bool:
    """Was the target called as it is? One of ours is called by its user's name, at the engine's own address."""
    try:
        asked, called = Uri.parse(target), Uri.parse(uri)
    except ParseError:
        return False
    return (asked.user, asked.host, asked.port) == (called.user, called.host, called.port)


def _address(created: ChannelCreated, *, is_user: bool) -> Address:
    return Address(user=created.to) if is_user else Address(uri=created.callee.uri)


def _place(uri: str) -> tuple[str, int]:
    try:
        parsed = Uri.parse(uri)
    except ParseError:
        return "unknown.invalid", PORT
    return parsed.host, parsed.port or PORT


def _phones_of(legs: Iterable[Leg]) -> int:
    """How many phones a user had: as many as were called together."""
    times = [leg.began_at for leg in legs]
    return max(sum(0 <= other - at < _TOGETHER for other in times) for at in times)
