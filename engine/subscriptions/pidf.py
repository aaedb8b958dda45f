"""Presence documents, written and read (RFC 3863, RFC 4480): open or closed, a note, and what somebody does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

Basic: TypeAlias = Literal["open", "closed"]
CONTENT_TYPE = "application/pidf+xml"
MAX_NOTE = 256  # characters; what is longer is cut off
MAX_DEPTH = 16
MAX_DOCUMENT = 16_384  # octets
_ACTIVITY = re.compile(r"[a-z][a-z-]{0,31}", re.ASCII)
_SPACES = "".join(
    f' xmlns:{name}="urn:ietf:params:xml:ns:pidf:{urn}"' for name, urn in (("dm", "data-model"), ("rpid", "rpid"))
)


class BadDocument(ValueError):
    """It is no presence document, or one of a kind that is not read."""


@dataclass(frozen=True, slots=True)
class Presence:
    """How somebody is reached. `activity`: a word of RFC 4480 3.2, such as `away`; empty: none is told."""

    basic: Basic
    note: str = ""
    activity: str = ""


def is_activity(word: str) -> bool:
    return _ACTIVITY.fullmatch(word) is not None


def write(presence: Presence, entity: str) -> bytes:
    """A document about one user."""
    note = f"<note>{escape(presence.note)}</note>" if presence.note else ""
    doing = f"<rpid:activities><rpid:{presence.activity}/></rpid:activities>" if presence.activity else ""
    person = f'  <dm:person id="person">{doing}</dm:person>\n' if doing else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<presence xmlns="urn:ietf:params:xml:ns:pidf"{_SPACES} entity={quoteattr(entity)}>\n'
        f'  <tuple id="callflow"><status><basic>{presence.basic}</basic></status>{note}</tuple>\n'
        f"{person}</presence>\n"
    ).encode()


def read(document: bytes) -> Presence:
    """What a phone published: open if any tuple is, the first note, the first activity. Raises BadDocument."""
    if len(document) > MAX_DOCUMENT:
        raise BadDocument(f"expected at most {MAX_DOCUMENT} octets, got {len(document)}")
    reader = _Reader()
    try:
        reader.parser.Parse(document, True)
    except expat.ExpatError as error:
        raise BadDocument(f"expected XML: {error}") from error
    if reader.root != "presence":
        raise BadDocument(f"expected <presence>, got <{reader.root[:32]}>")
    if not reader.basics:
        raise BadDocument("expected <basic> with open or closed")
    basic: Basic = "open" if "open" in reader.basics else "closed"
    note = " ".join(reader.note.split())[:MAX_NOTE]
    return Presence(basic, note, reader.activity if is_activity(reader.activity) else "")


class _Reader:
    """Takes what matters out of a document. No DTD is read, and so no entity."""

    def __init__(self) -> None:
        self.root = ""
        self.basics: set[str] = set()
        self.note = ""
        self.activity = ""
        self._path: list[str] = []
        self._text: list[str] = []
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: object) -> None:
        local = name.rpartition(" ")[2]
        if len(self._path) >= MAX_DEPTH:
            raise BadDocument(f"expected at most {MAX_DEPTH} levels")
        self.root = self.root or local
        if self._path and self._path[-1] == "activities" and not self.activity:
            self.activity = local
        self._path.append(local)
        self._text.clear()

    def _end(self, name: str) -> None:
        text = "".join(self._text).strip()
        local = self._path.pop()
        if local == "basic" and text in ("open", "closed"):
            self.basics.add(text)
        elif local == "note" and not self.note:
            self.note = text
        self._text.clear()

    def _refuse(self, *declared: object) -> None:
        raise BadDocument("expected no document type")
