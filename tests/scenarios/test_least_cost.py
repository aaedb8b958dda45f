"""Numbers that go by the cheapest trunk, and numbers that DNS has addresses of."""

from __future__ import annotations

from pathlib import Path

import pytest

from callflow import Answered, App, Call, Failed
from callflow.protocol.events import RecordWritten
from callflow.protocol.records import CallRecord
from callflow.simulation.simulation import Simulation
from engine.config import Config
from engine.trunks.spec import TargetSpec, TrunkSpec

app = App("least_cost")
outcomes: list[object] = []


@pytest.fixture(autouse=True)
def no_outcomes():
    outcomes.clear()


@app.route(r"0.*|\+.*")
async def out(call: Call) -> None:
    try:
        number, _, trunk = call.to.partition("-at-")
        outcomes.append(result := await call.dial(f"{number}@{trunk or '*'}"))
    except Exception as error:
        outcomes.append(str(error))
        return
    if isinstance(result, Answered):
        outcomes.append(result.leg.trunk)


@app.route("1")
async def by_enum(call: Call) -> None:
    outcomes.append(await call.dial("enum:+4930123"))


def trunk(name: str, costs: dict[str, float], **settings) -> TrunkSpec:
    prices = tuple(sorted(costs.items(), key=lambda cost: -len(cost[0])))
    return TrunkSpec(**{"name": name, "targets": (TargetSpec(host=name),), "health": 0, "costs": prices, **settings})


def world(folder: Path, *trunks: TrunkSpec) -> Simulation:
    return Simulation(app, folder=folder, settings=Config(trunks=trunks))


def records(simulation: Simulation) -> list[CallRecord]:
    return [event.record for event in simulation.happened(RecordWritten)]


DEAR = trunk("dear", {"": 9})
CHEAP = trunk("cheap", {"": 1, "+49": 20})
ITALIAN = trunk("italian", {"+39": 0.5})


@pytest.mark.parametrize(("number", "expected"), [("030", "cheap"), ("+4930", "dear"), ("+3906", "italian")])
def test_the_cheapest_by_the_longest_beginning_takes_the_call(tmp_path, number, expected):
    simulation = world(tmp_path, DEAR, CHEAP, ITALIAN)

    async def test() -> None:
        carriers = {name: simulation.trunk(name) for name in ("dear", "cheap", "italian")}
        alice = simulation.phone("alice")
        alice.call(number)
        await carriers[expected].called(number)
        await alice.ended()

    simulation.run(test)
    assert outcomes[1] == expected
    assert {record.trunk for record in records(simulation)} == {None, expected}


@pytest.mark.parametrize("settings", [{"rate": 0.001}, {"calls": 1}])
def test_the_next_cheapest_takes_what_the_cheapest_has_no_room_for(tmp_path, settings):
    simulation = world(tmp_path, DEAR, trunk("cheap", {"": 1}, **settings))

    async def test() -> None:
        dear, cheap = simulation.trunk("dear"), simulation.trunk("cheap", answers_after=None)
        alice, bob = simulation.phone("alice"), simulation.phone("bob")
        alice.call("030")
        await cheap.called("030")
        bob.call("040")
        await dear.called("040")
        await bob.ended()

    simulation.run(test)


def test_the_next_cheapest_takes_what_the_cheapest_refuses_with_503(tmp_path):
    simulation = world(tmp_path, DEAR, CHEAP)

    async def test() -> None:
        dear = simulation.trunk("dear")
        simulation.trunk("cheap", fails_with=503)
        alice = simulation.phone("alice")
        alice.call("030")
        await dear.called("030")
        await alice.ended()

    simulation.run(test)
    assert outcomes[1] == "dear"


def targets(*costs: dict[str, float], **settings) -> TrunkSpec:
    """A trunk whose targets, all of one priority, have prices of their own: host0, host1, ..."""
    made = tuple(TargetSpec(host=f"host{number}", costs=tuple(prices.items())) for number, prices in enumerate(costs))
    return TrunkSpec(**{"name": "carrier", "targets": made, "health": 0, **settings})


@pytest.mark.parametrize("number", ["+4930", "+4930-at-carrier"])
def test_of_one_priority_the_target_where_the_number_costs_least_is_tried_first_and_the_next_after_it(tmp_path, number):
    simulation = world(tmp_path, targets({"+49": 3}, {"+49": 1}, {"+49": 2}, {"+39": 0}))

    async def test() -> None:
        hosts = [simulation.trunk("host0"), *(simulation.trunk(f"host{n}", fails_with=503) for n in (1, 2))]
        italian = simulation.trunk("host3")
        alice = simulation.phone("alice")
        alice.call(number)
        await hosts[0].called("+4930")
        await alice.ended()
        assert [len(host.calls) for host in hosts] == [1, 1, 1]
        assert italian.calls == []

    simulation.run(test)


def test_a_trunk_is_as_cheap_as_its_cheapest_target_that_answers(tmp_path):
    simulation = world(tmp_path, targets({"": 1}, {"": 20}, name="mixed", health=10.0), DEAR)

    async def test() -> None:
        cheap, costly = simulation.trunk("host0"), simulation.trunk("host1")
        dear = simulation.trunk("dear")
        alice = simulation.phone("alice")
        await simulation.wait(15)  # until OPTIONS were answered
        alice.call("030")
        await cheap.called("030")
        await alice.ended()
        cheap.vanish()
        await simulation.wait(30)
        alice.call("031")
        await dear.called("031")
        await alice.ended()
        assert costly.calls == []

    simulation.run(test, settles=False)


def test_a_number_that_no_trunk_has_a_price_for_is_an_error_that_says_so(tmp_path):
    simulation = world(tmp_path, ITALIAN)

    async def test() -> None:
        alice = simulation.phone("alice")
        alice.call("030")
        await alice.ended()

    simulation.run(test)
    assert "price" in str(outcomes[0])


def test_a_number_is_called_where_dns_says_and_where_it_says_next(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        simulation.numbers["+4930123"] = ("sip:desk@first.example", "sip:desk@second.example")
        simulation.names["first.example"] = "10.0.8.1"  # nobody is there
        second = simulation.phone("desk", answers_after=1, registers=False)
        simulation.names["second.example"] = second.host
        alice = simulation.phone("alice")
        alice.call("1")
        await second.answered()
        await alice.ended()

    simulation.run(test)
    assert isinstance(outcomes[0], Answered)


def test_a_number_that_dns_does_not_know_is_not_found(tmp_path):
    simulation = world(tmp_path)

    async def test() -> None:
        alice = simulation.phone("alice")
        alice.call("1")
        await alice.ended()

    simulation.run(test)
    assert isinstance(outcomes[0], Failed)
    assert [(branch.target, branch.reason) for branch in outcomes[0].branches] == [("enum:+4930123", "not_found")]
