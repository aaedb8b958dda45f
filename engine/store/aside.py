"""What waits for a database that cannot be written, in a file beside: it outlives the engine."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog

from .connection import Statement

logger = structlog.get_logger("engine.store")


class Aside:
    """One file, of one subject; without a path there is none. Everything blocks."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def read(self) -> dict[str, Sequence[Statement]]:
        """What an engine before this one could not write, by key."""
        if self._path is None or not self._path.exists():
            return {}
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Sequence[Statement]])
        except (OSError, msgspec.DecodeError) as error:
            logger.error("what waited for the store cannot be read", file=str(self._path), error=str(error))
            return {}

    def write(self, waiting: Mapping[str, Sequence[Statement]]) -> bool:
        """Keep all that waits, in place of what did; whether it is kept."""
        if self._path is None:
            return False
        draft = self._path.with_suffix(f".{os.getpid()}.part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(msgspec.json.encode(waiting))
            draft.replace(self._path)
        except OSError:  # the disk may be what is full
            return False
        return True

    def clear(self) -> None:
        """Nothing waits."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)
