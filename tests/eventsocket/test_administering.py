"""The commands about users: who may give them, and what is wrong with them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from callflow.protocol.commands import AddUser, ChangeUser, RemoveUser, UsersCommand
from engine.channels.errors import CommandError
from engine.eventsocket.administering import administering_verbs
from engine.eventsocket.tokens import Token
from engine.registrar.directory import Directory
from engine.registrar.users import User, Users
from engine.store.users import MemoryUsers

CAROL = AddUser(
    user="carol",
    password="secret",
    context="public",
    classes=("national",),
    caller_id="Sales <3000>",
    groups=("sales",),
    variables={"tier": "gold"},
    srtp="required",
)


class World:
    def __init__(self):
        self.users = Users()
        self.events = []
        self.verbs = administering_verbs(
            Directory(self.users, MemoryUsers(), self, on_removed=lambda name: None),
            self.users,
            contexts={"internal", "public"},
            contacts=len,
        )

    def emit(self, event):
        self.events.append(event)
        return len(self.events)

    def do(self, command, *scopes):
        token = Token(name="t", secret="s", scopes=frozenset(scopes or ("admin",)))
        return self.verbs[type(command)](SimpleNamespace(token=token), command)


def test_users_are_added_listed_changed_and_removed():
    world = World()
    world.do(CAROL)
    [state] = world.do(UsersCommand(), "read")
    assert (state.id, state.context, state.classes, state.caller_id) == (
        "carol",
        "public",
        ("national",),
        "Sales <3000>",
    )
    assert (state.groups, state.variables, state.is_of_file, state.contacts) == (("sales",), {"tier": "gold"}, False, 5)
    assert state.srtp == "required"
    before = world.users.get("carol")
    assert before is not None
    assert before.srtp == "required"
    assert (before.md5, before.sha256) == (User.of("carol", "secret").md5, User.of("carol", "secret").sha256)
    world.do(ChangeUser(user="carol", password="other", groups=()))
    after = world.users.get("carol")
    assert after is not None
    assert after == replace(before.with_password("other"), groups=())
    world.do(RemoveUser(user="carol"))
    assert len(world.users) == 0
    assert [event.name for event in world.events] == ["user.added", "user.changed", "user.removed"]


@pytest.mark.parametrize("command", [CAROL, ChangeUser(user="carol"), RemoveUser(user="carol")])
def test_who_may_not_administer_changes_nothing(command):
    world = World()
    with pytest.raises(CommandError) as caught:
        world.do(command, "read", "calls:any")
    assert caught.value.code == "unauthorized"
    assert len(world.users) == 0


@pytest.mark.parametrize("command", [ChangeUser(user="carol"), RemoveUser(user="carol")])
def test_who_is_not_there_is_not_found(command):
    with pytest.raises(CommandError) as caught:
        World().do(command)
    assert caught.value.code == "not_found"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"user": "a b"}, "user part"),
        ({"user": ""}, "user part"),
        ({"user": "x" * 129}, "user part"),
        ({"user": "a\x00"}, "user part"),
        ({"password": ""}, "password"),
        ({"password": "x" * 257}, "password"),
        ({"context": "elsewhere"}, "one of internal, public"),
        ({"context": "!"}, "context"),
        ({"groups": ("!",)}, "group"),
        ({"classes": ("",)}, "class"),
        ({"caller_id": "a b c"}, "caller id"),
        ({"variables": {"!": "x"}}, "variable"),
        ({"srtp": "maybe"}, "srtp"),
        ({"variables": {"x": "y" * 257}}, "variable"),
        ({"groups": tuple(f"g{number}" for number in range(33))}, "at most 32"),
    ],
)
def test_what_is_wrong_is_named(wrong, told):
    world = World()
    given = {"user": "carol", "password": "secret", **wrong}
    with pytest.raises(CommandError, match=told) as caught:
        world.do(AddUser(**given))
    assert caught.value.code == "bad_argument"
    assert len(world.users) == 0
