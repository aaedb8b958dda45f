"""Who forwarded a call (RFC 5806, RFC 7044)."""

from __future__ import annotations

from engine.sip.diversion import MOST, read_diversions
from tests.sip.messages_by_hand import parse_request, request


def read(*headers: tuple[str, str]) -> list[tuple[str, str]]:
    found = read_diversions(parse_request(request("INVITE", headers=headers)))
    return [(str(each.address.uri), each.reason) for each in found]


def test_a_call_that_nobody_forwarded_has_none():
    assert read() == []


def test_diversions_are_read_the_last_first():
    value = '<sip:desk@h>;reason="user-busy";counter=1, Bob <tel:+4930>;reason=No-Answer, <sip:x@h>'
    assert read(("Diversion", value)) == [
        ("sip:desk@h", "user-busy"),
        ("tel:+4930", "no-answer"),
        ("sip:x@h", "unknown"),
    ]


def test_history_tells_who_was_retargeted_and_why():
    history = (
        "<sip:bob@h>;index=1, <sip:carol@h;cause=486>;index=1.1;mp=1, "
        "<sip:dave@h;cause=999>;index=1.2, <sip:dave@192.0.2.1>;index=1.2.1"
    )
    assert read(("History-Info", history)) == [("sip:carol@h;cause=486", "unknown"), ("sip:bob@h", "user-busy")]


def test_what_cannot_be_read_is_left_out():
    assert read(("Diversion", "<sip:")) == []
    assert read(("History-Info", "<sip:")) == []


def test_no_more_are_told_than_are_of_use():
    assert len(read(("Diversion", ", ".join("<sip:a@h>" for _ in range(100))))) == MOST
