"""Texts in their database, whatever it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import structlog.testing
import trio

from engine.store.place import Place
from engine.store.texts import TEXTS, DatabaseTexts, Text
from tests.interop.process import until
from tests.trio_tests import run_trio

ONE = Text(id="1", to="alice", sender="bob", body="Grüße", at=1.5)
TWO = Text(id="2", to="alice", sender="bob", body="two", content_type="text/html", at=2.5)


async def change(store: DatabaseTexts, *, put: tuple[Text, ...] = (), drop: tuple[Text, ...] = ()) -> None:
    """What is asked for before the end is written at the end."""
    async with trio.open_nursery() as nursery:
        for text in put:
            store.put(text)
        for text in drop:
            store.drop(text)
        nursery.start_soon(store.run)
        nursery.cancel_scope.cancel()


async def load(place: Place) -> list[Text]:
    """What another engine finds."""
    kept = texts(place)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(kept.run)
        found = list(await kept.load())
        nursery.cancel_scope.cancel()
    return found


def texts(place: Place) -> DatabaseTexts:
    return DatabaseTexts(place.texts, epoch=lambda: 1e9)


@run_trio
async def test_they_are_there_again_after_a_restart(store):
    assert await load(store.place) == []
    await change(texts(store.place), put=(TWO, ONE))
    assert await load(store.place) == [ONE, TWO]
    await change(texts(store.place), drop=(ONE,))
    assert await load(store.place) == [TWO]


@run_trio
async def test_one_that_came_while_the_database_was_locked_is_kept_when_it_is_not(store, impatient):
    kept = texts(store.place)
    assert list(await kept.load()) == []
    with structlog.testing.capture_logs() as log:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kept.run)
            with store.locked("texts"):
                kept.put(ONE)
                await until(lambda: log)
            await until(lambda: len(log) == 2)
            nursery.cancel_scope.cancel()
    assert [entry["event"] for entry in log] == ["kept texts wait: the store fails", "kept texts are written again"]
    assert await load(store.place) == [ONE]


@run_trio
async def test_what_a_phone_sends_that_no_text_of_a_database_can_hold_is_no_trouble(store):
    odd = replace(ONE, body="a\0b", sender="\0" * 3)
    with structlog.testing.capture_logs() as log:
        await change(texts(store.place), put=(odd, TWO))
    assert [text.id for text in await load(store.place)] == [ONE.id, TWO.id]
    assert log == []


@run_trio
async def test_a_file_that_an_older_version_wrote_is_read(tmp_path: Path):
    with closing(sqlite3.connect(tmp_path / "texts.db")) as older, older:
        older.execute(TEXTS.migrations[0])
        older.execute("INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?)", ("1", "alice", "bob", "Grüße", "text/plain", 1.5))
    assert await load(Place(tmp_path)) == [ONE]


@run_trio
async def test_a_damaged_file_is_put_aside_and_stops_nothing(tmp_path: Path):
    (tmp_path / "texts.db").write_bytes(b"no database" * 1000)
    kept = texts(Place(tmp_path))
    with structlog.testing.capture_logs() as logged:
        assert await kept.load() == []
        await change(kept, put=(ONE,))
    assert [entry["log_level"] for entry in logged] == ["error"]
    assert await load(Place(tmp_path)) == [ONE]
