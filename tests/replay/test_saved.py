"""Saved calls as files: written and read, and what is no saved call is refused with file and reason."""

from __future__ import annotations

import json
import stat

import pytest

from callflow.protocol.queries import Decision, PastEvent
from callflow.replay import saved as saved_module
from callflow.replay.saved import SavedCallError, assemble, find_saved, read_saved, write_saved

CREATED = {
    "direction": "inbound",
    "caller": {"uri": "sip:alice@127.0.0.1", "number": "alice"},
    "callee": {"uri": "sip:1000@127.0.0.1", "number": "1000"},
    "to": "1000",
    "app": "ivr",
}


def event(seq: int, name: str, at: float, **data) -> PastEvent:
    return PastEvent(seq, 1000.0 + at, name, "c1", None, data)


def a_call():
    events = [
        event(1, "channel.created", 0.0, **CREATED),
        event(3, "channel.answered", 0.1),
        event(4, "new.thing", 2.0),
    ]
    return assemble("c1", events, {"c1": [Decision(seq=1, at=1000.1, id="x", name="answer", app="ivr")]}, engine="e/1")


def refusal(path) -> str:
    with pytest.raises(SavedCallError) as caught:
        read_saved(path)
    assert str(caught.value).startswith(f"{path}: ")
    return caught.value.reason


def change(path, **fields):
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


def test_events_and_commands_are_one_log_in_their_order_with_times_since_the_beginning():
    call = a_call()
    assert [(entry.event or entry.command, entry.at) for entry in call.log] == [
        ("channel.created", 0.0),
        ("answer", 0.1),
        ("channel.answered", 0.1),
        ("new.thing", 2.0),
    ]
    assert (call.app, call.began_at, call.is_over, call.engine) == ("ivr", 1000.0, False, "e/1")


def test_what_was_written_is_read_again_events_that_are_not_known_too(tmp_path):
    path = write_saved(a_call(), tmp_path / "calls")
    assert read_saved(path) == a_call()
    assert path == tmp_path / "calls" / "c1.call.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_file_is_for_people_too(tmp_path):
    text = write_saved(a_call(), tmp_path).read_text()
    assert text.startswith('{\n "format": 1,\n "call": "c1",\n')


def test_an_id_that_a_client_chose_leads_to_no_other_folder(tmp_path):
    created = PastEvent(1, 1000.0, "channel.created", "../../etc/x", None, CREATED)
    path = write_saved(assemble("../../etc/x", [created], {}), tmp_path)
    assert path.parent == tmp_path


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no saved call"),
        ("[1, 2]", "no saved call"),
        ("{" * 5000, "no saved call"),
        ('{"format": 2}', "expected format 1, got 2; another version of callflow wrote it"),
        ('{"format": 1}', "missing required field"),
    ],
)
def test_what_is_no_saved_call_says_why(tmp_path, text, reason):
    path = tmp_path / "x.call.json"
    path.write_text(text)
    assert reason in refusal(path)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"format": 2}, "expected format 1, got 2"),
        ({"log": []}, "expected a log of 1 to 100000 entries, got 0"),
        ({"call": "other"}, "expected the log to begin with channel.created of 'other'"),
        ({"began_at": -1}, "expected began_at"),
        ({"more": 1}, "unknown field `more`"),
    ],
)
def test_a_file_that_does_not_hold_together_says_where(tmp_path, fields, reason):
    assert reason in refusal(change(write_saved(a_call(), tmp_path), **fields))


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"at": 3, "leg": "c1"}, "log[4]: expected an event or a command"),
        ({"at": 3, "leg": "c1", "event": "a", "command": "b"}, "log[4]: expected an event or a command"),
        ({"at": 1e9, "leg": "c1", "command": "answer"}, "log[4]: expected a time of 0 to 2678400 s, got 1000000000.0"),
        ({"at": 3, "leg": "c1", "event": "channel.digit_started"}, "log[4]: channel.digit_started: "),
        (
            {"at": 3, "leg": "c2", "event": "channel.created", "data": CREATED | {"to": "1\r\n2"}},
            "log[4]: channel.created: expected names and addresses of at most 512 printable characters",
        ),
    ],
)
def test_an_entry_that_cannot_be_says_which(tmp_path, entry, reason):
    path = write_saved(a_call(), tmp_path)
    log = json.loads(path.read_text())["log"]
    assert reason in refusal(change(path, log=[*log, entry]))


def test_time_does_not_run_backwards(tmp_path):
    path = write_saved(a_call(), tmp_path)
    log = json.loads(path.read_text())["log"]
    log[-1]["at"] = 20.0
    assert "log[4]: expected a time after 20.0, got 2.0" in refusal(
        change(path, log=[*log, {"at": 2.0, "leg": "c1", "command": "answer"}])
    )


def test_a_file_that_is_too_large_is_not_read(tmp_path, monkeypatch):
    path = write_saved(a_call(), tmp_path)
    monkeypatch.setattr(saved_module, "MAX_OCTETS", 100)
    assert refusal(path) == "expected at most 100 octets, got more"


def test_a_folder_has_its_saved_calls_in_order(tmp_path):
    for name in ("b.call.json", "a.call.json", "notes.json"):
        (tmp_path / name).write_text("{}")
    assert [path.name for path in find_saved(tmp_path)] == ["a.call.json", "b.call.json"]


@pytest.mark.parametrize(("place", "reason"), [("", "expected saved calls"), ("nothing", "there is nothing")])
def test_a_folder_without_saved_calls_is_none(tmp_path, place, reason):
    with pytest.raises(SavedCallError, match=reason):
        find_saved(tmp_path / place)
