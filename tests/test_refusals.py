"""Calls that were refused are remembered, up to a bound."""

from __future__ import annotations

from engine.refusals import Refusals
from engine.sip.messages import Request, parse_datagram
from tests.sip.messages_by_hand import request as message

LATER = (("Retry-After", "3"),)


def invite(number: int) -> Request:
    made = parse_datagram(message("INVITE", branch=f"z9hG4bK{number}"))
    assert isinstance(made, Request)
    return made


def test_an_invite_that_comes_again_hears_the_same():
    refusals = Refusals()
    assert refusals.find(invite(1)) is None
    refusals.keep(invite(1), LATER)
    assert refusals.find(invite(1)) == LATER
    assert refusals.find(invite(2)) is None  # another try of the caller's


def test_the_oldest_are_forgotten():
    refusals = Refusals(most=10)
    for number in range(25):
        refusals.keep(invite(number), LATER)
    remembered = [number for number in range(25) if refusals.find(invite(number)) is not None]
    assert remembered == list(range(10, 25))
