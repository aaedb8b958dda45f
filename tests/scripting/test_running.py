"""A worker that dies is started again, with back-off."""

from __future__ import annotations

import trio
import trio.testing

from engine.scripting.running import STEADY_AFTER, Running, Toll
from engine.scripting.version import Version
from engine.scripting.worker import Exit


def starts(lifetimes: list[float]) -> list[float]:
    """When a worker is started that lives so long each time."""
    found: list[float] = []

    async def run_once(running: Running) -> Exit:
        found.append(round(trio.current_time(), 3))
        await trio.sleep(lifetimes[len(found) - 1])
        return Exit(1, "")

    async def main() -> None:
        running = Running(Version(1), share=1.0)
        await running.run(run_once, lambda running, exit: len(found) < len(lifetimes))

    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    return [round(at - found[0], 3) for at in found]


def test_one_that_dies_at_once_is_started_less_and_less_often():
    assert starts([0.0] * 9) == [0, 0.1, 0.3, 0.7, 1.5, 3.1, 6.3, 11.3, 16.3]


def test_one_that_has_lived_for_a_while_is_replaced_soon():
    begun = starts([0.0, 0.0, STEADY_AFTER + 1, 0.0])
    assert round(begun[3] - begun[2], 3) == STEADY_AFTER + 1 + 0.1


def test_the_death_of_a_worker_counts_as_its_calls_whichever_is_told_first():
    first, last = Toll(), Toll()
    assert [last.lose(), last.lose(), last.die()] == [1, 1, 0]
    assert [first.die(), first.lose(), first.lose()] == [1, 0, 1]


def test_the_death_of_a_worker_without_calls_counts_as_one():
    assert Toll().die() == 1
