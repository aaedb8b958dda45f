"""Trunks: they answer, fail, are not there, disappear in the middle of a call; and what a script makes of it."""

from __future__ import annotations

import pytest

from callflow import Answered, App, Call, Failed
from callflow.protocol.events import ChannelEnded
from callflow.testing import Simulation
from tests.scenarios.conftest import prompts

__all__ = ["prompts"]

app = App("out")


@app.route("9(.*)")
async def out(call: Call) -> None:
    number = call.to[1:]
    match await call.dial(f"sip:{number}@carrier", f"sip:{number}@reserve", timeout=10, ringback="us"):
        case Answered(leg=leg):
            await call.bridge(leg)
        case Failed(branches=branches):
            await call.set(**{f"branch{count}": branch.reason for count, branch in enumerate(branches)})
            await call.answer()
            await call.play("prompt.wav")
            call.variables["told"] = "yes"


@pytest.fixture
def world(tmp_path):
    return Simulation(app, folder=tmp_path)


def test_a_trunk_takes_calls_to_any_number(world):
    async def main():
        carrier = world.trunk("carrier")
        alice, bob = world.phone("alice"), world.phone("bob")
        alice.call("9555")
        bob.call("9666")
        bobs = await carrier.called("666")
        alices = await carrier.called()
        await alice.connected_to(alices)
        await bob.connected_to(bobs)
        assert (alices.name, bobs.name) == ("555", "666")
        alices.hang_up()
        await alice.ended()
        assert world.leaks() == []

    world.run(main)


def test_when_a_trunk_fails_the_next_one_is_tried(world):
    async def main():
        carrier, reserve = world.trunk("carrier", fails_with=503), world.trunk("reserve")
        alice = world.phone("alice")
        alice.call("9555")
        await alice.connected_to(await reserve.called("555"))
        assert not (await carrier.called("555")).is_in_call
        alice.hang_up()
        await world.wait(1)
        carrier.recover()
        alice.call("9555")
        await alice.connected_to(await carrier.called())
        reserve.fail(500)
        carrier.fail()
        bob = world.phone("bob")
        bob.call("9777")
        await bob.heard("prompt.wav")
        assert alice.is_in_call

    world.run(main)


def test_a_name_that_nobody_knows_is_unreachable(world):
    async def main():
        alice = world.phone("alice")
        alice.call("9555")
        await alice.heard("prompt.wav")
        assert world.now < 5

    world.run(main)


def test_a_trunk_that_does_not_answer_at_all_costs_the_time_of_its_stage(world):
    async def main():
        world.trunk("carrier").vanish()
        reserve = world.trunk("reserve")
        alice = world.phone("alice")
        alice.call("9555")
        await alice.connected_to(await reserve.called())
        assert 10 < world.now < 13

    world.run(main)


def test_a_trunk_that_disappears_in_a_call_falls_silent_and_is_heard_again_when_it_comes_back(world):
    async def main():
        carrier = world.trunk("carrier")
        alice = world.phone("alice")
        alice.call("9555")
        callee = await carrier.called()
        await alice.connected_to(callee)
        carrier.vanish()
        await world.wait(1)
        assert not alice.listens_to(callee)
        assert not callee.listens_to(alice)
        callee.press("5")
        await world.wait(1)
        carrier.come_back()
        await alice.connected_to(callee)
        assert alice.digits == ""

    world.run(main)


def test_a_hang_up_that_the_trunk_never_gets_leaves_nothing_in_the_engine(world):
    async def main():
        carrier = world.trunk("carrier")
        alice = world.phone("alice")
        alice.call("9555")
        callee = await carrier.called()
        await alice.connected_to(callee)
        carrier.vanish()
        alice.hang_up()
        await world.wait(40)
        assert len(world.happened(ChannelEnded)) == 2
        assert world.leaks() == []
        assert callee.is_in_call

    world.run(main)


def test_a_call_that_never_came_is_an_error_that_tells_what_did(world):
    async def main():
        carrier = world.trunk("carrier")
        alice = world.phone("alice")
        alice.call("9555")
        await carrier.called("556", within=20)

    with pytest.raises(AssertionError, match=r"(?s)no call to 556 came to carrier within 20 s.*555 rings: sip:alice@"):
        world.run(main)
