"""`callflow user` while no engine runs."""

from __future__ import annotations

import json

import pytest

from callflow.cli.main import run_command
from callflow.cli.output import Refused
from callflow.cli.user import expand
from engine.registrar.directory import user_of
from engine.registrar.users import User
from engine.store.place import Place
from engine.store.users import UserTable


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "CALLFLOW_DATA", "CALLFLOW_TOKEN"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> tuple[int, str, str]:
        code = run_command(["user", *arguments, "--data", str(tmp_path / "data")])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def stored(tmp_path):
    return [user_of(row) for row in UserTable(Place(tmp_path / "data").users).load()]


def test_a_range_is_added_and_each_password_is_shown_once(call, tmp_path):
    code, out, _ = call("add", "3008-3010", "carol", "--json")
    assert code == 0
    made = json.loads(out)
    assert [each["user"] for each in made] == ["3008", "3009", "3010", "carol"]
    assert len({each["password"] for each in made}) == 4
    assert stored(tmp_path) == [User.of(each["user"], each["password"]) for each in made]
    kept = b"".join(path.read_bytes() for path in (tmp_path / "data").iterdir())
    assert not any(each["password"].encode() in kept for each in made)
    _, listed, _ = call("list")
    assert "carol" in listed
    assert not any(each["password"] in listed for each in made)


def test_what_is_said_of_a_user_is_kept_and_can_be_changed(call, tmp_path):
    given = ["--password", "x", "--context", "lab", "--class", "far", "--group", "sales", "--group", "all"]
    assert call("add", "carol", *given, "--caller-id", "Sales <3000>", "--var", "a=b=c")[0] == 0
    [user] = stored(tmp_path)
    assert (user.context, user.classes, user.groups) == ("lab", ("far",), ("sales", "all"))
    assert (user.caller_id, dict(user.variables)) == ("Sales <3000>", {"a": "b=c"})
    assert call("set", "carol", "--group", "", "--caller-id", "")[0] == 0
    [changed] = stored(tmp_path)
    assert (changed.context, changed.groups, changed.caller_id, changed.md5) == ("lab", (), "", user.md5)
    code, out, _ = call("passwd", "carol", "--json")
    assert code == 0
    [again] = stored(tmp_path)
    assert again.sha256 == User.of("carol", json.loads(out)[0]["password"]).sha256
    assert call("remove", "carol") == (0, "removed carol\n", "")
    assert stored(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["add", "bob", "carol"], "there is a user 'carol' already; nothing has been added"),
        (["add", "a b"], "user part"),
        (["add", "x", "y", "--password", "z"], "for one user alone"),
        (["add", "x", "--var", "novalue"], "NAME=VALUE"),
        (["add", "3010-3000"], "a range such as"),
        (["add", "0-10000"], "at most 10000"),
        (["remove", "nobody"], "there is no user 'nobody'"),
        (["passwd", "carol", "nobody"], "there is no user 'nobody'"),
        (["set", "carol"], "something to change"),
        (["set", "carol", "--caller-id", "a b c"], "caller id"),
        (["set", "carol", "--srtp", "maybe"], "as srtp one of off, optional, required, got 'maybe'"),
        (["add", "x", "--srtp", "maybe"], "as srtp one of off, optional, required, got 'maybe'"),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(call, tmp_path, arguments, told):
    call("add", "carol", "--password", "x")
    before = stored(tmp_path)
    code, _, errors = call(*arguments)
    assert (code, told in errors) == (1, True), errors
    assert stored(tmp_path) == before


def test_whether_media_is_encrypted_is_kept_shown_and_taken_back(call, tmp_path):
    assert call("add", "carol", "--password", "x", "--srtp", "required")[0] == 0
    assert [user.srtp for user in stored(tmp_path)] == ["required"]
    assert "required" in call("list")[1]
    assert [each["srtp"] for each in json.loads(call("list", "--json")[1])] == ["required"]
    assert call("set", "carol", "--group", "sales")[0] == 0
    assert [user.srtp for user in stored(tmp_path)] == ["required"]
    assert call("set", "carol", "--srtp", "")[0] == 0
    assert [user.srtp for user in stored(tmp_path)] == [None]


def test_a_damaged_file_is_named(call, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users.db").write_bytes(b"no database" * 1000)
    code, _, errors = call("list")
    assert code == 1
    assert "database" in errors


def test_ranges_keep_their_zeros_and_names_with_hyphens_are_names():
    assert expand(["098-100", "front-desk", "098"]) == ["098", "099", "100", "front-desk"]
    with pytest.raises(Refused, match="at most 10000"):
        expand(["1-6000", "10001-16000"])
