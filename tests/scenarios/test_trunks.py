"""Calls by trunks: targets tried in turn, limits, health, and what the script is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow import Answered, App, Call, Target
from callflow.protocol.events import ChannelCreated, TrunkDown, TrunkUp
from callflow.protocol.queries import TrunkState
from callflow.simulation.simulation import Simulation
from engine.config import Config
from engine.trunks.spec import TargetSpec, TrunkSpec

app = App("by_trunk")
outcomes: list[object] = []


@pytest.fixture(autouse=True)
def no_outcomes():
    outcomes.clear()


@app.route("0.*")
async def out(call: Call) -> None:
    outcomes.append(result := await call.dial(f"{call.to}@carrier"))
    if isinstance(result, Answered):
        outcomes.append(result.leg.trunk)
        await call.bridge(result.leg)


@app.route("1")
async def named(call: Call) -> None:
    outcomes.append(await call.dial(Target(target="+4930123", trunk="carrier")))


@app.route("2")
async def by_uri(call: Call) -> None:
    outcomes.append(await call.dial("sip:+4930123@carrier"))


@app.route("3")
async def unknown(call: Call) -> None:
    try:
        await call.dial("+4930123@carier")
    except Exception as error:
        outcomes.append(str(error))


@app.route("4")
async def by_another(call: Call) -> None:
    outcomes.append(await call.dial("+4930123@carrier", "+4930123@reserve"))


def trunk(*hosts: str, **settings) -> TrunkSpec:
    targets = tuple(TargetSpec(host=host, priority=number) for number, host in enumerate(hosts))
    return TrunkSpec(**{"name": "carrier", "targets": targets, "health": 0, **settings})


def world(folder: Path, *trunks: TrunkSpec) -> Simulation:
    return Simulation(app, folder=folder, settings=Config(trunks=trunks))


def state(simulation: Simulation) -> TrunkState:
    (trunk,) = simulation.switch.trunks
    return trunk.state(simulation.switch.table.calls_of(trunk))


def reasons(number: int = 0) -> list[tuple[str, int, int]]:
    return [(branch.reason, branch.sip_status, branch.q850) for branch in outcomes[number].branches]  # type: ignore


@pytest.mark.callflow(app)
async def test_a_number_is_dialled_by_the_trunk_that_it_names(simulation):
    carrier = simulation.trunk("carrier")
    alice = simulation.phone("alice")
    alice.call("0301234")
    called = await carrier.called("0301234")
    await alice.answered()
    alice.hang_up()
    await called.ended()
    assert outcomes[1] == "carrier"
    created = simulation.happened(ChannelCreated)[1]
    assert (created.trunk, created.to, created.callee.uri) == ("carrier", "0301234", "sip:0301234@carrier")


@pytest.mark.callflow(app)
@pytest.mark.parametrize("number", ["1", "2"])
async def test_a_trunk_is_named_beside_the_number_or_as_the_host_of_a_uri(simulation, number):
    carrier = simulation.trunk("carrier")
    simulation.phone("alice").call(number)
    await carrier.called("+4930123")


@pytest.mark.callflow(app)
async def test_a_trunk_that_there_is_not_is_an_error_that_says_so(simulation):
    alice = simulation.phone("alice")
    alice.call("3")
    await alice.ended()
    assert "[[trunk]]" in outcomes[0]
    assert "carier" in outcomes[0]


def test_the_next_target_is_tried_when_one_refuses_with_503(tmp_path):
    simulation = world(tmp_path, trunk("first", "second"))

    async def test() -> None:
        simulation.trunk("first", fails_with=503)
        second = simulation.trunk("second")
        alice = simulation.phone("alice")
        alice.call("030")
        await second.called("030")
        await alice.answered()

    simulation.run(test)
    assert isinstance(outcomes[0], Answered)


def test_the_next_target_is_tried_when_one_is_silent_and_the_silent_one_is_told_that_it_is_late(tmp_path):
    simulation = world(tmp_path, trunk("first", "second", failover=3.0))

    async def test() -> None:
        simulation.trunk("first").vanish()
        second = simulation.trunk("second")
        alice = simulation.phone("alice")
        alice.call("030")
        began = simulation.now
        await second.called("030")
        assert 3.0 <= simulation.now - began < 4.0
        await alice.answered()

    simulation.run(test)
    assert isinstance(outcomes[0], Answered)


def test_a_callee_who_is_busy_is_not_tried_at_another_target(tmp_path):
    simulation = world(tmp_path, trunk("first", "second"))

    async def test() -> None:
        simulation.trunk("first", fails_with=486)
        second = simulation.trunk("second")
        alice = simulation.phone("alice")
        alice.call("030")
        await alice.ended()
        assert second.calls == []

    simulation.run(test)
    assert reasons() == [("busy", 486, 17)]


def test_one_call_too_many_at_a_time_is_not_placed_and_has_its_place_when_another_ends(tmp_path):
    simulation = world(tmp_path, trunk("host", calls=1))

    async def test() -> None:
        carrier = simulation.trunk("host")
        alice, bob = simulation.phone("alice"), simulation.phone("bob")
        alice.call("030")
        await carrier.called("030")
        await alice.answered()
        assert state(simulation).calls == 1
        bob.call("031")
        await bob.ended()
        assert reasons(2) == [("failed", 503, 34)]
        alice.hang_up()
        await alice.ended()
        bob.call("032")
        await carrier.called("032")

    simulation.run(test)


def test_calls_that_follow_too_fast_are_not_placed(tmp_path):
    simulation = world(tmp_path, trunk("host", rate=1.0))

    async def test() -> None:
        carrier = simulation.trunk("host")
        alice, bob = simulation.phone("alice"), simulation.phone("bob")
        await bob.registered()
        alice.call("030")
        await carrier.called("030")
        bob.call("031")
        await bob.ended()

    simulation.run(test)
    assert [("failed", 503, 34)] in [reasons(n) for n, outcome in enumerate(outcomes) if hasattr(outcome, "branches")]


def test_a_trunk_that_stops_answering_is_down_and_up_again_when_it_answers(tmp_path):
    simulation = world(tmp_path, trunk("host", health=10.0))

    async def test() -> None:
        carrier = simulation.trunk("host")
        await simulation.wait(15)
        assert state(simulation).is_up
        carrier.vanish()
        await simulation.wait(20)
        assert not state(simulation).is_up
        alice = simulation.phone("alice")
        alice.call("030")
        began = simulation.now
        await alice.ended()
        assert simulation.now - began < 1.0
        carrier.come_back()
        await simulation.wait(20)
        assert state(simulation).is_up

    simulation.run(test, settles=False)
    assert reasons() == [("unreachable", 503, 41)]
    changes = [event for each in simulation.history if isinstance(event := each.event, TrunkUp | TrunkDown)]
    assert [type(change) for change in changes[-3:]] == [TrunkUp, TrunkDown, TrunkUp]
    assert changes[-2] == TrunkDown(trunk="carrier", reason="no answer")


def test_a_trunk_that_is_down_is_passed_over_by_the_next_stage(tmp_path):
    reserve = trunk("other", name="reserve")
    simulation = world(tmp_path, trunk("nowhere", health=10.0), reserve)

    async def test() -> None:
        carrier = simulation.trunk("other")
        await simulation.wait(1)
        alice = simulation.phone("alice")
        alice.call("4")
        await carrier.called("+4930123")

    simulation.run(test, settles=False)


def test_a_call_shows_the_address_and_the_codecs_that_the_peer_wants(tmp_path):
    wanted = trunk("host", from_user="+4930999", from_domain="example.net", codecs=("PCMA",))
    simulation = world(tmp_path, wanted)

    async def test() -> None:
        carrier = simulation.trunk("host")
        alice = simulation.phone("alice")
        alice.call("030")
        await carrier.called("030")
        await alice.answered()

    simulation.run(test)
    created = simulation.happened(ChannelCreated)[1]
    assert created.caller.uri == "sip:+4930999@example.net"
    messages, _ = simulation.switch.wire.find([created.sip_call_id], after=0, count=10_000, max_octets=1 << 20)
    assert b"RTP/AVP 8 101\r\n" in messages[0].data
