"""Busy lamps and presence: what calls, phones and scripts make of them (RFC 4235, RFC 3856, RFC 3903)."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from callflow import Answered, App, BadArgument, Call, NotFound
from callflow.protocol.events import PresenceChanged
from callflow.testing import Simulation
from engine.sip.messages import Request, Response
from tests.scenarios.subscriber import Subscriber, subscriber

app = App("lamps")
pytestmark = pytest.mark.callflow(app)
DIALOG = "{urn:ietf:params:xml:ns:dialog-info}"
PIDF = "{urn:ietf:params:xml:ns:pidf}"
BOB = "sip:bob@10.0.0.1"
AWAY = b"""<?xml version="1.0"?>
<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:r="urn:ietf:params:xml:ns:pidf:rpid" entity="sip:bob@10.0.0.1">
<tuple id="t"><status><basic>open</basic></status><note>at lunch</note></tuple>
<r:activities><r:away/></r:activities></presence>"""


@app.route("200")
async def calls_bob(call: Call) -> None:
    result = await call.dial("bob")
    if isinstance(result, Answered):
        await call.bridge(result.leg)


def lamp(notify: Request) -> list[tuple[str, str]]:
    """The direction and the state of each dialog."""
    assert (notify.method, notify.header("Event")) == ("NOTIFY", "dialog")
    root = ElementTree.fromstring(notify.body)
    assert root.get("state") == "full"
    return [(each.get("direction") or "", each.findtext(f"{DIALOG}state") or "") for each in root]


def presence(notify: Request) -> tuple[str | None, str | None, bool]:
    """Open or closed, the note, and whether the user is said to be on the phone."""
    assert (notify.method, notify.header("Event")) == ("NOTIFY", "presence")
    root = ElementTree.fromstring(notify.body)
    note = root.findtext(f"{PIDF}tuple/{PIDF}note")
    return root.findtext(f"{PIDF}tuple/{PIDF}status/{PIDF}basic"), note, b"<rpid:on-the-phone/>" in notify.body


async def publish(
    phone: Subscriber, *headers: tuple[str, str], body: bytes = AWAY, expires: int = 600, tag: str = ""
) -> Response:
    more = [("Content-Type", "application/pidf+xml")] if body else []
    more += [("SIP-If-Match", tag)] if tag else []
    return await phone.ask("PUBLISH", ("Event", "presence"), ("Expires", str(expires)), *more, *headers, body=body)


async def test_a_busy_lamp_follows_a_call_to_the_user(simulation: Simulation):
    bob = simulation.phone("bob")
    await bob.registered()
    async with subscriber(simulation, "desk") as console:
        await console.subscribe("dialog", to=BOB)
        assert lamp(await console.take()) == [("recipient", "terminated")]
        alice = simulation.phone("alice")
        alice.call("200")
        assert lamp(await console.take()) == [("recipient", "trying")]
        assert lamp(await console.take()) == [("recipient", "early")]
        bob.answer()
        assert lamp(await console.take()) == [("recipient", "confirmed")]
        bob.hang_up()
        over = await console.take()
        assert lamp(over) == [("recipient", "terminated")]
        assert ElementTree.fromstring(over.body).get("version") == "4"


async def test_a_busy_lamp_follows_a_call_of_the_user_s(simulation: Simulation):
    bob = simulation.phone("bob", answers_after=1)
    await bob.registered()
    async with subscriber(simulation, "desk") as console:
        await console.subscribe("dialog", to="sip:alice@10.0.0.1")
        await console.take()
        alice = simulation.phone("alice")
        alice.call("200")
        states = [lamp(await console.take())]
        while states[-1] != [("initiator", "confirmed")]:
            states.append(lamp(await console.take()))
        assert states[0] == [("initiator", "trying")]
        alice.hang_up()
        assert lamp(await console.take()) == [("recipient", "terminated")]


async def test_a_script_lights_the_lamp_of_a_number(simulation: Simulation):
    async with subscriber(simulation, "desk") as console:
        await app.set_lamp("701", "busy")
        await console.subscribe("dialog", to="sip:701@10.0.0.1")
        assert lamp(await console.take()) == [("recipient", "confirmed")]
        await app.set_lamp("701", "ringing")
        assert lamp(await console.take()) == [("recipient", "early")]
        await app.set_lamp("701", "off")
        assert lamp(await console.take()) == [("recipient", "terminated")]


async def test_presence_follows_registrations_and_calls(simulation: Simulation):
    async with subscriber(simulation, "desk") as console, subscriber(simulation, "bob", "10.0.9.2") as bob:
        await console.subscribe("presence", to=BOB)
        assert presence(await console.take()) == ("closed", None, False)
        await bob.register()
        assert presence(await console.take()) == ("open", None, False)
        await bob.ask("REGISTER", ("Expires", "0"))
        assert presence(await console.take()) == ("closed", None, False)


async def test_who_talks_is_on_the_phone(simulation: Simulation):
    bob = simulation.phone("bob")
    await bob.registered()
    async with subscriber(simulation, "desk") as console:
        await console.subscribe("presence", to=BOB)
        assert presence(await console.take()) == ("open", None, False)
        alice = simulation.phone("alice")
        alice.call("200")
        await bob.rings()
        await simulation.wait(1)
        assert len(console.requests) == 1  # who rings has no call yet
        bob.answer()
        assert presence(await console.take()) == ("open", None, True)
        bob.hang_up()
        assert presence(await console.take()) == ("open", None, False)


async def test_a_phone_publishes_refreshes_modifies_and_removes(simulation: Simulation):
    async with subscriber(simulation, "desk") as console, subscriber(simulation, "bob", "10.0.9.2") as bob:
        await console.subscribe("presence", to=BOB)
        assert presence(await console.take())[0] == "closed"
        first = await publish(bob)
        assert (first.status, first.header("Expires")) == (200, "600")
        told = await console.take()
        assert presence(told) == ("open", "at lunch", False)
        assert b"<rpid:away/>" in told.body
        again = await publish(bob, body=b"", tag=first.header("SIP-ETag") or "")
        assert again.status == 200
        assert (await publish(bob, body=b"", tag=first.header("SIP-ETag") or "")).status == 412
        changed = await publish(bob, body=AWAY.replace(b"lunch", b"work"), tag=again.header("SIP-ETag") or "")
        assert presence(await console.take()) == ("open", "at work", False)
        assert (await publish(bob, body=b"", tag=changed.header("SIP-ETag") or "", expires=0)).status == 200
        assert presence(await console.take()) == ("closed", None, False)
        assert [(event.status, event.note) for event in simulation.happened(PresenceChanged)] == [
            ("open", "at lunch"),
            ("open", "at work"),
            ("closed", ""),
        ]


async def test_what_a_phone_published_expires(simulation: Simulation):
    async with subscriber(simulation, "desk") as console, subscriber(simulation, "bob", "10.0.9.2") as bob:
        await console.subscribe("presence", to=BOB)
        await console.take()
        await publish(bob, expires=60)
        assert presence(await console.take())[0] == "open"
        await simulation.wait(59)
        assert len(console.requests) == 2
        assert presence(await console.take())[0] == "closed"


async def test_what_cannot_be_published_is_refused(simulation: Simulation):
    async with subscriber(simulation, "bob") as bob, subscriber(simulation, "eve", "10.0.9.2") as eve:
        assert (await publish(bob, expires=5)).header("Min-Expires") == "60"
        assert (await publish(bob, body=b"")).status == 400
        assert (await publish(bob, body=b"<presence/>")).status == 400
        assert (await publish(bob, body=b"", tag="unknown")).status == 412
        plain = await bob.ask("PUBLISH", ("Event", "presence"), ("Content-Type", "text/plain"), body=b"here")
        assert (plain.status, plain.header("Accept")) == (415, "application/pidf+xml")
        other = await bob.ask("PUBLISH", ("Event", "dialog"))
        assert (other.status, other.header("Allow-Events")) == (489, "presence")
        assert (await bob.ask("PUBLISH")).status == 400
        assert (await eve.ask("PUBLISH", ("Event", "presence"), to=BOB)).status == 403
        assert (await bob.ask("PUBLISH", ("Event", "presence"), is_known=False)).status == 401


async def test_a_script_has_the_last_word(simulation: Simulation):
    async with subscriber(simulation, "desk") as console, subscriber(simulation, "bob", "10.0.9.2") as bob:
        await console.subscribe("presence", to=BOB)
        await console.take()
        await app.set_presence("bob", "closed", note="on holiday", activity="vacation")
        told = await console.take()
        assert presence(told) == ("closed", "on holiday", False)
        assert b"<rpid:vacation/>" in told.body
        await publish(bob)
        await simulation.wait(1)
        assert len(console.requests) == 2
        await app.set_presence("bob", "auto")
        assert presence(await console.take()) == ("open", "at lunch", False)
        with pytest.raises(NotFound):
            await app.set_presence("nobody", "open")
        with pytest.raises(BadArgument):
            await app.set_presence("bob", "open", activity="two words")


async def test_of_nobody_s_presence_nothing_is_told(simulation: Simulation):
    async with subscriber(simulation, "desk") as console:
        assert (await console.subscribe("presence", to="sip:nobody@10.0.0.1")).status == 404
