"""What is done later: when, how often, and that it can be dropped."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
import trio

from engine.eventsocket.esl.schedule import MAX_TASKS, Schedule, When, read_when
from tests.trio_tests import run_virtual


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("+60", When(60.0)),
        ("+0", When(0.0)),
        ("@60", When(60.0, 60.0)),
        ("+@60", When(60.0, 60.0)),
        ("@0", When(1.0, 1.0)),
        ("1060", When(60.0)),
        ("900", When(0.0)),
        ("60s", None),
        ("-1", None),
        ("", None),
        ("+99999999999", None),
    ],
)
def test_when_is_read(text: str, when: When | None):
    assert read_when(text, now=1000.0) == when


class Told:
    """What a schedule tells, and does, and when."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.done_at: list[float] = []
        self.began_at = trio.current_time()

    def tell(self, name: str, headers: Mapping[str, str]) -> None:
        self.events.append(f"{name.partition('_')[0]} {headers['Task-ID']}")

    async def work(self) -> None:
        self.done_at.append(trio.current_time() - self.began_at)

    def schedule(self, nursery: trio.Nursery) -> Schedule:
        return Schedule(nursery, epoch=trio.current_time, tell=self.tell)


@run_virtual
async def test_it_is_done_once_or_again_and_again_until_it_is_dropped():
    told = Told()
    async with trio.open_nursery() as nursery:
        schedule = told.schedule(nursery)
        schedule.add(When(5.0), "mine", "once", told.work)
        schedule.add(When(10.0, 10.0), "others", "again", told.work)
        await trio.sleep(25)
        assert told.done_at == [5.0, 10.0, 20.0]
        assert schedule.drop("others") == 1
        assert schedule.drop("others") == 0
        await trio.sleep(60)
    assert told.done_at == [5.0, 10.0, 20.0]
    assert told.events == ["ADD 1", "ADD 2", "EXE 1", "DEL 1", "EXE 2", "RE 2", "EXE 2", "RE 2", "DEL 2"]


@run_virtual
async def test_only_so_much_waits():
    told = Told()
    async with trio.open_nursery() as nursery:
        schedule = told.schedule(nursery)
        for _ in range(MAX_TASKS):
            assert schedule.add(When(60.0), "mine", "task", told.work) is not None
        assert schedule.add(When(60.0), "mine", "task", told.work) is None
        assert schedule.drop("1") == 1
        assert schedule.add(When(60.0), "mine", "task", told.work) is not None
        assert schedule.drop("mine") == MAX_TASKS
