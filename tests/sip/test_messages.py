"""RFC 3261 §7, §8.2.6, §18.3, §19.1, §20: messages read and written."""

from __future__ import annotations

import pytest

from engine.sip.messages import (
    MAX_BODY,
    MAX_HEADER_FIELDS,
    MAX_HEADER_SECTION,
    Address,
    KeepAlive,
    ParseError,
    Request,
    Response,
    StreamReader,
    Uri,
    Via,
    check_program_headers,
    parse_datagram,
    reason_phrase,
    request,
    response,
)

FIELDS = {
    "Via": "SIP/2.0/UDP 192.0.2.1:5062;branch=z9hG4bKa",
    "Max-Forwards": "70",
    "From": '"Ann" <sip:ann@example.org>;tag=a1',
    "To": "<sip:bea@example.org>",
    "Call-ID": "1@192.0.2.1",
    "CSeq": "2 INVITE",
}


def octets(method: str = "INVITE", *, body: bytes = b"", **fields: str) -> bytes:
    """A request; a keyword sets a header field: Record_Route="<sip:p;lr>"."""
    named = {name.replace("_", "-"): value for name, value in fields.items()}
    headers = {**FIELDS, "CSeq": f"2 {method}", **named}
    return request(method, "sip:bea@example.org", headers=list(headers.items()), body=body)


def parsed(method: str = "INVITE", *, body: bytes = b"", **fields: str) -> Request:
    message = parse_datagram(octets(method, body=body, **fields))
    assert isinstance(message, Request)
    return message


def answer(message: Request, status: int = 200, **parts: object) -> Response:
    read = parse_datagram(response(message, status, **parts))  # type: ignore[arg-type]
    assert isinstance(read, Response)
    return read


# Reading


def test_a_request_says_what_it_is():
    message = parsed(body=b"v=0", Contact="<sip:ann@192.0.2.1>", Content_Type="Application/SDP ; charset=x")
    assert (message.method, message.uri, message.uri_text) == (
        "INVITE",
        Uri.parse("sip:bea@example.org"),
        "sip:bea@example.org",
    )
    assert (message.call_id, message.cseq, message.cseq_method) == ("1@192.0.2.1", 2, "INVITE")
    assert (message.from_.name, message.from_.tag, message.to.tag) == ("Ann", "a1", None)
    assert (message.body, message.body_type, message.max_forwards) == (b"v=0", "application/sdp", 70)
    assert ([str(contact) for contact in message.contacts], message.is_star) == (["<sip:ann@192.0.2.1>"], False)
    assert repr(message) == "<Request INVITE sip:bea@example.org>"


def test_a_response_says_what_it_is():
    message = answer(parsed(), 486, to_tag="b2")
    assert (message.status, message.reason, message.to.tag) == (486, "Busy Here", "b2")
    assert repr(message) == "<Response 486 Busy Here>"
    assert message.body_type is None


def test_usual_methods_are_one_object():
    assert parsed("BYE").method is parsed("BYE").method
    assert parsed("FROB").method == "FROB"


def test_parts_are_read_once():
    message = parsed()
    assert message.via is message.via
    assert message.from_ is message.from_
    assert message.to is message.to
    assert message.uri is message.uri
    assert message.from_.uri is message.from_.uri


def test_header_names_may_be_compact_and_in_any_case():
    data = octets(Supported="100rel, timer").replace(b"Supported", b"k").replace(b"Call-ID", b"i")
    message = parse_datagram(data)
    assert (message.header("supported"), message.header("K"), message.header("call-id")) == (
        "100rel, timer",
        "100rel, timer",
        "1@192.0.2.1",
    )
    assert message.header("X-None") is None
    assert ("Call-ID", "1@192.0.2.1") in message.header_items()


def test_fields_of_a_name_come_in_their_order_and_split_at_commas():
    headers = [*FIELDS.items(), ("Allow", "INVITE, ACK"), ("X", '"a,b", <c,d>, ,e'), ("allow", "BYE")]
    message = parse_datagram(request("INVITE", "sip:b", headers=headers))
    assert message.headers("Allow") == ["INVITE, ACK", "BYE"]
    assert message.values("ALLOW") == ["INVITE", "ACK", "BYE"]
    assert message.values("x") == ['"a,b"', "<c,d>", "e"]


