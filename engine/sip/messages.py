"""SIP messages as values (RFC 3261 §7, §19, §20), over the native codec. The only module that imports it for SIP.

::

    message = parse_datagram(data)  # Request | Response; raises ParseError
    answer = response(message, 486, to_tag=tag)
"""

from __future__ import annotations

from collections.abc import Iterable

from engine._native.codec import (
    MAX_BODY,
    MAX_HEADER_FIELDS,
    MAX_HEADER_SECTION,
    Address,
    KeepAlive,
    Message,
    ParseError,
    Request,
    Response,
    StreamReader,
    Uri,
    Via,
    parse_datagram,
    reason_phrase,
    request,
    response,
)

__all__ = [
    "MAX_BODY",
    "MAX_HEADER_FIELDS",
    "MAX_HEADER_SECTION",
    "STACK_HEADERS",
    "Address",
    "KeepAlive",
    "Message",
    "ParseError",
    "Request",
    "Response",
    "StreamReader",
    "Uri",
    "Via",
    "check_program_headers",
    "parse_datagram",
    "reason_phrase",
    "request",
    "response",
]

# What the stack writes itself; a program that set one of these could break or forge a dialog. Long and compact names.
STACK_HEADERS = frozenset({
    "accept",
    "allow",
    "authorization",
    "call-id",
    "contact",
    "content-length",
    "content-type",
    "cseq",
    "from",
    "max-forwards",
    "proxy-authenticate",
    "proxy-authorization",
    "record-route",
    "require",
    "route",
    "supported",
    "to",
    "unsupported",
    "via",
    "www-authenticate",
    "c",
    "f",
    "i",
    "k",
    "l",
    "m",
    "t",
    "v",
})

_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.!%*_+`'~")


def check_program_headers(headers: Iterable[tuple[str, str]]) -> None:
    """Refuse what a program may not send: names of `STACK_HEADERS`, and CR, LF or NUL. Raises ValueError naming it."""
    for name, value in headers:
        if not name or not _TOKEN.issuperset(name):
            raise ValueError(f"expected a header name (RFC 3261 token), got {name!r}")
        if name.lower() in STACK_HEADERS:
            raise ValueError(f"header {name} is written by the engine and cannot be set")
        if not {"\r", "\n", "\0"}.isdisjoint(value):
            raise ValueError(f"header {name} holds CR, LF or NUL: {value!r}")
