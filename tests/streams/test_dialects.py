"""The two dialects: what is told looks as documented, and nothing that a peer says does harm."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.streams.dialect import dialect_of
from engine.streams.message import (
    BadMessage,
    Clear,
    Cleared,
    Digit,
    Frame,
    Mark,
    MarkPassed,
    Overflowed,
    Sound,
    Stopping,
)
from engine.streams.own import OwnDialect
from engine.streams.twilio import TwilioDialect

from .opening import opening

SID = "MZ" + "[0-9a-f]{32}"


def told(dialect: TwilioDialect, what: object) -> dict[str, object]:
    return json.loads(dialect.spell(what))  # type: ignore[arg-type]


def test_ours_tells_when_and_on_which_track_a_frame_was_heard():
    dialect = OwnDialect(opening())
    assert dialect.spell(Frame(True, 40, b"ab")) == b"\0\0\0\0\0\0\0\x28ab"
    assert dialect.spell(Frame(False, 1 << 33 | 7, b"")) == b"\1\0\0\0\0\0\0\7"


@pytest.mark.parametrize(
    ("what", "text"),
    [
        (Digit("#"), {"event": "digit", "digit": "#"}),
        (MarkPassed("m", is_heard=False), {"event": "mark", "name": "m", "heard": False}),
        (Cleared(), {"event": "cleared"}),
        (Overflowed(120), {"event": "overflow", "dropped_ms": 120}),
        (Stopping("hangup"), {"event": "stop", "reason": "hangup"}),
    ],
)
def test_ours_spells_what_is_told_as_json(what, text):
    assert json.loads(OwnDialect(opening()).spell(what)) == text


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (b"\1\2\3", Sound(b"\1\2\3")),
        ('{"event": "mark", "name": "m", "more": {}}', Mark("m")),
        ('{"event": "clear"}', Clear()),
        ('{"event": "of later versions", "name": "n"}', None),
    ],
)
def test_ours_reads_sound_marks_clear_and_passes_over_the_rest(message, said):
    assert OwnDialect(opening()).read(message) == said


@pytest.mark.parametrize(
    "message", ["", "{", "[]", "7", '{"event": 7}', '{"name": "m"}', '{"event": "mark", "name": "' + "x" * 129 + '"}']
)
def test_ours_refuses_what_is_no_message(message):
    with pytest.raises(BadMessage, match="expected"):
        OwnDialect(opening()).read(message)


def test_twilios_opens_with_connected_and_start_as_its_documentation_shows():
    connected, start = map(json.loads, TwilioDialect(opening()).open())  # type: ignore[arg-type]
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    sid = start["streamSid"]
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": start["start"]["accountSid"],
            "streamSid": sid,
            "callSid": start["start"]["callSid"],
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"topic": "weather"},
        },
        "streamSid": sid,
    }
    ids = (sid, start["start"]["callSid"], start["start"]["accountSid"])
    assert [(id[:2], len(id)) for id in ids] == [("MZ", 34), ("CA", 34), ("AC", 34)]


def test_twilios_counts_messages_and_chunks_and_says_when_each_begins():
    dialect = TwilioDialect(opening())
    [_, start] = dialect.open()
    sid = json.loads(start)["streamSid"]
    frames = [Frame(True, 20, b"\xff\0"), Frame(False, 20, b"a"), Frame(True, 40, b"b")]
    assert [told(dialect, frame) for frame in frames] == [
        {
            "event": "media",
            "sequenceNumber": str(number),
            "media": {"track": track, "chunk": chunk, "timestamp": at, "payload": payload},
            "streamSid": sid,
        }
        for number, track, chunk, at, payload in [
            (2, "inbound", "1", "0", "/wA="),
            (3, "outbound", "2", "0", "YQ=="),
            (4, "inbound", "3", "20", "Yg=="),
        ]
    ]


def test_twilios_tells_keys_marks_and_the_end():
    dialect = TwilioDialect(opening())
    assert told(dialect, Digit("5"))["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert told(dialect, MarkPassed("m", is_heard=True))["mark"] == {"name": "m"}
    assert told(dialect, Stopping("hangup"))["stop"].keys() == {"accountSid", "callSid"}
    assert dialect.spell(Cleared()) is None
    assert dialect.spell(Overflowed(20)) is None


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"event": "media", "streamSid": "MZ", "media": {"payload": "AP8="}}, Sound(b"\0\xff")),
        ({"event": "mark", "streamSid": "MZ", "mark": {"name": "m"}}, Mark("m")),
        ({"event": "clear", "streamSid": "MZ"}, Clear()),
        ({"event": "something", "media": {"payload": ""}}, None),
    ],
)
def test_twilios_reads_media_mark_and_clear(message, said):
    assert TwilioDialect(opening()).read(json.dumps(message)) == said
    assert TwilioDialect(opening()).read(json.dumps(message).encode()) == said


@pytest.mark.parametrize(
    "message",
    ["", "{}", '{"event": "media"}', '{"event": "mark"}', '{"event": "media", "media": {"payload": "%"}}', "[" * 9999],
)
def test_twilios_refuses_what_is_no_message(message):
    with pytest.raises(BadMessage, match="expected"):
        TwilioDialect(opening()).read(message)


EVENTS = st.sampled_from(["media", "mark", "clear", "start", ""])
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "event": EVENTS | st.none() | st.integers(),
        "media": st.none() | st.text() | st.dictionaries(st.sampled_from(["payload", "x"]), st.text() | st.integers()),
        "mark": st.none() | st.dictionaries(st.sampled_from(["name"]), st.text() | st.none()),
        "name": st.text() | st.booleans(),
    },
).map(json.dumps)
MESSAGES = st.one_of(st.binary(max_size=200), st.text(max_size=200), SHAPED)


@given(st.sampled_from(["callflow", "twilio"]), MESSAGES)
def test_whatever_comes_is_read_passed_over_or_refused_by_one_error(name, message):
    try:
        said = dialect_of(name, opening()).read(message)
    except BadMessage:
        return
    assert said is None or isinstance(said, Sound | Mark | Clear)
    if isinstance(said, Sound):
        assert len(said.octets) <= len(message)


@given(st.binary(max_size=100))
def test_what_twilio_would_send_is_read_to_the_octet(octets):
    text = json.dumps({"event": "media", "media": {"payload": base64.b64encode(octets).decode()}})
    assert TwilioDialect(opening()).read(text) == Sound(octets)
