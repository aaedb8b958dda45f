"""What crosses from one leg to the other, and what does not."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call
from callflow.testing import SimulatedPhone, Simulation
from engine.sip.messages import Request, Response, parse_datagram

app = App("headers")
pytestmark = pytest.mark.callflow(app)
read: list[dict[str, list[str]]] = []


@app.route("1002")
async def bob(call: Call) -> None:
    read[:] = [await call.headers("supported", "Authorization", "X-Nothing"), await call.headers()]
    won = await call.dial("bob", headers={"X-Ticket": "77"})
    if isinstance(won, Answered):
        read.append(await won.leg.headers("Server", "CSeq"))
        await call.bridge(won.leg)


def messages_to(simulation: Simulation, phone: SimulatedPhone) -> list[bytes]:
    """All that arrives at a phone from now on."""
    seen: list[bytes] = []
    carry = simulation.network.carry

    def spy(data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        if to == tuple(phone.endpoint.listeners[0][1:]):
            seen.append(data)
        carry(data, source, to)

    simulation.network.carry = spy  # type: ignore[method-assign]
    return seen


async def connected(simulation: Simulation) -> tuple[SimulatedPhone, SimulatedPhone]:
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    alice.call("1002")
    await alice.connected_to(bob)
    return alice, bob


async def test_a_script_reads_headers_but_no_credentials(simulation: Simulation):
    await connected(simulation)
    named, every, answer = read
    assert list(named) == ["supported"]
    assert every["CSeq"] == ["2 INVITE"]  # the second attempt, with credentials
    assert "Authorization" not in every
    assert answer == {"Server": ["callflow simulated phone"], "CSeq": ["1 INVITE"]}


async def test_nothing_of_one_leg_is_seen_on_the_other(simulation: Simulation):
    """No address, Call-ID, tag, branch or name of alice's software reaches bob, and the other way round."""
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    to_alice, to_bob = messages_to(simulation, alice), messages_to(simulation, bob)
    alice.call("1002")
    await alice.connected_to(bob)
    alice.hold()
    await simulation.wait(1)
    alice.resume()
    await simulation.wait(1000)  # with a refresh of the session timer
    bob.hang_up()
    await alice.ended()
    for phone, others in ((alice, to_bob), (bob, to_alice)):
        own = [parse_datagram(data) for data in (to_alice if phone is alice else to_bob)]
        secrets = {phone.endpoint.listeners[0][1].encode(), b"simulated phone"}
        for message in own:
            secrets |= {message.call_id.encode()}
            secrets |= {tag.encode() for tag in (message.from_.tag, message.to.tag) if tag}
            if isinstance(message, Response | Request) and message.via.branch:
                secrets.add(message.via.branch.encode())
        assert len(secrets) > 5
        for data in others:
            assert not [secret for secret in secrets if secret in data], data


async def test_a_call_that_is_passed_on_has_one_hop_less(simulation: Simulation):
    alice, bob = simulation.phone("alice"), simulation.phone("bob", answers_after=1)
    await bob.registered()
    to_bob = messages_to(simulation, bob)
    alice.call("1002")
    await alice.connected_to(bob)
    invite = next(message for message in map(parse_datagram, to_bob) if isinstance(message, Request))
    assert (invite.method, invite.max_forwards, invite.header("X-Ticket")) == ("INVITE", 69, "77")


async def test_no_header_of_one_leg_is_passed_on_by_itself(simulation: Simulation):
    """What a caller's network says of him is for the script: the callee is told what that says, and no more."""
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    await bob.registered()
    to_bob = messages_to(simulation, bob)
    said = {
        "User-Agent": "Secret/1.0",
        "P-Asserted-Identity": "<sip:secret@pbx.internal>",
        "P-Charging-Vector": "icid-value=secret",
        "Diversion": "<sip:secret@10.9.9.9>",
        "History-Info": "<sip:secret@10.9.9.9>;index=1",
        "Subject": "secret",
        "X-Internal": "secret",
    }
    alice.call("1002", headers=list(said.items()))
    await bob.rings()
    assert read[1]["Diversion"] == [said["Diversion"]]
    assert to_bob
    for data in to_bob:
        assert b"secret" not in data.lower(), data
        assert b"10.9.9.9" not in data
    bob.reject()
    await alice.ended()
