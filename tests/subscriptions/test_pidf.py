"""Presence documents, written and read."""

from __future__ import annotations

import pytest

from engine.subscriptions.pidf import BadDocument, Presence, is_activity, read, write

HEAD = b'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b">'


def document(inside: bytes) -> bytes:
    return HEAD + inside + b"</presence>"


@pytest.mark.parametrize(
    "presence",
    [Presence("open"), Presence("closed", '<at> "lunch" & away', "away"), Presence("open", "", "on-the-phone")],
)
def test_what_is_written_is_read_again(presence: Presence):
    assert read(write(presence, 'sip:"a"@b')) == presence


def test_one_open_tuple_is_enough():
    tuples = b"<tuple id='a'><status><basic>closed</basic></status></tuple>"
    assert read(document(tuples)).basic == "closed"
    assert read(document(tuples + b"<tuple id='b'><status><basic> open </basic></status></tuple>")).basic == "open"


def test_of_several_notes_and_activities_the_first_counts():
    body = b"<basic>open</basic><note> at\n lunch</note><note>2</note><activities><away/><busy/></activities>"
    assert read(document(body)) == Presence("open", "at lunch", "away")


def test_an_activity_that_is_no_word_is_left_out():
    assert read(document(b"<basic>open</basic><activities><Odd_1/></activities>")).activity == ""
    assert not is_activity("two words")


def test_a_long_note_is_cut_off():
    assert len(read(document(b"<basic>open</basic><note>" + b"x" * 1000 + b"</note>")).note) == 256


@pytest.mark.parametrize(
    "bytes_",
    [
        b"",
        b"no XML",
        b"<other><basic>open</basic></other>",
        document(b""),
        document(b"<basic>perhaps</basic>"),
        b'<!DOCTYPE p [<!ENTITY a "open">]>' + document(b"<basic>&a;</basic>"),
        document(b"<a>" * 20 + b"</a>" * 20),
        document(b" " * 20_000),
    ],
)
def test_what_is_none_is_refused(bytes_: bytes):
    with pytest.raises(BadDocument):
        read(bytes_)
