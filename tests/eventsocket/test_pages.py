"""Pages of lists: each row once, in the order of ids, and no more looked at than is shown."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from callflow.protocol.commands import Registrations
from engine.channels.errors import CommandError
from engine.eventsocket.queries import expect_listing, page, page_of_many

USERS = {"al": ["al sip:b", "al sip:a"], "al!": ["al! sip:a"], "bob": ["bob sip:c", "bob sip:a", "bob sip:b"]}


def rows(*ids: str) -> list:
    return [SimpleNamespace(id=id) for id in ids]


def groups(after: str, looked_at: list[str]):
    """As a registrar gives them: from the user of the id on."""
    for user in sorted(USERS, key=lambda user: user + " "):
        if user + " " >= after.partition(" ")[0] + " ":
            looked_at.append(user)
            yield rows(*USERS[user])


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_every_row_is_on_one_page(limit: int):
    found: list[str] = []
    while True:
        listing = Registrations(after=found[-1] if found else "", limit=limit)
        some = [row.id for row in page_of_many(groups(listing.after, []), listing)]
        found += some
        if len(some) < limit:
            break
    assert found == ["al sip:a", "al sip:b", "al! sip:a", "bob sip:a", "bob sip:b", "bob sip:c"]
    everybody = [id for ids in USERS.values() for id in ids]
    assert found == [row.id for row in page(rows(*everybody), Registrations(limit=100))]


def test_what_is_beyond_the_page_is_not_looked_at():
    looked_at: list[str] = []
    page_of_many(groups("al sip:a", looked_at), Registrations(after="al sip:a", limit=2))
    assert looked_at == ["al", "al!"]


@pytest.mark.parametrize("limit", [0, 1001])
def test_a_page_that_is_too_long_is_refused(limit: int):
    with pytest.raises(CommandError, match="expected a limit of 1 to 1000"):
        expect_listing(Registrations(limit=limit))
