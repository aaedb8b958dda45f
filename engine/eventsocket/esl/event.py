"""A FreeSWITCH event and its three spellings. It is spelled once for all who read it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote
from xml.sax.saxutils import escape

from . import packet

# FreeSWITCH encodes every octet but letters, digits and these.
_PLAIN = ",/()'!*$~-_."
_ENCODED = re.compile(r"(%[0-9A-Fa-f]{2})")
_NO_NAME = re.compile(r"[^A-Za-z0-9_.-]")
_NO_XML_NAME = re.compile(r"^[^A-Za-z_]")
_SHORT = 256  # characters: longer lines are not remembered, longer names are cut


class EslEvent:
    """`headers` in the order in which they are sent; `body` only of events that have one."""

    __slots__ = ("_spelled", "body", "headers", "name", "subclass")

    def __init__(self, name: str, headers: Mapping[str, str], *, subclass: str = "", body: str | None = None) -> None:
        self.name = name
        self.subclass = subclass
        self.headers = headers
        self.body = body
        self._spelled: dict[str, bytes] = {}

    def spelled(self, kind: str) -> bytes:
        """The whole packet; `kind` is plain, json or xml."""
        found = self._spelled.get(kind)
        if found is None:
            found = self._spelled[kind] = packet.event(kind, _SPELLINGS[kind](self))
        return found


def encode(value: str) -> str:
    """A value as it stands in a plain event. What is percent-encoded already stays so."""
    if not value:
        return "_undef_"
    value = value[: packet.MAX_VALUE // 3]
    if "%" not in value:
        return quote(value, safe=_PLAIN, errors="replace")
    parts = _ENCODED.split(value)
    return "".join(part if at % 2 else quote(part, safe=_PLAIN, errors="replace") for at, part in enumerate(parts))


def clean_name(name: str) -> str:
    """A header's name that every client can parse: some read them as MIME tokens."""
    return _NO_NAME.sub("_", name[:_SHORT])


def plain_block(event: EslEvent) -> str:
    """The headers without the empty line that ends them."""
    return "".join([
        _short_line(name, value) if len(name) + len(value) <= _SHORT else _line(name, value)
        for name, value in event.headers.items()
    ])


def _line(name: str, value: str) -> str:
    return f"{clean_name(name)}: {encode(value)}\n"


# Nearly all headers of a call come again with each of its events.
_short_line = lru_cache(maxsize=16_384)(_line)


def _plain(event: EslEvent) -> bytes:
    block = plain_block(event)
    if event.body is None:
        return f"{block}\n".encode()
    body = event.body.encode(errors="replace")
    return f"{block}Content-Length: {len(body)}\n\n".encode() + body


def _json(event: EslEvent) -> bytes:
    document = dict(event.headers)
    if event.body is not None:
        document["Content-Length"] = str(len(event.body.encode(errors="replace")))
        document["_body"] = event.body
    return json.dumps(document).encode()


def _xml(event: EslEvent) -> bytes:
    lines = ["<event>", "  <headers>"]
    for name, value in event.headers.items():
        tag = _NO_XML_NAME.sub("_", clean_name(name))
        lines.append(f"    <{tag}>{encode(value)}</{tag}>")
    lines.append("  </headers>")
    if event.body is not None:
        length = len(event.body.encode(errors="replace"))
        lines += [f"  <Content-Length>{length}</Content-Length>", f"  <body>{escape(event.body)}</body>"]
    return "\n".join([*lines, "</event>"]).encode(errors="replace")


_SPELLINGS = {"plain": _plain, "json": _json, "xml": _xml}
KINDS = tuple(_SPELLINGS)