def test_addresses_of_any_field_are_read_when_asked_for():
    message = parsed(Route="<sip:p1;lr>, <sip:p2;lr>", P_Asserted_Identity='"Ann" <sip:ann@x>, tel:+1', X_Bad="<<")
    assert [address.uri.host for address in message.addresses("Route")] == ["p1", "p2"]
    assert [str(address.uri) for address in message.addresses("P-Asserted-Identity")] == ["sip:ann@x", "tel:+1"]
    assert message.addresses("Record-Route") == []
    with pytest.raises(ParseError, match="expected"):
        message.addresses("X-Bad")


def test_contact_star():
    message = parsed("REGISTER", Contact="*")
    assert (message.is_star, message.contacts, message.addresses("Contact")) == (True, [], [])


def test_what_is_no_utf8_is_replaced_and_copied_as_it_came():
    data = octets(Subject="x").replace(b"Subject: x", b"Subject: \xff").replace(b'"Ann"', b'"\xff"')
    message = parse_datagram(data)
    assert isinstance(message, Request)
    assert (message.header("Subject"), message.from_.name) == ("�", "�")
    assert b'From: "\xff" <' in response(message, 200)


@pytest.mark.parametrize("value", ["text", "/", "text/", "te xt/plain", ""])
def test_a_body_type_that_is_none_is_none(value: str):
    assert parsed(Content_Type=value).body_type is None


def test_a_partial_request_raises_parse_errors_for_what_is_not_there():
    data = octets().replace(b"CSeq: 2", b"CSeq: x").replace(b"<sip:bea", b"<bea").replace(b"INVITE sip:", b"INVITE :")
    with pytest.raises(ParseError) as caught:
        parse_datagram(data)
    partial = caught.value.partial
    assert partial is not None
    assert (partial.method, partial.uri_text, partial.from_.tag) == ("INVITE", ":bea@example.org", "a1")
    for name in ("uri", "cseq", "cseq_method", "to"):
        with pytest.raises(ParseError, match="could not be read"):
            getattr(partial, name)


def test_a_partial_request_of_several_faults_is_answered_with_what_it_has():
    data = octets(Via="SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKa;;x, SIP/2.0/UDP p")
    data = data.replace(b"1@192.0.2.1", b"1 2").replace(b"Max", b"Contact: <\r\nVia: SIP/2.0/TCP q\r\nMax")
    with pytest.raises(ParseError) as caught:
        parse_datagram(data)
    partial = caught.value.partial
    assert partial is not None
    for name in ("call_id", "contacts", "is_star", "vias"):
        with pytest.raises(ParseError):
            getattr(partial, name)
    lines = response(partial, 400, received=("192.0.2.9", 9)).split(b"\r\n")
    top = b"Via: SIP/2.0/UDP 192.0.2.1:5062;rport=9;branch=z9hG4bKa;received=192.0.2.9"
    assert lines[1:3] == [top, b"Via: SIP/2.0/TCP q"]
    assert response(partial, 400).split(b"\r\n")[1] == b"Via: SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKa"


def test_an_error_raised_by_hand_has_what_handlers_expect():
    error = ParseError("what")
    assert (error.status, error.reason, error.partial, isinstance(error, ValueError)) == (
        400,
        "Bad Request",
        None,
        True,
    )


# Values


def test_a_uri_is_made_of_its_parts_and_escapes_them():
    uri = Uri(
        "sips", "a b;c@", "2001:db8::1", 5061, {"transport": "tcp", "lr": None, "x y": "ü"}, "a=b", password="p:w"
    )
    assert str(uri) == "sips:a%20b;c%40:p%3Aw@[2001:db8::1]:5061;transport=tcp;lr;x%20y=%C3%BC?a=b"
    assert (uri.user, uri.password, uri.host, uri.port) == ("a b;c@", "p:w", "2001:db8::1", 5061)
    assert (uri.params, uri.headers) == ({"transport": "tcp", "lr": None, "x y": "ü"}, "a=b")
    assert repr(Uri(host="h")) == 'Uri.parse("sip:h")'


@pytest.mark.parametrize(
    "parts",
    [
        {"host": ""},
        {"host": "a b"},
        {"host": "h\r\nX: y"},
        {"host": "h", "scheme": "si p"},
        {"host": "h", "user": ""},
        {"host": "h", "headers": "a=b\r\n"},
        {"host": "h", "params": {"a": ""}},
        {"host": "h", "params": {"": "a"}},
    ],
)
def test_a_uri_that_could_not_be_read_back_is_not_made(parts: dict[str, object]):
    with pytest.raises(ParseError):
        Uri(**parts)  # type: ignore[arg-type]


