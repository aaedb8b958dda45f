"""What is left of calls for the collector of garbage to find: nothing of the engine's, whatever became of them."""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable

import anyio
import pytest

from callflow import Answered, App, Call
from callflow.testing import SimulatedPhone, Simulation

app = App("calls")
pytestmark = pytest.mark.callflow(app)
FREED = ("engine.sip.", "engine.channels.", "callflow.run", "callflow.call", "callflow.leg")


@app.route("1000")
async def answers(call: Call) -> None:
    await call.answer()
    await anyio.sleep_forever()


@app.route("2000")
async def dials(call: Call) -> None:
    if isinstance(result := await call.dial("bob"), Answered):
        await call.bridge(result.leg)


@app.route("3000")
async def rejects(call: Call) -> None:
    await call.reject(486)


async def answered(simulation: Simulation) -> None:
    alice = simulation.phone("alice")
    alice.call("1000")
    await alice.answered()
    alice.hang_up()
    await alice.ended()


async def ringing(simulation: Simulation) -> tuple[SimulatedPhone, SimulatedPhone]:
    alice, bob = simulation.phone("alice"), simulation.phone("bob")
    await bob.registered()
    alice.call("2000")
    await bob.rings()
    return alice, bob


async def bridged(simulation: Simulation) -> None:
    alice, bob = await ringing(simulation)
    bob.answer()
    await alice.connected_to(bob)
    alice.hold()
    await simulation.wait(1)
    alice.resume()
    await simulation.wait(1)
    bob.hang_up()
    await alice.ended()


async def cancelled(simulation: Simulation) -> None:
    alice, _ = await ringing(simulation)
    alice.hang_up()
    await alice.ended()


async def rejected(simulation: Simulation) -> None:
    alice = simulation.phone("alice")
    alice.call("3000")
    await alice.ended()


@pytest.mark.parametrize("course", [answered, bridged, cancelled, rejected])
async def test_a_call_is_freed_with_its_end(simulation: Simulation, course: Callable[[Simulation], Awaitable[None]]):
    gc.collect()
    gc.disable()
    try:
        await course(simulation)
        await simulation.wait(100)  # until the last transaction is over
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found = {f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert sorted(name for name in found if name.startswith(FREED)) == []
