"""Keys by INFO (RFC 6086): what phones and gateways write, and what we do."""

from __future__ import annotations

import pytest

from engine.sip.info import PLAIN, RELAY, KeyInfo, read_key
from engine.sip.messages import ParseError
from tests.sip.messages_by_hand import parse_request, request


def told(kind: str, body: bytes) -> KeyInfo | None:
    return read_key(parse_request(request("INFO", headers=(("Content-Type", kind),), body=body)))


@pytest.mark.parametrize(
    ("kind", "body", "key"),
    [
        (RELAY, b"Signal=5\r\nDuration=160\r\n", KeyInfo("5", 160)),
        (RELAY, b"Signal= #\nDuration= 250", KeyInfo("#", 250)),
        (RELAY, b"signal=d\r\nduration=later\r\n", KeyInfo("D")),
        (RELAY, b"Signal=10\r\n", KeyInfo("*")),
        (RELAY, b"Duration=999999999\r\nSignal=11\r\n", KeyInfo("#", 10_000)),
        (RELAY, b"Signal=16\r\nDuration=100\r\n", KeyInfo("", 100)),  # a hook flash
        (RELAY, b"Signal=hf\r\n", KeyInfo("")),
        (PLAIN, b"7", KeyInfo("7")),
        (PLAIN, b" *\r\n", KeyInfo("*")),
        ("Application/DTMF-Relay; charset=us-ascii", b"Signal=1", KeyInfo("1")),
    ],
)
def test_a_key_is_read(kind: str, body: bytes, key: KeyInfo):
    assert told(kind, body) == key


def test_something_else_is_no_key():
    assert told("application/media_control+xml", b"<media_control/>") is None
    assert read_key(parse_request(request("INFO"))) is None


@pytest.mark.parametrize(
    ("kind", "body"),
    [(RELAY, b"Duration=160\r\n"), (RELAY, b""), (RELAY, b"Signal=\xff\r\n"), (PLAIN, b"5" * 257)],
)
def test_a_body_that_is_no_keys_is_refused(kind: str, body: bytes):
    with pytest.raises(ParseError):
        told(kind, body)


def test_a_key_is_read_back_as_it_was_written():
    assert told(RELAY, KeyInfo("#", 120).write()) == KeyInfo("#", 120)