def test_uris_compare_and_hash_by_19_1_4():
    one, other = Uri.parse("sip:%61nn@Example.ORG;x=1"), Uri.parse("sip:ann@example.org")
    assert one == other
    assert hash(one) == hash(other)
    assert one != Uri.parse("sip:ann@example.org:5060")
    assert one != "sip:ann@example.org"
    assert len({Uri.parse("tel:+1"), Uri.parse("tel:+1"), Uri.parse("tel:+2")}) == 2


def test_an_address_is_made_of_its_parts():
    address = Address(Uri.parse("sip:a@b;x"), 'Ann "A" \\', {"TAG": "t", "q": None, "i": "<urn:a>"})
    assert str(address) == '"Ann \\"A\\" \\\\" <sip:a@b;x>;tag=t;q;i="<urn:a>"'
    assert (address.name, address.tag, address.params) == ('Ann "A" \\', "t", {"tag": "t", "q": None, "i": "<urn:a>"})
    assert Address.parse(str(address)) == address
    assert hash(Address.parse(str(address))) == hash(address)
    assert address != Address(address.uri)
    assert address != "x"
    assert repr(Address.parse("sip:a")) == 'Address.parse("<sip:a>")'


def test_an_address_cannot_smuggle_lines():
    uri = Uri.parse("sip:a@b")
    assert str(Address(uri, "a\r\nVia: b\0")) == '"aVia: b" <sip:a@b>'
    assert str(Address(uri, params={"x": "a\r\nb"})) == '<sip:a@b>;x="ab"'
    for params in ({"a\r\nb": None}, {"tag": "a b"}, {"tag": None}, {"": "x"}):
        with pytest.raises(ParseError):
            Address(uri, params=params)


def test_a_tag_is_set_and_taken_away():
    address = Address.parse("<sip:a@b>;tag=1;x")
    assert str(address.with_tag("2")) == "<sip:a@b>;tag=2;x"
    assert str(address.with_tag(None)) == "<sip:a@b>;x"
    assert str(address.with_tag(None).with_tag("3")) == "<sip:a@b>;x;tag=3"
    with pytest.raises(ParseError):
        address.with_tag("a;b")


def test_a_via_is_made_of_its_parts():
    via = Via("tcp", "2001:db8::1", 5061, {"branch": "z9hG4bKa", "rport": None})
    assert str(via) == "SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bKa;rport"
    assert (via.transport, via.host, via.port, via.branch, via.has_cookie) == (
        "TCP",
        "2001:db8::1",
        5061,
        "z9hG4bKa",
        True,
    )
    assert (via.rport, via.wants_rport, via.received, via.params) == (
        None,
        True,
        None,
        {"branch": "z9hG4bKa", "rport": None},
    )
    assert repr(Via("udp", "a")) == 'Via.parse("SIP/2.0/UDP a")'
    with pytest.raises(ParseError) as caught:
        Via("udp", "a b")
    assert caught.value.reason == "Bad Via"


# Responses


def test_a_response_copies_what_it_has_to():
    message = parsed(Via="SIP/2.0/UDP a;branch=z9hG4bK1 , SIP/2.0/UDP b", Record_Route="<sip:p;lr>", Timestamp="54")
    made = answer(message, 180, to_tag="b2", headers=[("Contact", "<sip:bea@h>")])
    assert [str(via) for via in made.vias] == [str(via) for via in message.vias]
    assert (made.from_, made.to, made.call_id, made.cseq) == (
        message.from_,
        message.to.with_tag("b2"),
        message.call_id,
        message.cseq,
    )
    assert (made.headers("Record-Route"), made.header("Timestamp"), made.header("Contact")) == (
        ["<sip:p;lr>"],
        None,
        "<sip:bea@h>",
    )
    assert (answer(message, 100).header("Timestamp"), answer(message, 100).to.tag) == ("54", None)


