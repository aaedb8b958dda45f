"""RFC 3264 §5.1, §6.1: who sends."""

from __future__ import annotations

import pytest

from engine.sdp.direction import Direction

D = Direction


@pytest.mark.parametrize(
    ("direction", "sends", "receives", "mirrored"),
    [
        (D.SENDRECV, True, True, D.SENDRECV),
        (D.SENDONLY, True, False, D.RECVONLY),
        (D.RECVONLY, False, True, D.SENDONLY),
        (D.INACTIVE, False, False, D.INACTIVE),
    ],
)
def test_a_direction_is_two_claims(direction: Direction, sends: bool, receives: bool, mirrored: Direction):
    assert (direction.sends, direction.receives, direction.mirrored) == (sends, receives, mirrored)


@pytest.mark.parametrize("one", D)
@pytest.mark.parametrize("other", D)
def test_a_limited_direction_claims_what_both_claim(one: Direction, other: Direction):
    limited = one.limited_to(other)
    assert (limited.sends, limited.receives) == (one.sends and other.sends, one.receives and other.receives)
