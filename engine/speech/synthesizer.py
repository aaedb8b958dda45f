"""Text to speech: recordings that are kept, and a helper that makes those which are missing, one after another.

A play that names a text is accepted at once, and waits (engine/media/awaiting.py) until its recording is there. A
helper that ends, or takes too long, fails the text at hand; the next one has a new helper.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import structlog
import trio

from .cache import Cache
from .process import COMMAND, Helper, HelperLost, open_helper
from .text import SpeechError, Spoken, spoken

MAX_OCTETS = 64 << 20  # of all recordings
MAX_WAITING = 64  # texts
TIMEOUT = 10.0  # seconds for one text, a new helper included
MISSING = "text to speech is not installed: pip install 'callflow[say]'"

logger = structlog.get_logger("engine.speech")


@dataclass(slots=True, eq=False)
class _Wanted:
    """A text on its way."""

    spoken: Spoken
    path: Path
    waiting: list[Callable[[str | None], None]] = field(default_factory=list)


class Synthesizer:
    """`run` it: without that nothing is made. `requires`: the module that the helper needs."""

    def __init__(
        self,
        folder: Path,
        *,
        max_octets: int = MAX_OCTETS,
        timeout: float = TIMEOUT,
        command: Sequence[str] = COMMAND,
        requires: str = "espeakng_loader",
    ) -> None:
        self._folder = folder
        self._max_octets = max_octets
        self._timeout = timeout
        self._command = command
        self._requires = requires
        self._cache: Cache | None = None  # read when the first text comes
        self._wanted: dict[Path, _Wanted] = {}
        self._send, self._receive = trio.open_memory_channel[_Wanted](MAX_WAITING)
        self._helper: Helper | None = None

    def path(self, text: str, voice: str) -> Path:
        """Where the recording of a text is, or will be. Raises SpeechError."""
        wanted = spoken(text, voice)
        if self._cache is None:
            self._cache = _open_cache(self._folder, self._max_octets)
        path = self._cache.path(wanted.name)
        if path in self._wanted or self._cache.has(wanted.name):
            return path
        if find_spec(self._requires) is None:
            raise SpeechError("unsupported", MISSING)
        self._want(_Wanted(wanted, path))
        return path

    def wait(self, path: Path, then: Callable[[str | None], None]) -> bool:
        """See `engine.media.awaiting.AwaitedFiles`."""
        wanted = self._wanted.get(path)
        if wanted is not None:
            wanted.waiting.append(then)
        return wanted is not None

    async def run(self) -> None:
        """Have texts spoken, until cancelled."""
        try:
            async for wanted in self._receive:
                error = await self._speak(wanted)
                del self._wanted[wanted.path]
                for then in wanted.waiting:
                    then(error)
        finally:
            await self._end_helper()

    def _want(self, wanted: _Wanted) -> None:
        try:
            self._send.send_nowait(wanted)
        except trio.WouldBlock:
            raise SpeechError("overloaded", f"expected at most {MAX_WAITING} texts on their way") from None
        self._wanted[wanted.path] = wanted

    async def _speak(self, wanted: _Wanted) -> str | None:
        """None, or what went wrong."""
        try:
            with trio.fail_after(self._timeout):
                if self._helper is None:
                    self._helper = await open_helper(self._command)
                error = await self._helper.speak(wanted.spoken, wanted.path)
            if error is None:
                assert self._cache is not None
                self._cache.keep(wanted.spoken.name)
                return None
        except trio.TooSlowError:
            error = f"it took more than {self._timeout:g} s"
            await self._end_helper()
        except (HelperLost, OSError) as lost:
            error = str(lost)
            await self._end_helper()
        logger.warning("a text was not spoken", voice=wanted.spoken.voice, reason=error)
        return f"no speech for {wanted.spoken.text[:64]!r}: {error}"

    async def _end_helper(self) -> None:
        if self._helper is not None:
            await self._helper.close()
            self._helper = None


def _open_cache(folder: Path, max_octets: int) -> Cache:
    try:
        return Cache(folder, max_octets=max_octets)
    except OSError as error:
        raise SpeechError("not_found", f"no place for speech in {folder}: {error.strerror}") from error
