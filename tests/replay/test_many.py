"""Many saved calls at once, as the command line does it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from callflow.cli.main import run_command
from callflow.replay.many import FEW
from callflow.replay.saved import SavedCall, write_saved
from callflow.testing import Simulation

from .calls import record, write_script

ASKS = 'await call.answer()\nawait call.gather("a.wav", valid="[12]", timeout=5)\n'


@pytest.fixture
def script(tmp_path: Path) -> Path:
    return write_script(tmp_path / "ivr", ASKS, a=2.0)


@pytest.fixture
def saved(tmp_path: Path, script: Path, capsys: pytest.CaptureFixture[str]) -> SavedCall:
    async def presses_one(simulation: Simulation) -> None:
        caller = simulation.phone("alice")
        caller.call("1000")
        await caller.heard("a.wav")
        caller.press("1")
        await caller.ended()

    call = record(script, presses_one, tmp_path / "then")
    capsys.readouterr()  # the log of that
    return call


def write_many(saved: SavedCall, folder: Path, count: int, *, app: str = "ivr") -> None:
    text = msgspec.json.encode(saved).replace(b'"app":"ivr"', f'"app":"{app}"'.encode())
    for number in range(count):
        renamed = text.replace(saved.call.encode(), f"{app}-{number:04}".encode())
        write_saved(msgspec.json.decode(renamed, type=SavedCall), folder)


def test_more_than_a_few_are_shared_among_processes_and_come_in_their_order(tmp_path, capsys, saved, script):
    write_many(saved, tmp_path / "calls", FEW + 1)
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(script), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["same"], told["differ"]) == (FEW + 1, 0)
    assert [call["call"] for call in told["calls"]] == [f"ivr-{number:04}" for number in range(FEW + 1)]


def test_each_call_has_a_line_and_the_end_says_how_many_differ(tmp_path, capsys, saved, script):
    write_many(saved, tmp_path / "calls", 2)
    script.write_text(script.read_text().replace("timeout=5", "timeout=6"))
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(script.parent)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "differs  ivr-0000  1000 from alice"
    assert "-gather a.wav valid=[12]" in lines
    assert "+gather a.wav timeout=6 valid=[12]" in lines
    assert lines[-1].startswith("2 calls in ")
    assert lines[-1].endswith(" s: 0 same, 2 differ")


def test_calls_of_other_apps_are_left_out(tmp_path, capsys, saved, script):
    write_many(saved, tmp_path / "calls", 1)
    write_many(saved, tmp_path / "calls", 1, app="other")
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(script)]) == 0
    told = capsys.readouterr()
    assert "left out: 1 call of other apps than ivr" in told.err
    assert "1 same, 0 differ" in told.out


def test_a_version_is_named_by_the_beginning_of_its_hash(tmp_path, capsys, saved, script):
    write_many(saved, tmp_path / "calls", 1)
    (tmp_path / "data" / "versions").mkdir(parents=True)
    script.parent.rename(tmp_path / "data" / "versions" / "0123456789abcdef")
    arguments = ["replay", str(tmp_path / "calls"), "--data", str(tmp_path / "data"), "--app"]
    assert run_command([*arguments, "012345"]) == 0
    assert run_command([*arguments, "9"]) == 2


@pytest.mark.parametrize(
    ("text", "told"),
    [("async def menu(call:", "SyntaxError"), ("import nothing_of_that_name", "ModuleNotFoundError"), ("", "an App")],
)
def test_a_script_that_does_not_load_is_wrong_usage(tmp_path, capsys, monkeypatch, saved, text, told):
    monkeypatch.setenv("COLUMNS", "200")
    write_many(saved, tmp_path / "calls", 1)
    broken = tmp_path / "broken.py"
    broken.write_text(text)
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(broken)]) == 2
    assert told in capsys.readouterr().err


def test_a_file_that_is_no_saved_call_is_wrong_usage_and_named(tmp_path, capsys, monkeypatch, saved, script):
    monkeypatch.setenv("COLUMNS", "300")
    write_many(saved, tmp_path / "calls", 1)
    (tmp_path / "calls" / "x.call.json").write_text("{}")
    assert run_command(["replay", str(tmp_path / "calls"), "--app", str(script)]) == 2
    assert "x.call.json: no saved call" in capsys.readouterr().err
