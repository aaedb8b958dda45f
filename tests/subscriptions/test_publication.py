"""What phones have published, until it expires (RFC 3903)."""

from __future__ import annotations

import itertools

from engine.subscriptions import publication
from engine.subscriptions.pidf import Presence
from engine.subscriptions.publication import Publications

OPEN, CLOSED = Presence("open"), Presence("closed")


def publications() -> Publications:
    count = itertools.count(1)
    return Publications(lambda: f"tag-{next(count)}")


def test_the_newest_word_counts():
    all = publications()
    first = all.put("alice", OPEN, expires_at=60.0)
    second = all.put("alice", CLOSED, expires_at=30.0)
    assert all.newest("alice") == CLOSED
    all.remove("alice", second)
    assert all.newest("alice") == OPEN
    all.remove("alice", first)
    assert all.newest("alice") is None


def test_one_takes_the_place_of_another():
    all = publications()
    first = all.put("alice", OPEN, expires_at=60.0)
    second = all.put("alice", CLOSED, expires_at=90.0, instead_of=first)
    assert all.find("alice", first) is None
    assert all.find("alice", second) is not None


def test_what_is_not_refreshed_expires():
    all = publications()
    first = all.put("alice", OPEN, expires_at=60.0)
    all.put("bob", OPEN, expires_at=70.0)
    all.put("alice", OPEN, expires_at=90.0, instead_of=first)
    assert all.next_deadline() == 70.0
    assert all.expire(now=70.0) == ["bob"]
    assert all.expire(now=80.0) == []
    assert all.expire(now=90.0) == ["alice"]
    assert all.next_deadline() is None


def test_of_a_user_s_phones_the_one_that_was_longest_silent_gives_way():
    all = publications()
    tags = [all.put("alice", OPEN, expires_at=60.0) for _ in range(publication.MAX_OF_USER + 1)]
    assert all.find("alice", tags[0]) is None
    assert all.find("alice", tags[1]) is not None
    assert all.has_room()
