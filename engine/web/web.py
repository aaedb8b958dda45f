"""What channels need to play what is elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from callflow.protocol.frames import ErrorCode


class WebError(Exception):
    """A URL cannot be played; the message says why. `code` is that of the protocol."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


class Web(Protocol):
    """Who has sounds by their URLs."""

    def path(self, url: str) -> Path:
        """Where the sound is, or will be: what plays it waits. Raises WebError."""
        ...
