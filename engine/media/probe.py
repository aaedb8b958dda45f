"""Whether a file can be played at all, before anybody plays it."""

from __future__ import annotations

from pathlib import Path

from engine._native import media as native


def expect_sound(path: Path, suffix: str) -> None:
    """Raise ValueError, with the reason, if not. `suffix`: of the name that it will have. It reads: on a thread."""
    native.expect_sound(path, suffix)
