"""No value can begin a line of its own, and the shapes are those that clients compare."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from engine.eventsocket.esl import packet
from engine.eventsocket.esl.event import EslEvent, encode


def test_a_reply_has_no_length():
    assert packet.reply("+OK accepted") == b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"


def test_the_last_notice_has_67_octets_and_no_empty_line_inside():
    head, _, body = packet.disconnect_notice().partition(b"\n\n")
    assert b"Content-Length: 67" in head
    assert (len(body), b"\n\n" in body) == (67, False)


@given(st.text())
def test_no_value_ends_a_header(value: str):
    data = packet.reply(value, (("Job-UUID", value),))
    assert data.count(b"\n") == 4
    assert b"\r" not in data


def test_a_plain_event_is_encoded_as_freeswitch_does():
    assert encode("sofia/internal/1001@host, (a)=b") == "sofia/internal/1001%40host,%20(a)%3Db"
    assert encode("") == "_undef_"
    assert encode("50%25 100%") == "50%25%20100%25"


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_plain_event_has_as_many_lines_as_headers(name: str, value: str):
    data = EslEvent("CUSTOM", {"Event-Name": "CUSTOM", name: value}).spelled("plain")
    body = data.partition(b"\n\n")[2]
    assert body.count(b"\n") == len({"Event-Name", name}) + 1
    assert b"\r" not in body


def test_a_body_has_an_inner_length():
    data = EslEvent("BACKGROUND_JOB", {"Event-Name": "BACKGROUND_JOB"}, body="+OK\n").spelled("plain")
    assert data.endswith(b"\n\nEvent-Name: BACKGROUND_JOB\nContent-Length: 4\n\n+OK\n")


def test_a_json_event_has_its_body_beside_its_headers():
    data = EslEvent("BACKGROUND_JOB", {"Event-Name": "BACKGROUND_JOB"}, body="+OK\n").spelled("json")
    document = json.loads(data.partition(b"\n\n")[2])
    assert document == {"Event-Name": "BACKGROUND_JOB", "Content-Length": "4", "_body": "+OK\n"}


def test_an_xml_event_escapes_its_values():
    data = EslEvent("CUSTOM", {"Event-Name": "CUSTOM", "1 <b>": "<&>"}, body="<x>").spelled("xml")
    assert b"<_ _b_>" not in data
    assert b"%3C%26%3E" in data
    assert b"<body>&lt;x&gt;</body>" in data
