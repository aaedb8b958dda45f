"""RFC 8866: descriptions as values."""

from __future__ import annotations

import pytest

from engine.sdp.description import MediaDescription, Origin, ParseError, Payload, SessionDescription

BODY = (
    b"v=0\r\no=ann 1 2 IN IP6 2001:db8::1\r\ns=talk\r\nc=IN IP6 2001:db8::1\r\nt=10 20\r\na=sendonly\r\na=group:x y\r\n"
    b"m=audio 4000 RTP/AVP 8 96\r\nc=IN IP4 192.0.2.1\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
    b"a=ptime:20\r\na=maxptime:40\r\na=recvonly\r\n"
)


def test_a_description_says_what_it_holds():
    description = SessionDescription.parse(BODY)
    origin = description.origin
    assert (origin.username, origin.session_id, origin.version, origin.host) == ("ann", 1, 2, "2001:db8::1")
    assert (description.name, description.host, description.time) == ("talk", "2001:db8::1", "10 20")
    assert (description.direction, description.attributes) == ("sendonly", [("sendonly", None), ("group", "x y")])
    (audio,) = description.media
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 4000, "RTP/AVP", ["8", "96"])
    assert (audio.host, audio.direction, audio.ptime, audio.maxptime) == ("192.0.2.1", "recvonly", 20, 40)
    assert audio.payloads == [Payload(8, "PCMA"), Payload(96, "opus", 48000, 2, "useinbandfec=1")]
    opus = audio.payloads[1]
    assert (opus.number, opus.encoding, opus.clock_rate, opus.channels, opus.fmtp) == (
        96,
        "opus",
        48000,
        2,
        "useinbandfec=1",
    )
    assert repr(opus) == "<Payload 96 opus/48000>"
    assert audio.attributes[0] == ("rtpmap", "96 opus/48000/2")


def test_a_description_is_made_of_its_parts():
    audio = MediaDescription(
        "audio",
        4000,
        "RTP/AVP",
        payloads=[Payload(8, "PCMA"), Payload(96, "opus", 48000, 2, "useinbandfec=1")],
        host="192.0.2.1",
        ptime=20,
        direction="recvonly",
        attributes=[("maxptime", "40")],
    )
    origin = Origin(1, 2, "2001:db8::1", "ann")
    attributes = [("sendonly", None), ("group", "x y")]
    made = SessionDescription(origin, [audio], name="talk", host="2001:db8::1", time="10 20", attributes=attributes)
    read = SessionDescription.parse(bytes(made))
    assert read == made
    assert (read.origin, read.media[0].payloads) == (origin, SessionDescription.parse(BODY).media[0].payloads)
    assert made != SessionDescription(origin, [])


def test_a_refused_line_keeps_its_formats():
    line = MediaDescription("video", 0, "RTP/AVP", ["31", "x"])
    assert b"m=video 0 RTP/AVP 31 x\r\n" in bytes(SessionDescription(Origin(1, 1, "h"), [line]))


@pytest.mark.parametrize(
    "made",
    [
        SessionDescription(Origin(1, 1, "a b"), []),
        SessionDescription(Origin(1, 1, "h", "a b"), []),
        SessionDescription(Origin(1, 1, "h"), [], name="a\r\nm=audio"),
        SessionDescription(Origin(1, 1, "h"), [], attributes=[("x", "a\nb")]),
        SessionDescription(Origin(1, 1, "h"), [MediaDescription("audio", 1, "RTP/AVP")]),
        SessionDescription(Origin(1, 1, "h"), [MediaDescription("audio", 1, "RTP/AVP", ["0 8"])]),
    ],
)
def test_what_could_not_be_read_back_is_not_written(made: SessionDescription):
    with pytest.raises(ValueError, match="expected"):
        bytes(made)


def test_what_is_no_description_is_a_parse_error():
    for body in (b"", b"v=0\r\n", b"\xff", b"v=0\r\no=- 1 1 IN IP4 h\r\nm=audio x RTP/AVP 0\r\n"):
        with pytest.raises(ParseError, match="Bad SDP: expected"):
            SessionDescription.parse(body)
