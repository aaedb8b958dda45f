"""How a stream is spelled: our own frames, those of Twilio's Media Streams, or none. Pure: values to messages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

from . import message as m
from .own import OwnDialect
from .raw import RawDialect
from .twilio import TwilioDialect

Name: TypeAlias = Literal["callflow", "twilio", "raw"]


class Dialect(Protocol):
    """One stream's spelling: it may count what it has told."""

    @property
    def subprotocol(self) -> str | None:
        """What the handshake offers."""
        ...

    def open(self) -> Sequence[m.Message]:
        """The first messages."""
        ...

    def spell(self, told: m.Told) -> m.Message | None:
        """A message to the peer; None: the dialect has none for it."""
        ...

    def read(self, message: m.Message) -> m.Said | None:
        """What a message of the peer says; None: nothing that is known. Raises BadMessage."""
        ...


def dialect_of(name: Name, opening: m.Opening, *, subprotocol: str | None = None) -> Dialect:
    """A new stream's. `subprotocol` is what `raw` offers."""
    if name == "raw":
        return RawDialect(subprotocol)
    return TwilioDialect(opening) if name == "twilio" else OwnDialect(opening)
