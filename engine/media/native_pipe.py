"""A pipe on the native data plane: see `engine.media.pipe`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .pipe import PipeFigures

if TYPE_CHECKING:
    from engine._native import media as native


class NativePipe:
    """Fulfils MediaPipe."""

    def __init__(self, pipe: native.Pipe, forget: Callable[[], None]) -> None:
        self._pipe = pipe
        self._forget = forget
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """It is over."""
        return self._is_closed

    def write(self, octets: bytes) -> int:
        """Have them said after what waits: how many were taken."""
        return 0 if self._is_closed else self._pipe.write(octets)

    def mark(self, mark: int) -> bool:
        """Have it reported when all that was written before has been sent."""
        return not self._is_closed and self._pipe.mark(mark)

    def clear(self) -> None:
        """Say nothing of what waits."""
        if not self._is_closed:
            self._pipe.clear()

    def figures(self) -> PipeFigures:
        """What became of what was written."""
        return PipeFigures(*self._pipe.figures())

    def close(self) -> None:
        """No frames come out any more, and nothing more is said."""
        if not self._is_closed:
            self._is_closed = True
            self._pipe.close()
            self._forget()
