"""Where users are: bounded, expiring, found by preference."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.registrar.locations import Locations
from engine.registrar.locator import Locator
from engine.sip.events import Flow
from engine.sip.messages import Uri
from engine.sip.registration import Contact

FLOW = Flow("udp", ("192.0.2.1", 5060), ("198.51.100.7", 40000))


def contact(host="a", expires_at=60.0, q=1.0) -> Contact:
    return Contact(uri=Uri.parse(f"sip:u@{host}"), flow=FLOW, call_id="c", cseq=1, expires_at=expires_at, q=q)


def test_contacts_come_by_preference_and_then_the_newest_first():
    locations = Locations()
    locations.store("alice", [contact("a"), contact("b", q=0.5), contact("c")])
    assert [found.uri.host for found in locations.contacts("alice")] == ["c", "a", "b"]
    assert locations.contacts("bob") == []


def test_contacts_expire_at_their_time():
    locations = Locations()
    locations.store("alice", [contact("a", 60.0), contact("b", 90.0)])
    locations.store("bob", [contact("c", 70.0)])
    assert locations.next_deadline() == 60.0
    assert locations.expire(now=59.9) == []
    assert [(user, gone.uri.host) for user, gone in locations.expire(now=75.0)] == [("alice", "a"), ("bob", "c")]
    assert locations.next_deadline() == 90.0
    assert len(locations) == 1


def test_a_refresh_puts_the_end_off():
    locations = Locations()
    locations.store("alice", [contact("a", 60.0)])
    locations.store("alice", [contact("a", 120.0)])
    assert locations.expire(now=60.0) == []
    assert locations.next_deadline() == 120.0


def test_a_user_who_left_has_no_deadline():
    locations = Locations()
    locations.store("alice", [contact("a", 60.0)])
    locations.store("alice", [])
    assert locations.next_deadline() is None
    assert len(locations) == 0


def test_the_total_is_bounded():
    locations = Locations(max_contacts=2)
    locations.store("alice", [contact("a"), contact("b")])
    assert not locations.has_room("bob", [contact("c")])
    assert locations.has_room("alice", [contact("d"), contact("e")])


def test_what_changes_is_told_and_what_was_there_before_is_no_change():
    told = []
    locations = Locations(on_change=lambda user, contacts: told.append((user, [c.uri.host for c in contacts])))
    locations.restore("alice", [contact("a", 60.0), contact("b", 90.0)])
    assert told == []
    locations.store("bob", [contact("c", 90.0)])
    locations.expire(now=60.0)
    locations.store("bob", ())
    assert told == [("bob", ["c"]), ("alice", ["b"]), ("bob", [])]


def test_a_deadline_that_was_put_off_is_no_change():
    told = []
    locations = Locations(on_change=lambda user, contacts: told.append(user))
    locations.store("alice", [contact("a", 60.0)])
    locations.store("alice", [contact("a", 120.0)])
    assert locations.expire(now=60.0) == []
    assert told == ["alice", "alice"]
    assert locations.next_deadline() == 120.0


def test_all_are_listed_with_their_user():
    locations = Locations()
    locations.store("bob", [contact("b")])
    locations.store("alice", [contact("a")])
    assert [(user, found.uri.host) for user, found in locations] == [("alice", "a"), ("bob", "b")]


@given(st.lists(st.tuples(st.sampled_from("abc"), st.lists(st.integers(1, 50), max_size=3), st.integers(0, 20))))
def test_no_contact_outlives_its_time_and_none_goes_before_it(steps):
    locations, now, model = Locations(), 0.0, {}
    for user, lives, wait in steps:
        contacts = [contact(f"{user}{index}", now + life) for index, life in enumerate(lives)]
        locations.store(user, contacts)
        model[user] = contacts
        now += wait
        dropped = locations.expire(now=now)
        assert sorted(gone.uri.host for _, gone in dropped) == sorted(
            c.uri.host for contacts in model.values() for c in contacts if c.expires_at <= now
        )
        model = {user: [c for c in contacts if c.expires_at > now] for user, contacts in model.items()}
        assert len(locations) == sum(map(len, model.values()))
        deadline = locations.next_deadline()  # may be too early: a refresh leaves it
        assert (deadline is None) == (len(locations) == 0)
        assert deadline is None or deadline <= min(c.expires_at for cs in model.values() for c in cs)


def test_our_own_addresses_are_told_from_others():
    listeners = [("udp", "127.0.0.1", 5060), ("tcp", "0.0.0.0", 5070), ("udp", "::1", 5080)]
    locator = Locator(Locations(), listeners=lambda: listeners, names=["pbx.example.com", "localhost"])
    for host, port in [
        ("127.0.0.1", None),
        ("127.0.0.1", 5060),
        ("PBX.example.com", None),
        ("::1", 5080),
        ("127.0.0.1", 5070),
    ]:
        assert locator.is_local(host, port), host
    for host, port in [
        ("127.0.0.1", 5061),
        ("192.0.2.9", None),
        ("::1", 5060),
        ("example.com", None),
        ("localhost", 9),
    ]:
        assert not locator.is_local(host, port), host


def test_users_come_by_their_names_from_any_of_them_on():
    locations = Locations()
    for user in ("dora", "al", "bob", "carl", "al!"):
        locations.store(user, [contact("a")])
    locations.store("carl", [contact("a"), contact("other")])
    locations.store("bob", [])
    assert [(user, len(contacts)) for user, contacts in locations.since("")] == [
        ("al", 1), ("al!", 1), ("carl", 2), ("dora", 1),
    ]  # fmt: skip
    assert [user for user, _ in locations.since("al sip:u@al")] == ["al", "al!", "carl", "dora"]
    assert [user for user, _ in locations.since("bob sip:u@bob")] == ["carl", "dora"]
    assert [user for user, _ in locations.since("zoe x")] == []
