"""RFC 4475 and RFC 5118 at parser level, row by row of the set's expected.tsv.

The set is no part of the project: it is read from SIP_TORTURE_DIR. See also malformed/, which is our own.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.sip.messages import Address, ParseError, Request, Response, parse_datagram, response

ROOT = Path(__file__).parents[2]
SET = Path(os.environ.get("SIP_TORTURE_DIR", ROOT.parent / "shared" / "torture"))
# A request that the parser accepts may still be refused by the stack; at parser level these mean: well formed.
STACK_STATUSES = {
    "200",
    "401",
    "403",
    "404",
    "405",
    "406",
    "407",
    "415",
    "416",
    "420",
    "480",
    "481",
    "483",
    "488",
    "501",
}


def rows() -> list[dict[str, str]]:
    with (SET / "expected.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def octets(name: str) -> bytes:
    file = SET / "rfc4475" / f"{name}.dat"
    return (file if file.exists() else SET / "rfc5118" / "wire-crlf" / f"{name}.sip").read_bytes()


def read(name: str) -> Request | Response | ParseError:
    try:
        return parse_datagram(octets(name))
    except ParseError as error:
        return error


def parsed(name: str) -> Request:
    message = parse_datagram(octets(name))
    assert isinstance(message, Request)
    return message


HAS_SET = (SET / "expected.tsv").is_file()
needs_set = pytest.mark.skipif(not HAS_SET, reason=f"no torture messages in {SET}: set SIP_TORTURE_DIR")
pytestmark = needs_set
ROWS = rows() if HAS_SET else []


def test_the_set_is_here_in_ci():
    assert len(ROWS) > 60


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["name"])
def test_the_parser_agrees_with_an_acceptable_outcome(row: dict[str, str]):
    acceptable = {status for outcome in row["acceptable"].split("/") for status in outcome.split(",")}
    message = read(row["name"])
    if isinstance(message, ParseError):
        outcome = {str(message.status), "any"} if message.partial else {"drop"}
        assert outcome & acceptable, f"{message}; partial: {message.partial}"
        assert row["kind"] == "request" or message.partial is None
    else:
        assert isinstance(message, Request if row["kind"] == "request" else Response)
        is_stray = isinstance(message, Response) and "drop" in acceptable
        assert is_stray or acceptable & {"wf", "any", *STACK_STATUSES}


@pytest.mark.parametrize("row", [row for row in ROWS if row["kind"] == "request"], ids=lambda row: row["name"])
def test_an_answer_never_holds_what_the_message_smuggled(row: dict[str, str]):
    message = read(row["name"])
    request, status = (message.partial, message.status) if isinstance(message, ParseError) else (message, 404)
    if not isinstance(request, Request):
        return
    answer = response(request, status, to_tag="t", received=("192.0.2.99", 5060))
    head, _, body = answer.partition(b"\r\n\r\n")
    assert body == b""
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert b"\n" not in head.replace(b"\r\n", b"")
    names = {line.partition(b":")[0] for line in head.split(b"\r\n")[1:]}
    assert names <= {b"Via", b"From", b"To", b"Call-ID", b"CSeq", b"Content-Length"}


def wsinv() -> None:
    message = parsed("wsinv")
    assert [via.branch for via in message.vias] == ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]
    assert [via.host for via in message.vias] == ["192.0.2.2", "spindle.example.com", "192.168.255.111"]
    assert (message.cseq, message.max_forwards, message.header("Subject")) == (9, 68, "")
    assert (message.from_.name, message.from_.tag, message.to.tag) == ('J Rosenberg \\"', "98asjd8", "1918181833n")
    assert message.contacts[0].name == 'Quoted string ""'
    assert message.contacts[0].params == {"newparam": "newvalue", "secondparam": None, "q": "0.33"}
    assert message.header("NewFangledHeader") == "newfangled value continued newfangled value"
    assert message.header("UnknownHeaderWithUnusualValue") == ";;,,;;,;"


def intmeth() -> None:
    message = parsed("intmeth")
    assert message.method == message.cseq_method == "!interesting-Method0123456789_*+`.%indeed'~"
    assert message.to.name == "BEL:\x07 NUL:\0 DEL:\x7f"
    assert message.from_.params["fromparam''~+*_!.-%"] == "работающий"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert b"NUL:\\\0" in response(message, 501)


def esc01() -> None:
    message = parsed("esc01")
    assert (message.uri.scheme, message.uri.user, message.uri.host) == ("sip", "sips:user@example.com", "example.net")
    assert (message.to.uri.user, message.from_.uri.user) == ("user", "I have spaces")
    assert message.contacts[0].uri.params == {"lr": None, "name": "value%41"}


def escnull() -> None:
    message = parsed("escnull")
    assert message.to.uri.user == "null-\0-null"
    one, two = message.contacts
    assert (one.uri.user, two.uri.user) == ("\0", "\0\0")
    assert one.uri != two.uri


def esc02() -> None:
    message = parsed("esc02")
    assert message.method == "RE%47IST%45R"
    assert [contact.uri.user for contact in message.contacts] == ["alias1", "alias3"]
    assert message.to.name == "%Z%45"


def longreq() -> None:
    message = parsed("longreq")
    assert len(message.vias) == 34
    answer = parse_datagram(response(message, 200, to_tag="t"))
    assert [str(via) for via in answer.vias] == [str(via) for via in message.vias]
    assert (answer.call_id, answer.from_.tag) == (message.call_id, message.from_.tag)


def dblreq() -> None:
    message = parsed("dblreq")
    assert (message.method, message.body) == ("REGISTER", b"")
    assert b"INVITE" not in message.raw


def semiuri() -> None:
    assert parsed("semiuri").uri.user == "user;par=u@example.net"


def transports() -> None:
    assert [via.transport for via in parsed("transports").vias] == ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]


def mpart01() -> None:
    message = parsed("mpart01")
    assert message.body == octets("mpart01").partition(b"\r\n\r\n")[2]
    assert message.body_type == "multipart/mixed"


def unreason() -> None:
    message = parse_datagram(octets("unreason"))
    assert isinstance(message, Response)
    assert message.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"


def noreason() -> None:
    message = parse_datagram(octets("noreason"))
    assert isinstance(message, Response)
    assert (message.status, message.reason) == (100, "")


def unkscm() -> None:
    assert parsed("unkscm").uri.scheme == "nobodyknowsthisscheme"


def novelsc() -> None:
    assert parsed("novelsc").uri.scheme == "soap.beep"


def unksm2() -> None:
    message = parsed("unksm2")
    assert [str(uri) for uri in (message.to.uri, message.from_.uri, message.contacts[0].uri)] == [
        "isbn:2983792873",
        "http://www.example.com",
        "name:John_Smith",
    ]


def bext01() -> None:
    assert parsed("bext01").values("Require") == ["nothingSupportsThis", "nothingSupportsThisEither"]


def invut() -> None:
    assert parsed("invut").body_type == "application/unknownformat"


def zeromf() -> None:
    assert parsed("zeromf").max_forwards == 0


def badbranch() -> None:
    assert not parsed("badbranch").via.has_cookie


def cparam01() -> None:
    (contact,) = parsed("cparam01").contacts
    assert (contact.uri.params, contact.params) == ({}, {"unknownparam": None})


def cparam02() -> None:
    (contact,) = parsed("cparam02").contacts
    assert (contact.uri.params, contact.params) == ({"unknownparam": None}, {})


def regescrt() -> None:
    message = parsed("regescrt")
    assert message.contacts[0].uri.headers.startswith("Route=%3C")
    assert "?Route=" in str(message.contacts[0])
    assert message.header("Route") is None


def inv2543() -> None:
    message = parsed("inv2543")
    assert (message.via.branch, message.from_.tag, message.max_forwards) == (None, None, None)
    assert message.body.startswith(b"v=0\r\n")
    assert message.to.params == {"user": "phone"}


def port_ambiguous() -> None:
    assert (parsed("port-ambiguous").uri.host, parsed("port-ambiguous").uri.port) == ("2001:db8::10:5070", None)


def port_unambiguous() -> None:
    assert (parsed("port-unambiguous").uri.host, parsed("port-unambiguous").uri.port) == ("2001:db8::10", 5070)


def received() -> None:
    for name in ("via-received-param-with-delim", "via-received-param-no-delim"):
        assert parsed(name).via.received == "2001:db8::9:255"


def badvers() -> None:
    with pytest.raises(ParseError) as caught:
        parse_datagram(octets("badvers"))
    assert (caught.value.status, caught.value.reason) == (505, "Version Not Supported")


def baddn_with_its_empty_line() -> None:
    with pytest.raises(ParseError) as caught:
        parse_datagram(octets("baddn") + b"\r\n")
    assert caught.value.reason == "Bad From"
    with pytest.raises(ParseError):
        Address.parse("Bell, Alexander <sip:a.g.bell@example.com>")


DEMANDS: list[Callable[[], None]] = [
    wsinv, intmeth, esc01, escnull, esc02, longreq, dblreq, semiuri, transports, mpart01, unreason, noreason, unkscm,
    novelsc, unksm2, bext01, invut, zeromf, badbranch, cparam01, cparam02, regescrt, inv2543, port_ambiguous,
    port_unambiguous, received, badvers, baddn_with_its_empty_line,
]  # fmt: skip


@pytest.mark.parametrize("demand", DEMANDS, ids=lambda demand: demand.__name__)
def test_what_the_notes_demand_of_a_message_holds(demand: Callable[[], None]):
    demand()
