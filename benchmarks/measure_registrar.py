"""What a refresh costs among few and among many phones: the registrar with its digest, and its database."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import trio

from engine.registrar.authentication import Authentication
from engine.registrar.locations import Locations
from engine.registrar.service import Registrar
from engine.registrar.users import User, Users
from engine.sip.digest import Credentials, authorize, parse_challenges
from engine.sip.events import Flow, RequestReceived
from engine.sip.messages import Request, Uri, parse_datagram
from engine.sip.registration import Contact
from engine.store.bindings import DatabaseBindings
from engine.store.place import Place

from .bench import Bench
from .figure import Figure

RATE = 200  # refreshes a second
_FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 5060))
_URI = "sip:pbx.example.com"
_PASSWORD = "secret"


async def measure(bench: Bench) -> list[Figure]:
    """Runs among few, more and many phones, in turn; and the ratio of each to that among few."""
    refreshes, crowds = bench.sizes.refreshes, bench.sizes.crowds
    costs: dict[int, list[float]] = {phones: [] for phones in crowds}
    for turn in range(bench.sizes.repetitions):
        for phones in crowds:
            bench.say(f"{refreshes} refreshes among {phones:,} phones")
            costs[phones].append(await _run(bench.folder / f"registrar-{phones}-{turn}", phones, refreshes))
    few, *others = crowds
    how = (
        f"CPU of {refreshes} refreshes at {RATE} a second, each challenged and answered by digest, of one phone after "
        "another, kept in SQLite: the engine's loop and the database's thread, without sockets."
    )
    figures = [
        Figure(
            name=f"a refresh among {few:,} phones", unit="CPU-us", values=tuple(cost * 1e6 for cost in costs[few]),
            how=how,
        )
    ]  # fmt: skip
    for phones in others:
        ratios = tuple(cost / least for cost, least in zip(costs[phones], costs[few], strict=True))
        figures.append(
            Figure(name=f"a refresh among {phones:,} phones", unit=f"x that among {few:,}", values=ratios, how=how)
        )
    return figures


async def _run(folder: Path, phones: int, refreshes: int) -> float:
    """CPU seconds of one refresh."""
    await trio.Path(folder).mkdir()
    bindings = DatabaseBindings(Place(folder).bindings, epoch=time.time, clock=trio.current_time)
    registered = _Registered(phones, bindings)
    async with trio.open_nursery() as nursery:
        await bindings.load()
        nursery.start_soon(bindings.run)
        nursery.start_soon(registered.registrar.run)
        await registered.refresh(refreshes // 10)  # everything is touched once
        started_at = time.process_time()
        await registered.refresh(refreshes)
        await trio.sleep(0.2)  # what was written last
        seconds = time.process_time() - started_at
        nursery.cancel_scope.cancel()
    return seconds / refreshes


class _Registered:
    """A registrar with so many phones."""

    def __init__(self, phones: int, bindings: DatabaseBindings) -> None:
        self._phones = [f"u{number}" for number in range(phones)]
        self._turn = itertools.cycle(self._phones)
        self._numbers = itertools.count(2)
        self._answer: tuple[int, list[tuple[str, str]]] = (0, [])
        self.locations = Locations(max_contacts=phones, on_change=bindings.put)
        expires_at = trio.current_time() + 3600
        for number, user in enumerate(self._phones):
            uri = Uri(user=user, host="198.51.100.7")
            contact = Contact(uri=uri, flow=_FLOW, call_id=user, cseq=1, expires_at=expires_at + number * 0.001)
            self.locations.restore(user, [contact])
        tokens = itertools.count()
        self.registrar = Registrar(
            sip=self,
            authentication=Authentication(
                Users(User.of(user, _PASSWORD) for user in self._phones),
                realm="callflow",
                new_token=lambda: f"{next(tokens):016x}",
                clock=trio.current_time,
            ),
            locations=self.locations,
            events=self,
        )

    def respond(
        self, transaction: object, status: int, *, reason: str | None = None, headers=(), body: bytes = b""
    ) -> None:
        self._answer = status, list(headers)

    def emit(self, event: object) -> int:
        return 0

    async def refresh(self, times: int) -> None:
        """So many, at their rate."""
        begun_at = trio.current_time()
        for number in range(times):
            self._refresh(next(self._turn))
            if number % 20 == 19:
                await trio.sleep_until(begun_at + (number + 1) / RATE)

    def _refresh(self, user: str) -> None:
        number = next(self._numbers)
        self._send(user, number)
        _, headers = self._answer
        asked = parse_challenges(value for name, value in headers if name == "WWW-Authenticate")
        proof = authorize(asked, Credentials(user, _PASSWORD), method="REGISTER", uri=_URI, cnonce="c", nonce_count=1)
        self._send(user, number, f"Authorization: {proof}")
        status, _ = self._answer
        assert status == 200, f"expected 200, got {status}"

    def _send(self, user: str, number: int, *more: str) -> None:
        lines = [
            f"REGISTER {_URI} SIP/2.0", "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK1",
            f"From: <sip:{user}@pbx.example.com>;tag=f", f"To: <sip:{user}@pbx.example.com>", f"Call-ID: {user}",
            f"CSeq: {number} REGISTER", "Max-Forwards: 70", f"Contact: <sip:{user}@198.51.100.7>", *more,
            "Content-Length: 0", "", "",
        ]  # fmt: skip
        request = parse_datagram("\r\n".join(lines).encode())
        assert isinstance(request, Request)
        self.registrar.handle(RequestReceived(None, request, _FLOW))  # type: ignore[arg-type]
