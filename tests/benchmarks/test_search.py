"""The search for the highest rate."""

from __future__ import annotations

from benchmarks.search import search_rate
from tests.trio_tests import run_trio


@run_trio
async def test_it_comes_as_near_as_the_steps_allow():
    asked: list[float] = []

    async def holds(rate: float) -> bool:
        asked.append(rate)
        return rate <= 700

    best = await search_rate(holds, low=0, high=1600, steps=6)
    assert 700 - 1600 / 2**6 <= best <= 700
    assert len(asked) == 6


@run_trio
async def test_it_is_0_when_none_holds():
    async def holds(rate: float) -> bool:
        return False

    assert await search_rate(holds, low=0, high=1000, steps=3) == 0