@pytest.mark.parametrize(
    ("method", "status", "is_copied"),
    [("INVITE", 200, True), ("INVITE", 486, False), ("INVITE", 100, False), ("BYE", 200, False)],
)
def test_record_route_is_copied_where_a_dialog_is_made(method: str, status: int, is_copied: bool):
    assert bool(answer(parsed(method, Record_Route="<sip:p;lr>"), status).header("Record-Route")) is is_copied


def test_a_to_tag_is_never_added_twice():
    assert answer(parsed(To="sip:bea@example.org;tag=old"), to_tag="new").to.tag == "old"


@pytest.mark.parametrize(
    ("via", "top"),
    [
        ("SIP/2.0/UDP 192.0.2.9:1;x", "SIP/2.0/UDP 192.0.2.9:1;x"),
        ("SIP/2.0/UDP 192.0.2.1", "SIP/2.0/UDP 192.0.2.1;received=192.0.2.9"),
        ("SIP/2.0/UDP host", "SIP/2.0/UDP host;received=192.0.2.9"),
        ("SIP/2.0/UDP 192.0.2.9;rport", "SIP/2.0/UDP 192.0.2.9;rport=5099;received=192.0.2.9"),
        ("SIP/2.0/UDP h;received=1.1.1.1;rport=7", "SIP/2.0/UDP h;rport=7;received=192.0.2.9"),
        ("SIP/2.0/UDP 192.0.2.9;received=1.1.1.1", "SIP/2.0/UDP 192.0.2.9"),
    ],
)
def test_the_top_via_says_where_the_request_really_came_from(via: str, top: str):
    made = answer(parsed(Via=f"{via}, SIP/2.0/TCP other;received=1.2.3.4"), received=("192.0.2.9", 5099))
    assert [str(value) for value in made.vias] == [top, "SIP/2.0/TCP other;received=1.2.3.4"]


def test_one_ipv6_address_in_two_spellings_is_one():
    made = answer(parsed(Via="SIP/2.0/UDP [2001:DB8:0::1]"), received=("2001:db8::1", 5060))
    assert made.via.received is None
    assert answer(parsed(Via="SIP/2.0/UDP [2001:db8::2]"), received=("2001:db8::1", 5060)).via.received == "2001:db8::1"


def test_only_requests_can_be_answered():
    with pytest.raises(TypeError):
        response(answer(parsed()), 200)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", [0, 99, 700])
def test_a_status_is_three_digits_up_to_699(status: int):
    with pytest.raises(ValueError, match="expected a status"):
        response(parsed(), status)


@pytest.mark.parametrize(
    "parts",
    [
        {"reason": "a\r\nb"},
        {"to_tag": "a b"},
        {"headers": [("X", "a\nb")]},
        {"headers": [("X", "a\rb")]},
        {"headers": [("X", "a\0b")]},
        {"headers": [("X:", "a")]},
        {"headers": [("", "a")]},
        {"headers": [("via", "SIP/2.0/UDP a")]},
        {"headers": [("l", "7")]},
        {"headers": [("t", "<sip:a>")]},
    ],
)
def test_nothing_can_be_smuggled_into_a_response(parts: dict[str, object]):
    with pytest.raises(ValueError, match="expected"):
        response(parsed(), 200, **parts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "phrase"),
    [(200, "OK"), (488, "Not Acceptable Here"), (199, "Early Dialog Terminated"), (477, "Client Error")],
)
def test_reason_phrases_are_the_registered_ones(status: int, phrase: str):
    assert reason_phrase(status) == phrase


# Requests


def test_a_request_is_written_in_order_with_its_length():
    data = request("MESSAGE", Uri.parse("sip:b"), headers=[("A", "1"), ("a", "ü")], body=b"\r\n")
    assert data == "MESSAGE sip:b SIP/2.0\r\nA: 1\r\na: ü\r\nContent-Length: 2\r\n\r\n\r\n".encode()


@pytest.mark.parametrize(
    ("method", "uri", "headers"),
    [
        ("IN VITE", "sip:b", []),
        ("", "sip:b", []),
        ("INVITE", "sip:b c", []),
        ("INVITE", "sip:b\r\nX: y", []),
        ("INVITE", "sip:b?x=y", []),
        ("INVITE", "sip:b", [("X", "a\r\nVia: b")]),
        ("INVITE", "sip:b", [("Content-Length", "7")]),
    ],
)
def test_nothing_can_be_smuggled_into_a_request(method: str, uri: str, headers: list[tuple[str, str]]):
    with pytest.raises(ValueError, match="expected"):
        request(method, uri, headers=headers)


