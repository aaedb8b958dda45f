"""`callflow route` says which route a call would take, and why."""

from __future__ import annotations

import json

import pytest

from callflow.cli.main import run_command

CONFIG = """\
[[calendar]]
name = "office"
zone = "UTC"
hours = ["mon-fri 09:00-17:30"]
holidays = ["12-25"]
[[user]]
name = "alice"
password = "secret"
classes = ["national"]
[[app]]
name = "desk"
script = "app.py"
[[app]]
name = "trunk"
script = "app.py"
[[route]]
to = "1000"
app = "desk"
during = "office"
[[route]]
to = "0.*"
app = "trunk"
class = "national"
[[route]]
to = "0.*"
app = "desk"
share = 10
"""


@pytest.fixture
def config(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TZ", "UTC")
    for name in ("XDG_STATE_HOME", "XDG_DATA_HOME", "CALLFLOW_DATA"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "app.py").write_text("")
    path = tmp_path / "callflow.toml"
    path.write_text(CONFIG)
    return path


def route(capsys, *arguments: object) -> tuple[int, str, str]:
    code = run_command(["route", *map(str, arguments)])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_choice_and_its_reason_are_told(capsys, config):
    code, out, _ = route(capsys, "1000", "--from", "alice", "--at", "2026-11-23 12:00+00:00", "--config", config)
    assert code == 0
    assert out.splitlines() == [
        '1000, called by the user alice, in the context "internal", with the classes: national',
        '  route to "1000" (line 16): takes it: "1000" matches "1000"; "office" is open: mon 2026-11-23 12:00 UTC',
        "goes to desk  (looked at 1 of 3 routes)",
    ]


def test_so_is_why_no_route_takes_it(capsys, config):
    code, out, _ = route(capsys, "1000", "--from", "alice", "--at", "2026-12-25 09:00+00:00", "--config", config)
    assert code == 1
    assert 'passed over: "office" is closed: fri 2026-12-25 09:00 UTC is a holiday' in out
    assert out.splitlines()[-1] == "goes nowhere: no route fits  (looked at 1 of 3 routes)"


def test_classes_and_shares_are_explained_as_json_too(capsys, config):
    _, out, _ = route(capsys, "0301", "--from", "+49", "--call", "abc", "--config", config, "--json")
    told = json.loads(out)
    assert told["goes_to"] is None
    assert [step["why"] for step in told["steps"]] == [
        'it is of the class "national", and the caller is allowed none',
        "it takes 10 % of such calls, and not this one",
    ]
    _, out, _ = route(capsys, "0301", "--from", "alice", "--config", config, "--json")
    assert json.loads(out)["goes_to"] == "trunk"


def test_without_an_engine_it_asks_for_a_configuration(capsys, config):
    code, _, err = route(capsys, "1000")
    assert code == 1
    assert "--config" in err


def test_without_routes_it_says_what_applies_instead(capsys, config):
    config.write_text("")
    code, _, err = route(capsys, "1000", "--config", config)
    assert code == 1
    assert "the apps' own routes apply" in err


def test_a_time_that_is_none_is_wrong_usage(capsys, config):
    assert route(capsys, "1000", "--at", "noon", "--config", config)[0] == 2


def test_a_call_by_a_trunk_stands_where_its_trunk_does(capsys, config):
    trunk = '[[trunk]]\nname = "carrier"\ntargets = "192.0.2.7"\n[[route]]\nto = "9"\napp = "desk"\nfrom = ["trunks"]\n'
    config.write_text(CONFIG + trunk)
    code, told, _ = route(capsys, "9", "--trunk", "carrier", "--config", config)
    assert code == 0
    assert 'called by somebody by the trunk carrier, in the context "public"' in told
    assert route(capsys, "9", "--config", config)[0] == 1
    code, _, wrong = route(capsys, "9", "--trunk", "carier", "--config", config)
    assert code == 1
    assert "no [[trunk]] of the name 'carier'" in wrong
