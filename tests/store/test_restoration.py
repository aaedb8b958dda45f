"""What was kept before the start is read, in its order, and later if not at once."""

from __future__ import annotations

import structlog.testing
import trio

from engine.store.records import StoreError
from engine.store.restoration import Restoration
from tests.trio_tests import run_virtual


class Kept:
    """Cannot be read so many times."""

    def __init__(self, name: str, done: list[str], *, fails: int = 0) -> None:
        self._name, self._done, self._fails = name, done, fails

    async def load(self) -> list[str]:
        if self._fails:
            self._fails -= 1
            raise StoreError("nobody is there")
        return [self._name]

    async def run(self) -> None:
        self._done.append(f"{self._name} written")
        await trio.sleep_forever()

    def abandon(self) -> None:
        self._done.append(f"{self._name} abandoned")


def restoration(done: list[str], **fails: int) -> Restoration:
    made = Restoration()
    for name in ("users", "phones"):
        made.add(name, Kept(name, done, fails=fails.get(name, 0)), lambda found: done.append(f"{found[0]} read"))
    return made


@run_virtual
async def test_at_the_start_all_is_there():
    done: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(restoration(done).run)
        assert [what for what in done if what.endswith("read")] == ["users read", "phones read"]
        nursery.cancel_scope.cancel()
    assert "phones abandoned" not in done


@run_virtual
async def test_what_cannot_be_read_is_not_waited_for_and_read_later_in_the_same_order():
    done: list[str] = []
    with structlog.testing.capture_logs() as log:
        async with trio.open_nursery() as nursery:
            await nursery.start(restoration(done, users=3, phones=1).run)
            assert done == []
            await trio.sleep(60)
            nursery.cancel_scope.cancel()
    assert done == ["users read", "users written", "phones read", "phones written"]
    assert [entry["event"] for entry in log] == [
        "users of before cannot be read: the store fails",
        "users of before are read",
        "phones of before cannot be read: the store fails",
        "phones of before are read",
    ]


@run_virtual
async def test_what_was_never_read_is_never_written():
    done: list[str] = []
    async with trio.open_nursery() as nursery:
        await nursery.start(restoration(done, phones=1000).run)
        await trio.sleep(60)
        nursery.cancel_scope.cancel()
    assert done == ["users read", "users written", "phones abandoned"]
