"""Lists, hours, mailboxes and summaries: what needs no call."""

from __future__ import annotations

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

import callflow.library
from callflow import BadArgument
from callflow.library import Entry, Hours, Mailboxes, Message, Numbers, Screen, make_email, make_summary
from callflow.library.directory import Directory

OFFICE = Hours("mon-fri 09:00-12:30 13:30-17:00, sat 10:00-24:00", zone="Europe/Berlin", closed=["2026-12-25"])
MODULES = sorted(Path(callflow.library.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_library_is_short_and_uses_the_public_sdk_alone(module: Path) -> None:
    text = module.read_text()
    assert len(text.splitlines()) < 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            assert not (node.module or "").startswith("callflow."), node.module
    assert "._leg" not in text


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-27T08:00", True),  # a Friday, 09:00 in Berlin
        ("2026-11-27T07:59", False),
        ("2026-11-27T11:30", False),  # lunch
        ("2026-11-27T15:59", True),
        ("2026-11-28T22:59", True),  # Saturday, up to midnight
        ("2026-11-29T12:00", False),
        ("2026-12-25T10:00", False),  # closed
        ("2026-07-01T07:00", True),  # in summer, 09:00 is an hour earlier
    ],
)
def test_an_office_is_open_by_its_own_clock(when: str, is_open: bool) -> None:
    assert OFFICE.is_open(at(when)) is is_open


def test_the_next_opening_skips_days_that_are_closed() -> None:
    assert OFFICE.next_opening(at("2026-12-24T20:00")) == at("2026-12-26T09:00")
    assert Hours("mon 09:00-10:00").next_opening(at("2026-11-30T09:00")) == at("2026-12-07T09:00")


@pytest.mark.parametrize("rules", ["", "monday 09:00-10:00", "mon 9-10", "mon 10:00-09:00", "mon 25:00-26:00"])
def test_what_are_no_hours_is_refused(rules: str) -> None:
    with pytest.raises(BadArgument, match="expected hours"):
        Hours(rules)


def test_days_may_go_round_the_week() -> None:
    assert Hours("sat-mon 00:00-24:00").is_open(at("2026-11-30T12:00"))
    assert not Hours("sat-mon 00:00-24:00").is_open(at("2026-12-01T12:00"))


def test_numbers_match_whole_or_by_their_beginning() -> None:
    numbers = Numbers("+49 (30) 123-45", "0900*")
    assert "+493012345" in numbers
    assert "0900 555" in numbers
    assert "+4930123456" not in numbers
    assert "090" not in numbers


def test_numbers_are_there_again_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "lists" / "blocked.json"
    numbers = Numbers(file=file)
    numbers.add("123")
    numbers.add("456")
    numbers.remove("123")
    assert list(Numbers(file=file)) == ["456"]
    with pytest.raises(BadArgument):
        numbers.add("*")


def test_the_white_list_wins() -> None:
    screen = Screen(Numbers("09001"), Numbers("0900*"))
    assert [screen.admits(number) for number in ("09001", "09002", "1")] == [True, False, True]
    assert not Screen(Numbers("1"), Numbers(), others="refused").admits("2")


def test_mailboxes_are_there_again_after_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "boxes.json"
    boxes = Mailboxes(file)
    first, second = Message("a.wav", "1", 5.0, 2.0), Message("b.wav", "2", 6.0, 2.0)
    for message in (first, second):
        boxes.deliver("100", message)
    boxes.save("100", first)
    boxes.greet("100", "busy", "busy.wav")
    boxes.set_pin("100", "1234")
    again = Mailboxes(file).box("100")
    assert (again.new, again.saved, again.pin) == ([second], [first], "1234")
    assert again.greetings == {"busy": "busy.wav"}
    boxes.delete("100", first)
    assert Mailboxes(file).box("100").saved == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".x", "a" * 65])
def test_a_box_s_name_cannot_lead_elsewhere(name: str) -> None:
    with pytest.raises(BadArgument):
        Mailboxes().box(name)


def test_a_pin_is_of_digits() -> None:
    with pytest.raises(BadArgument):
        Mailboxes().set_pin("100", "12")


def test_a_summary_counts_new_and_saved() -> None:
    boxes = Mailboxes()
    boxes.deliver("100", Message("a.wav", "1", 5.0, 2.0))
    text = make_summary(boxes.box("100"), account="sip:100@office")
    assert text == "Messages-Waiting: yes\r\nMessage-Account: sip:100@office\r\nVoice-Message: 1/0\r\n"


def test_a_mail_has_the_message_with_it() -> None:
    mail = make_email(Message("box/a.wav", "1234", 5.0, 2.4), to="a@x", sender="b@x", sound=b"RIFF")
    assert mail["Subject"] == "Voice message from 1234, 2 s"
    [attachment] = mail.iter_attachments()
    assert attachment.get_filename() == "a.wav"


def test_a_name_is_found_by_any_part_of_it() -> None:
    people = Directory(Entry("Alice Adams", "alice"), Entry("Jörg O", "joerg"))
    assert [entry.target for entry in people.find("2")] == ["alice"]
    assert [entry.target for entry in people.find("232")] == ["alice"]
    assert [entry.target for entry in people.find("5674")] == ["joerg"]
