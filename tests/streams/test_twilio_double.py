"""Our dialect of Twilio's against `streamdouble`, which imitates Twilio, by its documentation, for those with bots."""

from __future__ import annotations

import json

from streamdouble.protocol import (
    InboundClear,
    InboundMark,
    InboundMedia,
    MediaStreamEncoder,
    StreamIdentity,
    parse_outbound,
)

from engine.streams.message import Clear, Digit, Frame, Mark, MarkPassed, Sound, Stopping
from engine.streams.twilio import TwilioDialect

from .opening import opening

SILENCE = b"\xff" * 160


def test_a_call_is_told_message_by_message_as_there():
    ours = TwilioDialect(opening(tracks=("inbound", "outbound")))
    connected, start = map(json.loads, ours.open())  # type: ignore[arg-type]
    ids = start["start"]
    theirs = MediaStreamEncoder(StreamIdentity(ids["streamSid"], ids["accountSid"], ids["callSid"]))
    assert connected == theirs.connected()
    assert start == theirs.start(tracks=["inbound", "outbound"], custom_parameters={"topic": "weather"})
    for told, expected in (
        (Frame(True, 20, SILENCE), theirs.media(SILENCE)),
        (Frame(False, 20, SILENCE), theirs.media(SILENCE, track="outbound")),
        (Frame(True, 40, SILENCE), theirs.media(SILENCE)),
        (MarkPassed("m", is_heard=True), theirs.mark("m")),
        (Digit("#"), theirs.dtmf("#")),
        (Stopping("hangup"), theirs.stop()),
    ):
        spelled = ours.spell(told)
        assert isinstance(spelled, str)
        assert json.loads(spelled) == expected


def test_what_bots_say_is_read_as_there():
    for text in (
        '{"event": "media", "streamSid": "MZ1", "media": {"payload": "//8AAA=="}}',
        '{"event": "mark", "streamSid": "MZ1", "mark": {"name": "m"}}',
        '{"event": "clear", "streamSid": "MZ1"}',
    ):
        match TwilioDialect(opening()).read(text), parse_outbound(text):
            case (Sound(octets), InboundMedia() as theirs):
                assert octets == theirs.payload
            case (Mark(name), InboundMark() as theirs):
                assert name == theirs.name
            case (said, theirs):
                assert isinstance(said, Clear)
                assert isinstance(theirs, InboundClear)
