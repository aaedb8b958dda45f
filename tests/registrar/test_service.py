"""The registrar: what a phone is answered, and which events tell of it."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
import trio

from callflow.protocol.events import RegistrationAdded, RegistrationExpired, RegistrationRemoved
from engine.registrar.authentication import Authentication
from engine.registrar.locations import Locations
from engine.registrar.service import Registrar
from engine.registrar.users import User, Users
from engine.sip.events import Flow, RequestReceived
from engine.sip.messages import Uri
from engine.sip.registration import Limits
from tests.trio_tests import run_virtual

from .register import answer, register

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40000))


class Switch:
    """A registrar, and what it answered and told."""

    def __init__(self, **options):
        tokens = itertools.count()
        self.answers: list[tuple[int, list[tuple[str, str]]]] = []
        self.events: list[object] = []
        self.locations = Locations(**options)
        self.registrar = Registrar(
            sip=self,
            authentication=Authentication(
                Users([User.of("alice", "secret"), User.of("bob", "hidden")]),
                realm="callflow",
                new_token=lambda: f"{next(tokens):016x}",
                clock=trio.current_time,
            ),
            locations=self.locations,
            events=self,
            limits=Limits(min_expires=10),
        )

    def respond(self, transaction, status, *, reason=None, headers=(), body=b""):
        self.answers.append((status, list(headers)))

    def emit(self, event):
        self.events.append(event)
        return len(self.events)

    def send(self, **parts) -> tuple[int, list[tuple[str, str]]]:
        self.registrar.handle(RequestReceived(None, register(**parts), FLOW))
        return self.answers[-1]

    def send_signed(self, *, signer="alice", password="secret", headers=(), **parts):
        status, challenge = self.send(**parts)
        if status != 401:
            return status, challenge
        return self.send(headers=[answer(challenge, signer, password), *headers], **parts)


@run_virtual
async def test_a_phone_registers_and_is_found_through_its_flow():
    switch = Switch()
    assert switch.send()[0] == 401
    status, headers = switch.send_signed()
    assert (status, headers) == (200, [("Contact", "<sip:alice@10.0.0.1:5062>;expires=3600")])
    (contact,) = switch.locations.contacts("alice")
    assert contact.flow == FLOW
    assert switch.events == [RegistrationAdded(user="alice", contact="sip:alice@10.0.0.1:5062", expires_after=3600.0)]


@run_virtual
async def test_a_contact_expires_once_with_an_event():
    switch = Switch()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(switch.registrar.run)
        await trio.sleep(5)
        switch.send_signed(headers=[("Expires", "20")])
        await trio.sleep(15)
        switch.send_signed(headers=[("Expires", "20")], cseq=2)
        await trio.sleep(19.9)
        assert len(switch.locations) == 1
        await trio.sleep(0.2)
        assert len(switch.locations) == 0
        await trio.sleep(1000)
        nursery.cancel_scope.cancel()
    assert switch.events == [
        RegistrationAdded(user="alice", contact="sip:alice@10.0.0.1:5062", expires_after=20.0),
        RegistrationAdded(user="alice", contact="sip:alice@10.0.0.1:5062", expires_after=20.0, is_refresh=True),
        RegistrationExpired(user="alice", contact="sip:alice@10.0.0.1:5062"),
    ]


@run_virtual
async def test_a_phone_takes_its_contact_back():
    switch = Switch()
    switch.send_signed()
    assert switch.send_signed(contact="*", headers=[("Expires", "0")], cseq=2) == (200, [])
    assert switch.events[1:] == [RegistrationRemoved(user="alice", contact="sip:alice@10.0.0.1:5062")]
    assert switch.locations.next_deadline() is None


@run_virtual
async def test_a_query_tells_the_time_that_is_left_and_no_event():
    switch = Switch()
    switch.send_signed()
    await trio.sleep(600)
    assert switch.send_signed(contact=None, cseq=2)[1] == [("Contact", "<sip:alice@10.0.0.1:5062>;expires=3000")]
    assert len(switch.events) == 1


@run_virtual
async def test_after_a_restart_users_are_where_they_were_unless_they_have_gone():
    before = Switch()
    before.send_signed()
    [contact] = before.locations.contacts("alice")
    switch = Switch()
    found = [("alice", [contact]), ("bob", [replace(contact, expires_at=trio.current_time())]), ("removed", [contact])]
    switch.registrar.restore(found, is_user=lambda user: user != "removed")
    assert list(switch.locations) == [("alice", contact)]
    assert switch.events == [RegistrationExpired(user="bob", contact="sip:alice@10.0.0.1:5062")]
    assert switch.send_signed(cseq=1)[0] == 500  # what was heard before still counts
    assert switch.send_signed(cseq=2)[0] == 200


@run_virtual
async def test_who_registers_before_it_can_be_read_who_was_there_loses_none_of_his_other_phones():
    switch = Switch()
    switch.send_signed()
    [newer] = switch.locations.contacts("alice")
    desk = replace(newer, uri=Uri.parse("sip:alice@10.0.0.9"), expires_at=trio.current_time() + 90)
    older = replace(newer, expires_at=trio.current_time() + 1)
    switch.registrar.restore([("alice", [older, desk])], is_user=lambda user: True)
    assert switch.locations.stored("alice") == (desk, newer)


@run_virtual
async def test_the_proxies_on_the_way_are_told_to_a_phone_that_knows_them():
    path = [("Path", "<sip:edge.example.com;lr>"), ("Supported", "path")]
    status, headers = Switch().send_signed(headers=path)
    assert status == 200
    assert headers[1:] == path[:1]


@run_virtual
async def test_nobody_registers_for_another():
    switch = Switch()
    assert switch.send_signed(user="bob", signer="alice")[0] == 403
    assert switch.send_signed(user="nobody", signer="alice")[0] == 403
    assert switch.send_signed(user="bob", signer="bob", password="secret")[0] == 401
    assert switch.events == []


@run_virtual
async def test_what_is_refused_changes_nothing():
    switch = Switch()
    assert switch.send_signed(headers=[("Expires", "9")]) == (423, [("Min-Expires", "10")])
    assert switch.events == []


@pytest.mark.parametrize("to", ["<tel:+15551234>", "<sip:pbx.example.com>", "<mailto:alice@example.com>"])
def test_an_address_that_cannot_be_registered_is_refused(to):
    @run_virtual
    async def run():
        assert Switch().send(to=to)[0] in (400, 404)

    run()


@run_virtual
async def test_the_total_is_bounded():
    switch = Switch(max_contacts=1)
    assert switch.send_signed()[0] == 200
    assert switch.send_signed(user="bob", signer="bob", password="hidden")[0] == 503
    assert switch.send_signed(cseq=2)[0] == 200
