"""Texts that wait for their user."""

from __future__ import annotations

import pytest

from engine.store.texts import Text
from engine.texting import kept
from engine.texting.kept import Kept


def text(id: str, *, to: str = "alice", at: float = 0.0) -> Text:
    return Text(id=id, to=to, sender="bob", body="hello", at=at)


def test_they_are_kept_in_order_and_written_down():
    put: list[Text] = []
    dropped: list[Text] = []
    texts = Kept(epoch=lambda: 0.0, on_put=put.append, on_drop=dropped.append)
    texts.load([text("0")])
    assert texts.put(text("1"))
    assert [each.id for each in texts.of("alice")] == ["0", "1"]
    assert [each.id for each in put] == ["1"]
    texts.drop(text("0"))
    texts.drop(text("0"))
    assert [each.id for each in dropped] == ["0"]
    assert len(texts) == 1
    assert texts.of("carol") == []


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kept, "MAX_ALL", 60)
    texts = Kept(epoch=lambda: 0.0)
    assert all(texts.put(text(f"{number}")) for number in range(50))
    assert not texts.put(text("50"))
    assert all(texts.put(text(f"b{number}", to="bob")) for number in range(10))
    assert not texts.put(text("carol", to="carol"))


def test_after_a_week_they_are_gone():
    now = [0.0]
    texts = Kept(epoch=lambda: now[0])
    texts.put(text("1"))
    now[0] = kept.MAX_AGE + 1
    assert texts.of("alice") == []
    assert len(texts) == 0
