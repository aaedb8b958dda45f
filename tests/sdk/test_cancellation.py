"""Telling when a cancellation reaches a coroutine."""

from __future__ import annotations

import anyio
import pytest

from callflow.cancellation import watch
from tests.sdk.backends import on_both_backends


@on_both_backends
async def test_results_and_exceptions_pass():
    async def work(fails: bool) -> int:
        await anyio.sleep(0.001)
        if fails:
            raise ValueError("mine")
        return 7

    assert await watch(work(False), lambda: None) == 7
    with pytest.raises(ValueError, match="mine"):
        await watch(work(True), lambda: None)


@on_both_backends
async def test_a_cancellation_is_told_before_it_arrives():
    steps: list[str] = []

    async def work() -> None:
        try:
            await anyio.sleep(60)
        finally:
            steps.append("finally")

    with anyio.move_on_after(0.01):
        await watch(work(), lambda: steps.append("told"))
    assert steps == ["told", "finally"]


@on_both_backends
async def test_a_cancellation_inside_is_told_too_and_the_work_goes_on():
    steps: list[str] = []

    async def work() -> None:
        with anyio.move_on_after(0.01):
            await anyio.sleep(60)
        steps.append("went on")

    await watch(work(), lambda: steps.append("told"))
    assert steps == ["told", "went on"]
