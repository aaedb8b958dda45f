"""When memory is given back: after many calls are gone, and not again for each of the next."""

from __future__ import annotations

import trio

from engine._native.media import trim_heap
from engine.tide import FEW, LOOK_EVERY, Tide
from tests.trio_tests import run_trio


class Sea:
    """So many calls, and how often memory was given back."""

    def __init__(self) -> None:
        self.level = 0
        self.given = 0

    async def give(self) -> bool:
        self.given += 1
        return True


def after(*levels: int) -> list[bool]:
    sea = Sea()
    tide = Tide(lambda: sea.level, sea.give)
    said = []
    for sea.level in levels:
        said.append(tide.has_ebbed())
    return said


def test_it_has_ebbed_when_half_of_many_are_gone():
    assert after(10_000, 5001, 5000) == [False, False, True]


def test_it_is_said_once():
    assert after(10_000, 0, 0, 0) == [False, True, False, False]


def test_it_is_said_again_when_half_of_those_are_gone_and_after_the_next_flood():
    assert after(10_000, 4000, 3000, 2000, 0, 6000, 0) == [False, True, False, True, True, False, True]


def test_the_comings_and_goings_of_few_are_not_worth_it():
    assert not any(after(FEW - 1, 0, FEW - 1, 0))


@run_trio
async def test_a_quiet_engine_gives_back_what_it_can():
    sea, given = Sea(), trio.Event()
    sea.level = 10 * FEW

    async def give() -> bool:
        given.set()
        return await sea.give()

    tide = Tide(lambda: sea.level, give)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tide.run)
        await trio.sleep(LOOK_EVERY * 1.5)
        assert not sea.given
        sea.level = 0
        await given.wait()
        nursery.cancel_scope.cancel()
    assert sea.given == 1


def test_the_heap_can_be_asked_for_what_it_has_free():
    assert isinstance(trim_heap(), bool)
