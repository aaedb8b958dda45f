"""The commands about versions: who may give them, and what they are refused for."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from callflow.protocol.commands import Reload, Rollback, Versions
from callflow.protocol.queries import NamedVersion, VersionState
from engine.channels.errors import CommandError
from engine.eventsocket.tokens import Token
from engine.scripting.reloading import reload_verbs
from engine.scripting.supervisor import UnknownApp
from engine.scripting.version import NoVersion


@dataclass
class Session:
    token: Token


@dataclass
class Supervisor:
    """Knows one app, which has one version."""

    asked: list[tuple[float | None, bool]] = field(default_factory=list)

    def reload(self, name, *, share, test):
        if name != "ivr":
            raise UnknownApp("no such app")
        self.asked.append((share, test))
        return "2"

    def roll_back(self, name):
        raise NoVersion("there is no version before this one")

    def states(self):
        return [
            VersionState(id=f"{app} 1", app=app, version="1", state="active", share=1.0, calls=0, live=0, errors=0)
            for app in ("ivr", "queue")
        ]


def session(*scopes) -> Session:
    return Session(Token(name="t", secret="s", scopes=frozenset(scopes)))


def do(command, *scopes, supervisor=None):
    return reload_verbs(supervisor or Supervisor())[type(command)](session(*scopes), command)


def refusal(command, *scopes) -> str:
    with pytest.raises(CommandError) as refused:
        do(command, *scopes)
    return refused.value.code


def test_reload_names_the_version_that_is_to_come():
    supervisor = Supervisor()
    assert do(Reload(app="ivr", share=0.1), "admin", supervisor=supervisor) == NamedVersion(app="ivr", version="2")
    do(Reload(app="ivr", test=True), "admin", supervisor=supervisor)
    assert supervisor.asked == [(0.1, False), (None, True)]


@pytest.mark.parametrize("command", [Reload(app="ivr"), Rollback(app="ivr")])
def test_only_an_administrator_changes_versions(command):
    assert refusal(command, "read", "calls:any") == "unauthorized"


def test_versions_are_for_readers():
    assert [row.app for row in do(Versions(), "read")] == ["ivr", "queue"]
    assert [row.app for row in do(Versions(app="queue"), "read")] == ["queue"]
    assert refusal(Versions(), "calls:any") == "unauthorized"


@pytest.mark.parametrize("share", [0.0, -0.1, 1.1, float("nan"), float("inf")])
def test_a_share_is_a_part(share):
    assert refusal(Reload(app="ivr", share=share), "admin") == "bad_argument"


def test_what_is_not_there_is_refused():
    assert refusal(Reload(app="nix"), "admin") == "not_found"
    assert refusal(Rollback(app="ivr"), "admin") == "wrong_state"
