"""The audio stream in a peer's description, as far as we can use it."""

from __future__ import annotations

import pytest

from engine.sdp.description import ParseError, SessionDescription
from engine.sdp.direction import Direction
from engine.sdp.errors import NotAcceptable
from engine.sdp.stream import PeerStream, find_stream, read_stream

CODECS = ("PCMU", "PCMA")


def description(*lines: str, host: str | None = "192.0.2.1") -> SessionDescription:
    head = ["v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=-", *([f"c=IN IP{6 if ':' in host else 4} {host}"] if host else [])]
    return SessionDescription.parse("\r\n".join([*head, "t=0 0", *lines, ""]).encode())


def stream(*lines: str, host: str | None = "192.0.2.1", is_ipv6: bool = False) -> PeerStream:
    return read_stream(description(*lines, host=host), 0, codecs=CODECS, is_ipv6=is_ipv6)


@pytest.mark.parametrize(
    ("lines", "codec", "payload_type", "telephone_event"),
    [
        (["m=audio 4 RTP/AVP 0 8"], "PCMU", 0, None),
        (["m=audio 4 RTP/AVP 18 8 0 101", "a=rtpmap:101 telephone-event/8000"], "PCMA", 8, 101),
        (["m=audio 4 RTP/AVP 97 98", "a=rtpmap:97 TELEPHONE-event/8000", "a=rtpmap:98 pcmu/8000/1"], "PCMU", 98, 97),
        (["m=audio 4 RTP/AVP 96 0", "a=rtpmap:96 PCMA/16000"], "PCMU", 0, None),
        (["m=audio 4 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/48000"], "PCMU", 0, None),
        (["m=audio 4 RTP/AVP 8 0", "a=rtpmap:8 L16/8000"], "PCMU", 0, None),
    ],
)
def test_the_first_codec_that_is_ours_is_taken(
    lines: list[str], codec: str, payload_type: int, telephone_event: int | None
):
    found = stream(*lines)
    assert (found.codec, found.payload_type, found.telephone_event) == (codec, payload_type, telephone_event)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("m=video 4 RTP/AVP 0", "audio stream"),
        ("m=audio 0 RTP/AVP 0", "audio stream"),
        ("m=audio 4 RTP/SAVP 0", "RTP/AVP"),
        ("m=audio 4 RTP/AVP 18", "a codec of PCMU, PCMA"),
    ],
)
def test_a_stream_that_is_of_no_use_is_not_acceptable(line: str, what: str):
    with pytest.raises(NotAcceptable, match=f"expected .*{what}") as caught:
        stream(line)
    assert caught.value.status == 488


@pytest.mark.parametrize(
    ("host", "is_ipv6", "remote"),
    [
        ("192.0.2.1", False, "192.0.2.1"),
        ("2001:DB8:0::1", True, "2001:db8::1"),
        ("::ffff:192.0.2.1", False, "192.0.2.1"),
    ],
)
def test_the_remote_address_is_a_plain_one(host: str, is_ipv6: bool, remote: str):
    assert stream("m=audio 4 RTP/AVP 0", host=host, is_ipv6=is_ipv6).remote == (remote, 4)


@pytest.mark.parametrize(
    ("host", "is_ipv6"),
    [("224.0.0.1", False), ("ff02::1", True), ("192.0.2.1", True), ("::1", False), ("pc.example.org", False)],
)
def test_an_address_that_cannot_be_reached_is_not_acceptable(host: str, is_ipv6: bool):
    with pytest.raises(NotAcceptable, match="address in c="):
        stream("m=audio 4 RTP/AVP 0", host=host, is_ipv6=is_ipv6)


def test_an_address_of_the_stream_comes_before_that_of_the_session():
    assert stream("m=audio 4 RTP/AVP 0", "c=IN IP4 192.0.2.9").remote == ("192.0.2.9", 4)
    assert stream("m=audio 4 RTP/AVP 0", "c=IN IP4 192.0.2.9", host=None).remote == ("192.0.2.9", 4)


def test_a_stream_without_an_address_is_a_parse_error():
    with pytest.raises(ParseError, match="c= line") as caught:
        stream("m=audio 4 RTP/AVP 0", host=None)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("lines", "direction"),
    [
        (["m=audio 4 RTP/AVP 0"], Direction.SENDRECV),
        (["m=audio 4 RTP/AVP 0", "a=sendonly"], Direction.SENDONLY),
        (["a=inactive", "m=audio 4 RTP/AVP 0"], Direction.INACTIVE),
        (["a=inactive", "m=audio 4 RTP/AVP 0", "a=recvonly"], Direction.RECVONLY),
    ],
)
def test_a_direction_of_the_stream_comes_before_that_of_the_session(lines: list[str], direction: Direction):
    assert stream(*lines).direction is direction


@pytest.mark.parametrize(
    ("line", "direction"),
    [("a=sendrecv", Direction.SENDONLY), ("a=sendonly", Direction.SENDONLY), ("a=recvonly", Direction.INACTIVE)],
)
def test_an_unspecified_address_receives_nothing(line: str, direction: Direction):
    for host, is_ipv6 in (("0.0.0.0", False), ("::", True)):
        held = stream("m=audio 4 RTP/AVP 0", line, host=host, is_ipv6=is_ipv6)
        assert (held.remote, held.direction) == (None, direction)


@pytest.mark.parametrize(
    ("lines", "ptime_ms"),
    [
        ([], None),
        (["a=ptime:30"], 30),
        (["a=ptime:25"], 20),
        (["a=ptime:40", "a=maxptime:20"], 20),
        (["a=maxptime:40"], 40),
        (["a=ptime:5"], 10),
        (["a=ptime:200"], 60),
        (["a=ptime:0"], None),
        (["a=ptime:x"], None),
    ],
)
def test_packets_are_as_long_as_the_peer_wants_and_as_we_can_make_them(lines: list[str], ptime_ms: int | None):
    assert stream("m=audio 4 RTP/AVP 0", *lines).ptime_ms == ptime_ms


@pytest.mark.parametrize(("expected", "index"), [(None, 1), (3, 3), (0, 1), (2, 1), (9, 1)])
def test_the_stream_in_use_is_kept_while_it_can_be_used(expected: int | None, index: int):
    offer = description("m=video 2 RTP/AVP 31", "m=audio 4 RTP/AVP 0", "m=audio 0 RTP/AVP 0", "m=audio 6 RTP/AVP 8")
    assert find_stream(offer, codecs=CODECS, is_ipv6=False, expected=expected).index == index


def test_the_last_reason_is_told_when_no_stream_can_be_used():
    for lines, reason in [
        ([], "got none"),
        (["m=video 2 RTP/AVP 0"], "got none"),
        (["m=audio 2 RTP/AVP 3", "m=audio 2 RTP/AVP 18"], "formats 18"),
    ]:
        with pytest.raises(NotAcceptable, match=reason):
            find_stream(description(*lines), codecs=CODECS, is_ipv6=False, expected=None)
