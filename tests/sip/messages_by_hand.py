"""Requests and responses as a peer might write them, for tests that need one it would not get from our own stack."""

from __future__ import annotations

from engine.sip.events import Flow
from engine.sip.messages import Request, Response, parse_datagram

OFFER = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n"
ANSWER = b"v=0\r\no=- 2 1 IN IP4 192.0.2.1\r\ns=-\r\nt=0 0\r\n"
OURS = ("192.0.2.1", 5060)
PEER = ("192.0.2.9", 5060)
FLOW = Flow("udp", OURS, PEER)
CONNECTION = Flow("tcp", OURS, PEER, connection=1)


def request(
    method: str = "INVITE",
    uri: str = "sip:bob@192.0.2.1",
    *,
    via: str = "SIP/2.0/UDP 192.0.2.9:5060;rport",
    branch: str = "z9hG4bKone",
    from_: str = "<sip:alice@192.0.2.9>;tag=alice",
    to: str = "<sip:bob@192.0.2.1>",
    call_id: str = "call",
    cseq: int = 1,
    cseq_method: str | None = None,
    contact: str | None = "<sip:alice@192.0.2.9>",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> bytes:
    """A request to us; an INVITE carries an offer only if `body` says so."""
    fields = [
        ("Via", f"{via};branch={branch}" if branch else via),
        ("Max-Forwards", "70"),
        ("From", from_),
        ("To", to),
        ("Call-ID", call_id),
        ("CSeq", f"{cseq} {cseq_method or method}"),
    ]
    if contact is not None:
        fields.append(("Contact", contact))
    if body and not any(name == "Content-Type" for name, _ in headers):
        fields.append(("Content-Type", "application/sdp"))
    replaced = {name for name, _ in headers if name in ("Max-Forwards", "Content-Type")}
    fields = [field for field in fields if field[0] not in replaced or field[0] == "Content-Type"]
    return _encode(f"{method} {uri} SIP/2.0", [*fields, *headers], body)


def response(
    to_request: Request,
    status: int,
    *,
    to_tag: str | None = "bob",
    contact: str | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
) -> bytes:
    """A peer's answer to a request of ours."""
    to = to_request.header("To") or ""
    if to_tag is not None and to_request.to.tag is None and status > 100:
        to += f";tag={to_tag}"
    fields = [("Via", via) for via in to_request.values("Via")]
    fields += [("From", to_request.header("From") or ""), ("To", to), ("Call-ID", to_request.call_id)]
    fields.append(("CSeq", f"{to_request.cseq} {to_request.method}"))
    if contact is not None:
        fields.append(("Contact", contact))
    if body:
        fields.append(("Content-Type", "application/sdp"))
    return _encode(f"SIP/2.0 {status} Whatever", [*fields, *headers], body)


def parse_request(data: bytes) -> Request:
    message = parse_datagram(data)
    assert isinstance(message, Request)
    return message


def parse_response(data: bytes) -> Response:
    message = parse_datagram(data)
    assert isinstance(message, Response)
    return message


def _encode(start: str, fields: list[tuple[str, str]], body: bytes) -> bytes:
    fields.append(("Content-Length", str(len(body))))
    return "".join([f"{start}\r\n", *(f"{name}: {value}\r\n" for name, value in fields), "\r\n"]).encode() + body
