"""Who calls: whom the engine believes, what it tells others, what it withholds, and what a script knows of it."""

from __future__ import annotations

from ipaddress import ip_network
from pathlib import Path

import pytest

from callflow import App, Call
from callflow.protocol.events import Diversion, Party, Security
from callflow.simulation.simulation import Simulation
from engine.config import Config, User
from engine.sip.identity import IdentityPolicy
from engine.sip.messages import Message, parse_datagram
from engine.trunks.spec import TargetSpec, TrunkSpec

app = App("identity")
calls: list[Call] = []
CARRIER = ip_network("10.0.9.9/32")


@pytest.fixture(autouse=True)
def no_calls():
    calls.clear()


@app.route("1000")
async def to_bob(call: Call) -> None:
    calls.append(call)
    await call.dial("bob")


@app.route("0.*")
async def out(call: Call) -> None:
    calls.append(call)
    await call.dial(f"{call.to}@carrier")


@app.route("90.*")
async def hidden(call: Call) -> None:
    await call.dial(f"{call.to}@carrier", withheld=True)


@app.route("91.*")
async def shown(call: Call) -> None:
    await call.dial(f"{call.to}@carrier", withheld=False, headers={"X-Ticket": "7", "X-Internal": "secret"})


def world(folder: Path, **settings) -> Simulation:
    trunk = TrunkSpec(**{"name": "carrier", "targets": (TargetSpec(host="carrier"),), "health": 0, **settings})
    return Simulation(app, folder=folder, settings=Config(trunks=(trunk,)))


