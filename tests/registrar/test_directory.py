"""Users of the configuration and of the database, side by side."""

from __future__ import annotations

from dataclasses import replace

import pytest
import structlog.testing

from callflow.protocol.events import UserAdded, UserChanged, UserRemoved
from engine.registrar.directory import Directory, DirectoryError, UnknownUser, row_of, user_of
from engine.registrar.users import User, Users
from engine.store.users import MemoryUsers

FILE = replace(User.of("alice", "secret"), is_of_file=True)
BOB = replace(
    User.of("bob", "hidden"),
    context="sales",
    classes=("national",),
    caller_id="Sales <3000>",
    groups=("sales", "all"),
    variables={"tier": "gold"},
    srtp="required",
)


class Kept(MemoryUsers):
    def __init__(self):
        super().__init__()
        self.rows = {}

    def put(self, user):
        self.rows[user.name] = user

    def drop(self, name):
        del self.rows[name]


class World:
    def __init__(self):
        self.users = Users([FILE])
        self.kept = Kept()
        self.events = []
        self.gone = []
        self.directory = Directory(self.users, self.kept, self, on_removed=self.gone.append)

    def emit(self, event):
        self.events.append(event)
        return len(self.events)


def test_changes_count_at_once_are_kept_and_are_told():
    world = World()
    world.directory.add(BOB)
    assert world.users.get("bob") == BOB
    assert world.users.members("sales") == ("bob",)
    other = replace(BOB, groups=("all",), md5="0" * 32)
    world.directory.change(other)
    assert world.users.members("sales") == ()
    assert world.kept.rows["bob"] == row_of(other)
    world.directory.change(other)
    world.directory.remove("bob")
    assert (world.users.get("bob"), world.users.members("all"), world.kept.rows) == (None, (), {})
    assert world.gone == ["bob"]
    assert world.events == [UserAdded(user="bob"), UserChanged(user="bob"), UserRemoved(user="bob")]


def test_what_is_kept_is_what_there_was_and_no_password():
    row = row_of(BOB)
    assert user_of(row) == BOB
    assert "hidden" not in repr((row.name, row.realm, row.md5, row.sha256, row.settings))


def test_a_row_of_before_there_was_a_policy_of_srtp_is_as_at_the_listener():
    user = user_of(replace(row_of(BOB), settings='{"context":"sales"}'))
    assert user is not None
    assert (user.context, user.srtp) == ("sales", None)


@pytest.mark.parametrize(
    "change",
    [
        {"settings": "nonsense"},
        {"settings": '{"groups": 1}'},
        {"settings": '{"srtp": "maybe"}'},
        {"realm": "elsewhere"},
    ],
)
def test_what_cannot_be_read_is_left_out_and_told(change):
    world = World()
    with structlog.testing.capture_logs() as log:
        world.directory.restore([replace(row_of(BOB), **change)])
    assert world.users.get("bob") is None
    assert [entry["log_level"] for entry in log] == ["error"]


def test_users_of_the_file_cannot_be_changed_and_count():
    world = World()
    for act, argument in (
        (world.directory.add, User.of("alice", "other")),
        (world.directory.change, User.of("alice", "other")),
        (world.directory.remove, "alice"),
    ):
        with pytest.raises(DirectoryError, match="configuration"):
            act(argument)
    with structlog.testing.capture_logs() as log:
        world.directory.restore([row_of(User.of("alice", "other")), row_of(BOB)])
    assert [user.name for user in world.users] == ["alice", "bob"]
    assert world.users.get("alice") == FILE
    assert [entry["user"] for entry in log] == ["alice"]
    assert world.events == []


def test_who_is_there_is_not_added_and_who_is_not_is_not_changed():
    world = World()
    world.directory.add(BOB)
    with pytest.raises(DirectoryError, match="already"):
        world.directory.add(BOB)
    with pytest.raises(UnknownUser):
        world.directory.change(User.of("carol", "x"))
    with pytest.raises(UnknownUser):
        world.directory.remove("carol")


def test_a_store_that_begins_anew_is_given_the_users_of_the_database():
    world = World()
    world.directory.add(BOB)
    world.kept.rows.clear()
    world.kept.on_begun_anew()
    assert list(world.kept.rows) == ["bob"]


def test_what_another_engine_changes_is_known_and_told_and_not_written_again():
    world = World()
    world.directory.restore([row_of(BOB)])
    other = User.of("carol", "third")
    world.kept.on_told({"carol": row_of(other), "bob": row_of(replace(BOB, context="lab"))})
    assert world.users.get("carol") == other
    assert world.users.get("bob").context == "lab"
    world.kept.on_told({"carol": None, "nobody": None})
    assert world.users.get("carol") is None
    assert world.gone == ["carol"]
    assert world.events == [UserAdded(user="carol"), UserChanged(user="bob"), UserRemoved(user="carol")]
    assert world.kept.rows == {}


def test_what_is_told_again_and_whom_the_configuration_knows_changes_nothing():
    world = World()
    world.directory.restore([row_of(BOB)])
    with structlog.testing.capture_logs() as log:
        world.kept.on_told({"bob": row_of(BOB), "alice": row_of(User.of("alice", "other"))})
        world.kept.on_told({"x": replace(row_of(BOB), name="x", settings="?")})
    assert (world.users.get("alice"), world.users.get("x"), world.events) == (FILE, None, [])
    assert [entry["event"] for entry in log] == ["a user of the database cannot be read"]


def test_who_was_added_before_the_store_could_be_read_stays_as_he_is():
    world = World()
    world.directory.add(BOB)
    world.directory.restore([row_of(replace(BOB, context="lab")), row_of(User.of("carol", "third"))])
    assert world.users.get("bob") == BOB
    assert world.users.get("carol") is not None
