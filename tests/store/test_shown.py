"""What programs say that phones show, in its database, whatever it is."""

from __future__ import annotations

import trio

from engine.store.place import Place
from engine.store.shown import DatabaseShown, Shown
from tests.trio_tests import run_trio

BOX = Shown("mailbox", "alice", '{"new":1}')
LAMP = Shown("lamp", "alice", '"busy"')


async def at_work(place: Place, *, put: tuple[Shown, ...] = (), drop: tuple[tuple[str, str], ...] = ()) -> list[Shown]:
    """What an engine finds, before it changes that."""
    kept = DatabaseShown(place.shown, epoch=lambda: 1e9)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        found = list(await kept.load())
        for shown in put:
            kept.put(shown)
        for kind, name in drop:
            kept.drop(kind, name)
        nursery.cancel_scope.cancel()
    return found


@run_trio
async def test_it_is_there_again_after_a_restart(store):
    assert await at_work(store.place, put=(BOX, LAMP)) == []
    assert await at_work(store.place, put=(Shown("mailbox", "alice", "{}"),), drop=(("lamp", "alice"),)) == [LAMP, BOX]
    assert await at_work(store.place) == [Shown("mailbox", "alice", "{}")]


@run_trio
async def test_of_several_engines_each_has_its_own(postgresql, tmp_path):
    url = postgresql.url()
    await at_work(Place(tmp_path / "a", url), put=(BOX,))
    assert await at_work(Place(tmp_path / "b", url), put=(LAMP,)) == []
    assert await at_work(Place(tmp_path / "a", url)) == [BOX]
