"""What is wrong with a configuration."""

from __future__ import annotations

from pathlib import Path


class ConfigError(Exception):
    """The configuration cannot be used: where, what was expected, what came."""

    def __init__(self, message: str, *, path: Path | None = None, line: int | None = None) -> None:
        place = ":".join(str(part) for part in (path, line) if part is not None)
        super().__init__(f"{place}: {message}" if place else message)
        self.path, self.line, self.message = path, line, message
