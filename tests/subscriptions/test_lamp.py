"""Busy lamps: which dialogs a document has (RFC 4235)."""

from __future__ import annotations

from engine.subscriptions import lamp
from engine.subscriptions.lamp import Lamps


def states(lamps: Lamps, name: str) -> list[str]:
    text = lamps.document(name, f"sip:{name}@b", 0).decode()
    return [part.partition("<")[0] for part in text.split("<state>")[1:]]


def test_a_document_has_all_calls_of_a_user_and_what_a_program_says():
    lamps = Lamps()
    lamps.begin("one", "alice", "initiator")
    lamps.begin("two", "alice", "recipient")
    lamps.change("two", "early")
    lamps.set("alice", "busy")
    assert states(lamps, "alice") == ["trying", "early", "confirmed"]


def test_one_that_is_not_lit_says_so():
    lamps = Lamps()
    assert states(lamps, "alice") == ["terminated"]
    lamps.begin("one", "alice", "initiator")
    lamps.end("one")
    assert b'<dialog id="one" direction="recipient"><state>terminated' in lamps.document("alice", "sip:alice@b", 7)


def test_only_changes_are_told():
    told: list[str] = []
    lamps = Lamps(told.append)
    lamps.begin("one", "alice", "recipient")
    lamps.change("one", "early")
    lamps.change("one", "early")
    lamps.change("of nobody", "early")
    lamps.end("of nobody")
    lamps.set("701", "off")
    lamps.set("701", "busy")
    lamps.set("701", "busy")
    assert told == ["alice", "alice", "701"]


def test_who_rings_is_not_in_a_call_and_who_calls_is():
    lamps = Lamps()
    lamps.begin("one", "alice", "recipient")
    assert not lamps.is_in_call("alice")
    lamps.change("one", "confirmed")
    assert lamps.is_in_call("alice")
    lamps.begin("two", "bob", "initiator")
    assert lamps.is_in_call("bob")


def test_programs_light_so_many_at_most(monkeypatch):
    monkeypatch.setattr(lamp, "MAX_LAMPS", 1)
    lamps = Lamps()
    assert lamps.set("701", "busy")
    assert lamps.set("701", "ringing")
    assert not lamps.set("702", "busy")
    assert lamps.set("702", "off")
