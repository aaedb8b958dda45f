"""What REFER, sipfrag and Replaces say (RFC 3515, 3891, 3892, 4488)."""

from __future__ import annotations

import pytest

from engine.sip.messages import Address, ParseError, Uri
from engine.sip.refer import Refer, Replaces, fragment, read_fragment, read_refer, read_replaces, refer_to, referred_by
from tests.sip.messages_by_hand import parse_request, request


def refer(*headers: tuple[str, str]) -> Refer:
    return read_refer(parse_request(request("REFER", headers=headers)))


def test_a_refer_names_whom_to_call():
    asked = refer(("Refer-To", "Carol <sip:carol@example.com:5070;transport=tcp>"))
    assert str(asked.target) == "sip:carol@example.com:5070;transport=tcp"
    assert (asked.replaces, asked.referred_by, asked.wants_notifies) == (None, None, True)


def test_compact_names_are_understood():
    asked = refer(("r", "<sip:carol@example.com>"), ("b", "<sip:alice@example.com>"))
    assert asked.target.user == "carol"
    assert asked.referred_by == "<sip:alice@example.com>"


def test_the_call_to_be_replaced_is_read_from_the_uri_and_nothing_else_is():
    asked = refer((
        "Refer-To",
        "<sip:carol@h?Subject=x&Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2&Route=%3Csip:evil%3E>",
    ))
    assert asked.replaces == Replaces("a@b", "1", "2")
    assert str(asked.target) == "sip:carol@h"


def test_who_wants_no_notifies_says_so():
    assert not refer(("Refer-To", "<sip:a@h>"), ("Refer-Sub", "false")).wants_notifies
    assert refer(("Refer-To", "<sip:a@h>"), ("Refer-Sub", "true")).wants_notifies


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("Refer-To", "<sip:a@h>"), ("Refer-To", "<sip:b@h>")),
        (("Refer-To", "<tel:+49301234>"),),
        (("Refer-To", "<sip:a@h;method=BYE>"),),
        (("Refer-To", "<sip:a@h?Replaces=only-a-call-id>"),),
    ],
)
def test_what_cannot_be_followed_is_refused(headers: tuple[tuple[str, str], ...]):
    with pytest.raises(ParseError):
        refer(*headers)


def test_a_refer_to_is_read_back_as_it_was_written():
    replaces = Replaces("call@h;x", "to+1", "from%2")
    name, value = refer_to(Uri.parse("sip:carol@[2001:db8::1]:5070"), Replaces("call@h", "to+1", "from%2"))
    assert refer((name, value)).replaces == Replaces("call@h", "to+1", "from%2")
    assert refer((name, value)).target.host == "2001:db8::1"
    assert str(replaces).startswith("call@h")


def test_who_refers_is_named_without_a_tag():
    assert referred_by(Address.parse('"Alice" <sip:alice@h>;tag=1')) == ("Referred-By", "<sip:alice@h>")


def test_replaces_in_a_header():
    assert read_replaces(None) is None
    assert read_replaces("98732@h ; from-tag=r33th4x0r;to-tag=ff87ff ;early-only") == Replaces(
        "98732@h", "ff87ff", "r33th4x0r", is_early_only=True
    )
    assert read_replaces("x;to-tag=0;from-tag=1") == Replaces("x", "", "1")  # a peer of RFC 2543
    assert read_replaces(str(Replaces("a", "b", "c", is_early_only=True))) == Replaces("a", "b", "c", True)


@pytest.mark.parametrize(
    "value", ["", "x", "x;to-tag=1", "x;from-tag=1", "x y;to-tag=1;from-tag=2", ";to-tag=1;from-tag=2"]
)
def test_replaces_that_names_no_dialog(value: str):
    with pytest.raises(ParseError):
        read_replaces(value)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"SIP/2.0 200 OK\r\n", 200),
        (b"SIP/2.0 100 Trying", 100),
        (b"SIP/2.0 486 Busy Here\nTo: <sip:x>\n", 486),
        (b"SIP/2.0 180", 180),
        (b"", None),
        (b"SIP/2.0 700 Odd\r\n", None),
        (b"HTTP/1.1 200 OK\r\n", None),
        (b"SIP/2.0 2000 OK\r\n", None),
    ],
)
def test_a_fragment_tells_a_status(body: bytes, status: int | None):
    assert read_fragment(body) == status


def test_a_fragment_is_a_status_line():
    assert fragment(603) == b"SIP/2.0 603 Decline\r\n"
