"""A minute of random use of each example in every test run; `make wander` takes an hour."""

from __future__ import annotations

import anyio
import pytest

from callflow import App, Call

from .random_use import EXAMPLES, NUMBERS, patterns_without_number, use, use_script

OTHERS = {"bots", "monitor", "outbound"}  # whose calls are for another program, which take none, or make them

bad = App("bad")


@bad.route("1")
async def raises(call: Call) -> None:
    await call.answer()
    await call.gather(max=1, timeout=3)
    raise ZeroDivisionError


@bad.route("2")
async def is_silent(call: Call) -> None:
    await call.answer()
    await anyio.sleep(20)


def test_every_example_and_every_number_of_it_is_used():
    folders = {script.parent.name for script in EXAMPLES.glob("*/*.py") if script.stem == script.parent.name}
    assert folders - OTHERS == set(NUMBERS)
    assert {example: patterns_without_number(example) for example in NUMBERS} == {example: [] for example in NUMBERS}


@pytest.mark.parametrize("example", sorted(NUMBERS))
def test_random_use_finds_nothing(example: str):
    used = use(example, minutes=1, seed=7)
    assert used.troubles == []
    assert used.calls > 5


@pytest.mark.parametrize(("number", "trouble"), [("1", "raised: "), ("2", "hears nothing")])
def test_random_use_finds_what_is_bad(number: str, trouble: str):
    found = use_script(bad, [number], minutes=3, seed=2).troubles
    assert found
    assert all(trouble in each for each in found)
