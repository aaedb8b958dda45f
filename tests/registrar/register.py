"""Builders of REGISTER requests, and a phone's half of the digest."""

from __future__ import annotations

from engine.sip.digest import Challenge, Credentials, authorize, parse_challenges
from engine.sip.messages import Request, parse_datagram

URI = "sip:pbx.example.com"


def register(
    user="alice",
    *,
    contact: str | None = "<sip:alice@10.0.0.1:5062>",
    call_id="a",
    cseq=1,
    headers=(),
    method="REGISTER",
    uri=URI,
    to: str | None = None,
) -> Request:
    lines = [
        f"{method} {uri} SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1",
        f"From: <sip:{user}@pbx.example.com>;tag=f",
        f"To: {to or f'<sip:{user}@pbx.example.com>'}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *([f"Contact: {contact}"] if contact else []),
        *(f"{name}: {value}" for name, value in headers),
        "Content-Length: 0",
    ]
    message = parse_datagram(("\r\n".join(lines) + "\r\n\r\n").encode())
    assert isinstance(message, Request)
    return message


def challenges(headers) -> list[Challenge]:
    return parse_challenges(value for name, value in headers if name == "WWW-Authenticate")


def answer(
    headers, user="alice", password="secret", *, algorithm="SHA-256", count=1, method="REGISTER", uri=URI
) -> tuple[str, str]:
    """The Authorization header that answers these challenges."""
    chosen = [challenge for challenge in challenges(headers) if challenge.algorithm == algorithm]
    made = authorize(chosen, Credentials(user, password), method=method, uri=uri, cnonce="c", nonce_count=count)
    assert made is not None
    return ("Authorization", str(made))
