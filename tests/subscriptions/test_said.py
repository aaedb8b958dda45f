"""What programs say that phones show is there again after a restart."""

from __future__ import annotations

from engine.store.shown import MemoryShown, Shown
from engine.subscriptions.lamp import Lamps
from engine.subscriptions.mailbox import Mailbox, Mailboxes
from engine.subscriptions.pidf import Presence
from engine.subscriptions.presence import Presences
from engine.subscriptions.publication import Publications
from engine.subscriptions.said import Said


class Kept(MemoryShown):
    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[tuple[str, str], Shown] = {}

    def put(self, shown: Shown) -> None:
        self.rows[shown.kind, shown.name] = shown

    def drop(self, kind: str, name: str) -> None:
        self.rows.pop((kind, name), None)


class World:
    def __init__(self, kept: Kept) -> None:
        self.told: list[tuple[str, str]] = []
        self.mailboxes, self.lamps = Mailboxes(), Lamps()
        self.presences = Presences(
            publications=Publications(lambda: "t"),
            is_user=lambda user: True,
            is_registered=lambda user: False,
            is_in_call=self.lamps.is_in_call,
            is_watched=lambda user: False,
            on_change=lambda user: None,
        )
        self.said = Said(
            kept,
            mailboxes=self.mailboxes,
            lamps=self.lamps,
            presences=self.presences,
            is_user=lambda user: user != "gone",
            tell=lambda package, of: self.told.append((package, of)),
        )

    def say_all(self) -> None:
        self.mailboxes.set("alice", Mailbox(new=2, saved=1))
        self.lamps.set("*21", "busy")
        self.presences.set("bob", Presence("closed", "in Rome", "away"))
        for kind, name in (("mailbox", "alice"), ("lamp", "*21"), ("presence", "bob")):
            self.said.keep(kind, name)


def test_all_of_it_is_there_again_and_whoever_watches_is_told():
    kept = Kept()
    World(kept).say_all()
    after = World(kept)
    after.said.restore(list(kept.rows.values()))
    assert after.mailboxes.get("alice") == Mailbox(new=2, saved=1)
    assert after.lamps.said("*21") == "busy"
    assert after.presences.said("bob") == Presence("closed", "in Rome", "away")
    assert after.told == [("message-summary", "alice"), ("dialog", "*21"), ("presence", "bob")]


def test_what_is_no_longer_said_is_not_kept():
    kept = Kept()
    world = World(kept)
    world.say_all()
    world.lamps.set("*21", "off")
    world.said.keep("lamp", "*21")
    world.presences.set("bob", None)
    world.said.keep("presence", "bob")
    assert list(kept.rows) == [("mailbox", "alice")]


def test_what_was_said_before_it_could_be_read_is_newer():
    kept = Kept()
    World(kept).say_all()
    after = World(kept)
    after.mailboxes.set("alice", Mailbox(new=3))
    after.said.restore([*kept.rows.values()])
    assert after.mailboxes.get("alice") == Mailbox(new=3)


def test_of_users_who_are_gone_it_is_dropped_and_what_cannot_be_read_is_nothing():
    kept = Kept()
    for shown in (Shown("mailbox", "gone", "{}"), Shown("weather", "alice", "1"), Shown("lamp", "*21", '"green"')):
        kept.put(shown)
    after = World(kept)
    after.said.restore([*kept.rows.values()])
    assert list(kept.rows) == [("lamp", "*21")]
    assert (after.mailboxes.get("gone"), after.lamps.said("*21"), after.told) == (None, None, [])


def test_a_store_that_was_begun_anew_gets_all_of_it_again():
    kept = Kept()
    world = World(kept)
    world.say_all()
    before = dict(kept.rows)
    kept.rows.clear()
    kept.on_begun_anew()
    assert kept.rows == before
