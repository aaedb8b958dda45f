"""The one error of this layer: a command that is not accepted.

CommandError(code, message, details)     code is one of `callflow.protocol.frames.ErrorCode`
"""

from __future__ import annotations

from collections.abc import Mapping

from callflow.protocol.frames import ErrorCode


class CommandError(Exception):
    """A command was not accepted; nothing of it took effect. The dispatcher answers it as it is."""

    def __init__(self, code: ErrorCode, message: str, details: Mapping[str, object] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = dict(details or {})