def test_a_request_uri_is_a_uri():
    with pytest.raises(TypeError):
        request("INVITE", 7, headers=[])  # type: ignore[arg-type]


def test_programs_set_headers_of_their_own_only():
    check_program_headers([("X-Account", "7"), ("Subject", "ü")])
    for name, value in [
        ("Via", "x"),
        ("v", "x"),
        ("Call-ID", "x"),
        ("X:", "x"),
        ("", "x"),
        ("X", "a\nb"),
        ("X", "a\0b"),
    ]:
        with pytest.raises(ValueError, match="header"):
            check_program_headers([(name, value)])


# Streams


def names(items: list[Request | Response | ParseError | KeepAlive]) -> list[str]:
    return [type(item).__name__ for item in items]


def test_a_stream_is_cut_by_content_length():
    reader = StreamReader()
    data = octets(body=b"\r\n\r\nINVITE") + octets("BYE")
    items = reader.feed(data + octets("OPTIONS")[:-1])
    assert [item.method for item in items if isinstance(item, Request)] == ["INVITE", "BYE"]
    assert reader.pending == len(octets("OPTIONS")) - 1
    (last,) = reader.feed(b"\n")
    assert isinstance(last, Request)
    assert (last.method, reader.pending, reader.is_broken) == ("OPTIONS", 0, False)


def test_a_double_line_end_between_messages_is_a_keep_alive():
    reader = StreamReader()
    assert names(reader.feed(b"\r\n\r\n\r\n\r\n")) == ["KeepAlive", "KeepAlive"]
    assert names(reader.feed(b"\r\n")) == []
    assert names(reader.feed(octets())) == ["Request"]
    assert names(reader.feed(b"\r\n\r")) == []
    assert names(reader.feed(b"\n" + octets())) == ["KeepAlive", "Request"]


def test_a_malformed_message_of_known_length_does_not_break_the_stream():
    reader = StreamReader()
    items = reader.feed(octets(CSeq="x INVITE", body=b"abc") + octets("BYE"))
    assert names(items) == ["ParseError", "Request"]
    assert isinstance(items[0], ParseError)
    assert (items[0].status, items[0].partial is not None, reader.is_broken) == (400, True, False)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (octets().replace(b"Content-Length: 0\r\n", b""), 400),
        (octets().replace(b"Content-Length: 0", b"Content-Length: -1"), 400),
        (octets().replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 0"), 400),
        (octets().replace(b"Content-Length: 0", b"Content-Length: %d" % (MAX_BODY + 1)), 513),
        (octets(Subject="x").replace(b"Subject: x", b"Subject: a\nb"), 400),
        (octets(Subject="x").replace(b"Subject: x", b"X: y\r\n" * MAX_HEADER_FIELDS + b"X: y"), 513),
        (b"no colon\r\nhere\r\n\r\n", 400),
        (b"\rINVITE\r\n\r\n", 400),
        (b"x" * (MAX_HEADER_SECTION + 1), 513),
    ],
)
def test_a_stream_whose_framing_is_lost_is_broken(data: bytes, status: int):
    reader = StreamReader()
    items = reader.feed(data + octets("BYE"))
    assert names(items) == ["ParseError"]
    assert isinstance(items[0], ParseError)
    assert (items[0].status, reader.is_broken, reader.pending) == (status, True, 0)
    assert reader.feed(octets()) == []


def test_the_last_request_of_a_broken_stream_can_be_answered():
    (error,) = StreamReader().feed(octets().replace(b"Content-Length: 0", b"Content-Length: x"))
    assert isinstance(error, ParseError)
    assert error.partial is not None
    assert response(error.partial, error.status, error.reason).startswith(b"SIP/2.0 400 Bad Content-Length\r\n")


def test_a_body_of_the_largest_size_passes():
    reader = StreamReader()
    data = octets(body=bytes(MAX_BODY))
    items = [item for at in range(0, len(data), 65536) for item in reader.feed(data[at : at + 65536])]
    assert names(items) == ["Request"]
    assert names([parsed(body=bytes(60_000))]) == ["Request"]


def test_a_datagram_with_a_body_too_large_is_refused():
    with pytest.raises(ParseError) as caught:
        parse_datagram(octets(body=bytes(MAX_BODY + 1)))
    assert caught.value.status == 513
