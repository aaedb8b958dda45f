"""Sound without a frame around it: binary messages are sound and nothing else, texts are whatever the two make of them.

FreeSWITCH's modules for audio over WebSockets speak like that, and so do many recognizers.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import message as m
from .spelling import text_of


class RawDialect:
    """See Dialect. Keys, marks and the end are not told."""

    def __init__(self, subprotocol: str | None) -> None:
        self.subprotocol: str | None = subprotocol

    def open(self) -> Sequence[m.Message]:
        """Nothing: who has something to say first gives a text."""
        return ()

    def spell(self, told: m.Told) -> m.Message | None:
        match told:
            case m.Frame(octets=octets):
                return octets
            case m.Text(text):
                return text
        return None

    def read(self, message: m.Message) -> m.Said | None:
        return m.Sound(message) if isinstance(message, bytes) else m.Text(text_of(message))
