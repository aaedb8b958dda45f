"""Texts in their file."""

from __future__ import annotations

from pathlib import Path

import structlog.testing
import trio

from engine.store.texts import SqliteTexts, Text
from tests.trio_tests import run_trio

ONE = Text(id="1", to="alice", sender="bob", body="Grüße", at=1.5)
TWO = Text(id="2", to="alice", sender="bob", body="two", content_type="text/html", at=2.5)


async def change(store: SqliteTexts, *, put: tuple[Text, ...] = (), drop: tuple[Text, ...] = ()) -> None:
    """What is asked for before the end is written at the end."""
    async with trio.open_nursery() as nursery:
        for text in put:
            store.put(text)
        for text in drop:
            store.drop(text)
        nursery.start_soon(store.run)
        nursery.cancel_scope.cancel()


@run_trio
async def test_they_are_there_again_after_a_restart(tmp_path: Path):
    assert list(await SqliteTexts(tmp_path).load()) == []
    await change(SqliteTexts(tmp_path), put=(TWO, ONE))
    assert await SqliteTexts(tmp_path).load() == [ONE, TWO]
    await change(SqliteTexts(tmp_path), drop=(ONE,))
    assert await SqliteTexts(tmp_path).load() == [TWO]


@run_trio
async def test_a_damaged_file_is_told_and_stops_nothing(tmp_path: Path):
    (tmp_path / "texts.db").write_bytes(b"no database" * 1000)
    store = SqliteTexts(tmp_path)
    with structlog.testing.capture_logs() as logged:
        assert await store.load() == ()
        await change(store, put=(ONE,))
    assert [entry["log_level"] for entry in logged] == ["error", "error"]
