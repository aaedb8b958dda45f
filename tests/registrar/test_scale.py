"""What one REGISTER costs does not depend on how many phones have registered: counted, not timed."""

from __future__ import annotations

import itertools

from benchmarks.instructions import of_python
from engine.registrar.authentication import Authentication
from engine.registrar.locations import Locations
from engine.registrar.service import Registrar
from engine.registrar.users import User, Users
from engine.sip.events import Flow, RequestReceived
from engine.sip.messages import Uri
from engine.sip.registration import Contact

from .register import answer, register

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40000))
CROWD = 100_000


class Registered:
    """A registrar with so many phones. A step is a refresh, half a second (of 200 a second) after the one before."""

    def __init__(self, phones: int) -> None:
        self.now, self.number = 0.0, 0
        self.answers: list[tuple[int, list[tuple[str, str]]]] = []
        self.written: list[str] = []
        tokens = itertools.count()
        self.locations = Locations(max_contacts=CROWD + 1, on_change=lambda user, contacts: self.written.append(user))
        for number in range(phones):
            uri = Uri(user=f"u{number}", host="10.0.0.1")
            user = f"u{number}"
            contact = Contact(uri=uri, flow=FLOW, call_id=user, cseq=1, expires_at=3600.0 + number)
            self.locations.restore(user, [contact])
        self.registrar = Registrar(
            sip=self,
            authentication=Authentication(
                Users([User.of("alice", "secret")]),
                realm="callflow",
                new_token=lambda: f"{next(tokens):016x}",
                clock=lambda: self.now,
            ),
            locations=self.locations,
            events=self,
            clock=lambda: self.now,
        )

    def respond(self, transaction, status, *, reason=None, headers=(), body=b"") -> None:
        self.answers.append((status, list(headers)))

    def emit(self, event) -> int:
        return 0

    def refresh(self) -> None:
        """A challenge, and its answer."""
        self.now += 0.005
        self.number += 2
        self._send(cseq=self.number)
        status, challenge = self.answers[-1]
        assert status == 401
        self._send(cseq=self.number + 1, headers=[answer(challenge)])
        assert self.answers[-1][0] == 200
        self.locations.expire(now=self.now)

    def _send(self, **parts) -> None:
        self.registrar.handle(RequestReceived(None, register(**parts), FLOW))  # type: ignore[arg-type]


def cost_among(phones: int) -> float:
    registered = Registered(phones)

    def refreshes(times: int) -> None:
        for _ in range(times):
            registered.refresh()

    return of_python(refreshes)


def test_a_refresh_among_a_hundred_thousand_costs_as_much_as_among_ten():
    assert cost_among(CROWD) < cost_among(10) * 1.02


def test_each_of_a_hundred_thousand_expires_once_and_at_the_cost_of_one():
    def cost_of_each(phones: int) -> float:
        registered = Registered(phones)
        total = 0

        def drop(times: int) -> None:
            nonlocal total
            for _ in range(times):
                dropped = registered.locations.expire(now=3600.0 + total)
                assert [user for user, _ in dropped] == [f"u{total}"]
                total += 1

        return of_python(drop)

    assert cost_of_each(CROWD) < cost_of_each(20) * 1.02


def test_a_page_of_a_list_costs_as_much_among_a_hundred_thousand_as_among_a_thousand():
    def cost_of_a_page(phones: int) -> float:
        locations = Registered(phones).locations

        def show(times: int) -> None:
            for _ in range(times):
                assert len(list(itertools.islice(locations.since("u5 sip:u5@10.0.0.1"), 100))) == 100

        return of_python(show)

    assert cost_of_a_page(CROWD) == cost_of_a_page(1000)
