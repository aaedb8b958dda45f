"""An engine with too much to do, and one that is to end when its calls do."""

from __future__ import annotations

import trio

from callflow import App, Call, Tone
from callflow.protocol.events import ChannelCreated, ChannelHeld, ChannelResumed, EngineDraining, EngineOverloaded
from callflow.simulation.simulation import Simulation
from engine.config import Config
from engine.limit import Limits

app = App("tone")


@app.route("1")
async def tone(call: Call) -> None:
    await call.answer()
    await call.play(Tone("440"))


def test_a_call_too_many_is_refused_before_anything_is_known_of_it_and_those_that_are_up_go_on(tmp_path):
    simulation = Simulation(app, folder=tmp_path, settings=Config(limits=Limits(calls=1)))

    async def test() -> None:
        alice, bob = simulation.phone("alice"), simulation.phone("bob")
        alice.call("1")
        await alice.answered()
        bob.call("1")
        ended = await bob.ended()
        assert ended.status == 503
        assert len(simulation.happened(ChannelCreated)) == 1
        alice.hold()
        await simulation.wait(1)
        alice.resume()
        await simulation.wait(1)
        assert (len(simulation.happened(ChannelHeld)), len(simulation.happened(ChannelResumed))) == (1, 1)
        alice.hang_up()
        await alice.ended()
        await simulation.wait(5)
        bob.call("1")
        await bob.answered()

    simulation.run(test)


def test_late_media_refuse_new_calls_before_anything_is_known_of_them_and_those_that_are_up_go_on(tmp_path):
    simulation = Simulation(app, folder=tmp_path)

    async def test() -> None:
        alice, bob = simulation.phone("alice"), simulation.phone("bob")
        alice.call("1")
        await alice.answered()
        simulation.switch.gate.note_media_lag(1.0)
        bob.call("1")
        assert (await bob.ended()).status == 503
        assert len(simulation.happened(ChannelCreated)) == 1
        assert [event.reason for event in simulation.happened(EngineOverloaded)] == ["media"]
        alice.hold()
        await simulation.wait(1)
        assert len(simulation.happened(ChannelHeld)) == 1
        simulation.switch.gate.note_media_lag(0.0)
        bob.call("1")
        await bob.answered()

    simulation.run(test)


def test_an_engine_that_drains_lets_nothing_in_and_is_done_when_its_last_call_is(tmp_path):
    simulation = Simulation(app, folder=tmp_path)

    async def test() -> None:
        alice, bob = simulation.phone("alice"), simulation.phone("bob")
        alice.call("1")
        await alice.answered()
        simulation.switch.drain()
        bob.call("1")
        assert (await bob.ended()).status == 503
        with trio.move_on_after(60) as waiting:
            await simulation.switch.wait_drained()
        assert waiting.cancelled_caught
        alice.hang_up()
        await simulation.switch.wait_drained()

    simulation.run(test)
    assert simulation.happened(EngineDraining) == [EngineDraining(calls=1)]