def invites_to(simulation: Simulation, host: str) -> list[Message]:
    """All INVITEs that arrive at a host from now on."""
    seen: list[Message] = []
    carry = simulation.network.carry

    def spy(data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        if to[0] == host and data.startswith(b"INVITE "):
            seen.append(parse_datagram(data))
        carry(data, source, to)

    simulation.network.carry = spy  # type: ignore[method-assign]
    return seen


async def from_carrier(simulation: Simulation, *headers: tuple[str, str]) -> Message:
    """What bob is sent when the carrier's switch calls 1000."""
    bob = simulation.phone("bob")
    await bob.registered()
    seen = invites_to(simulation, bob.host)
    simulation.phone("switch", host="10.0.9.9", registers=False).call("1000", headers=headers)
    await bob.rings()
    return seen[0]


async def to_carrier(simulation: Simulation, number: str, *headers: tuple[str, str]) -> Message:
    """What the carrier is sent when alice calls a number."""
    carrier = simulation.trunk("carrier", answers_after=None)
    seen = invites_to(simulation, carrier.endpoint.listeners[0][1])
    simulation.phone("alice").call(number, headers=headers)
    await (await carrier.called(number)).rings()
    return seen[0]


def test_the_asserted_identity_of_a_trusted_trunk_is_the_caller(tmp_path):
    simulation = world(tmp_path, allow=(CARRIER,), context="internal", identity=IdentityPolicy("pai"))

    async def test() -> None:
        told = await from_carrier(simulation, ("P-Asserted-Identity", '"Ann" <sip:+4930123@carrier.example>'))
        assert calls[0].caller == Party("sip:+4930123@carrier.example", "+4930123", "Ann")
        assert (told.from_.uri.user, told.from_.name) == ("+4930123", "Ann")
        assert told.header("P-Asserted-Identity") is None  # a phone is not of the trust domain unless that is said

    simulation.run(test)


def test_that_of_another_is_worth_nothing(tmp_path):
    simulation = world(tmp_path, allow=(CARRIER,), context="internal")

    async def test() -> None:
        told = await from_carrier(simulation, ("P-Asserted-Identity", "<sip:+4930123@carrier.example>"))
        assert calls[0].caller.number == "switch"
        assert "+4930123" not in bytes(told.raw).decode()

    simulation.run(test)


def test_a_caller_who_withholds_himself_is_known_to_the_script_and_not_to_the_phone(tmp_path):
    simulation = world(tmp_path, allow=(CARRIER,), context="internal", identity=IdentityPolicy("pai"))

    async def test() -> None:
        asserted = ("P-Asserted-Identity", '"Ann" <sip:+4930123@carrier.example>')
        told = await from_carrier(simulation, asserted, ("Privacy", "id"))
        assert (calls[0].caller.number, calls[0].withheld) == ("+4930123", True)
        assert str(told.from_.uri) == "sip:anonymous@anonymous.invalid"
        assert told.header("Privacy") == "id"
        raw = bytes(told.raw).decode()
        assert "4930123" not in raw
        assert "Ann" not in raw

    simulation.run(test)


def test_a_trunk_of_the_trust_domain_is_told_who_calls_beside_the_account(tmp_path):
    simulation = world(tmp_path, identity=IdentityPolicy("from", "pai"), from_user="4930999", from_domain="c.example")

    async def test() -> None:
        told = await to_carrier(simulation, "030")
        assert told.from_.uri.user == "4930999"
        assert told.header("P-Asserted-Identity") == "<sip:alice@c.example>"
        assert told.header("Privacy") is None

    simulation.run(test)


def test_a_caller_who_withholds_himself_is_named_to_the_trust_domain_alone(tmp_path):
    simulation = world(tmp_path, identity=IdentityPolicy("from", "pai"))

    async def test() -> None:
        told = await to_carrier(simulation, "030", ("Privacy", "id"))
        assert str(told.from_.uri) == "sip:anonymous@anonymous.invalid"
        assert told.header("P-Asserted-Identity") == "<sip:alice@carrier>"
        assert told.header("Privacy") == "id"

    simulation.run(test)


def test_a_script_withholds_the_caller(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        told = await to_carrier(simulation, "9030")
        assert "alice" not in bytes(told.raw).decode()

    simulation.run(test)


def test_a_script_shows_a_caller_and_a_trunk_has_headers_of_its_own(tmp_path):
    simulation = world(tmp_path, headers=(("X-Account", "77"), ("X-Ticket", "0")), strip=frozenset({"x-internal"}))

    async def test() -> None:
        told = await to_carrier(simulation, "9130", ("Privacy", "id"))
        assert told.from_.uri.user == "alice"
        assert told.header("Privacy") is None
        assert (told.header("X-Account"), told.headers("X-Ticket"), told.header("X-Internal")) == ("77", ["7"], None)

    simulation.run(test)


def test_who_forwarded_a_call_is_known_to_the_script(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        await to_carrier(simulation, "030", ("Diversion", '"Desk" <sip:desk@pbx.example>;reason=no-answer'))
        assert calls[0].diversions == (Diversion(Party("sip:desk@pbx.example", "desk", "Desk"), "no-answer"),)

    simulation.run(test)


def test_a_script_knows_how_secure_a_call_is(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        await to_carrier(simulation, "030")
        assert calls[0].security == Security(transport="udp", media="none", user="alice")
        (state, leg) = simulation.switch.table.states()
        assert state.security == calls[0].security
        assert leg.security == Security(transport="udp")

    simulation.run(test)


def test_a_user_s_phone_may_be_of_the_trust_domain_and_may_be_believed(tmp_path):
    """A switch that registers as a user: it is told who calls, and says who does."""
    trusted = IdentityPolicy("pai", "pai")
    users = tuple(User(name=name, password="x", identity=trusted) for name in ("alice", "bob"))
    simulation = Simulation(app, folder=tmp_path, settings=Config(users=users))

    async def test() -> None:
        bob = simulation.phone("bob")
        await bob.registered()
        seen = invites_to(simulation, bob.host)
        asserted = ("P-Asserted-Identity", "<sip:+4930123@pbx.example>")
        simulation.phone("alice").call("1000", headers=[asserted, ("Privacy", "id")])
        await bob.rings()
        assert (calls[0].user, calls[0].caller.number, calls[0].withheld) == ("alice", "+4930123", True)
        assert str(seen[0].from_.uri) == "sip:anonymous@anonymous.invalid"
        assert "+4930123" in (seen[0].header("P-Asserted-Identity") or "")

    simulation.run(test)
