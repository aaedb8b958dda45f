"""What is to be sent to many is sent by one task, once in a turn of the event loop, instead of waking one for each."""

from __future__ import annotations

from typing import Protocol

import trio

_YIELD = 50  # flushes without letting others run


class Flushable(Protocol):
    """A session. Neither waits."""

    def flush(self) -> None:
        """Send what can be sent at once."""
        ...

    def fail(self, failure: Exception) -> None:
        """It could not be done."""
        ...


class Flusher:
    """Flushes whoever was noted, when those have run that run now. `is_running`: something comes of a note."""

    def __init__(self) -> None:
        self.is_running = False
        self._due: list[Flushable] = []
        self._woken = trio.Event()

    def note(self, session: Flushable) -> None:
        """Flush it soon; once, so whoever calls sees to it that it is not noted already."""
        self._due.append(session)
        if len(self._due) == 1:
            self._woken.set()

    async def run(self) -> None:
        """Until cancelled; what is noted by then is flushed."""
        self.is_running = True
        try:
            while True:
                if not self._due:
                    self._woken = trio.Event()
                    await self._woken.wait()
                await self._flush()
        finally:
            self.is_running = False
            for session in self._due:
                _flush(session)

    async def _flush(self) -> None:
        due, self._due = self._due, []
        for done, session in enumerate(due, 1):
            _flush(session)
            if done % _YIELD == 0:
                await trio.lowlevel.cancel_shielded_checkpoint()


def _flush(session: Flushable) -> None:
    try:
        session.flush()
    except Exception as error:  # a fault of ours, for one of them, that must not take the others with it
        session.fail(error)
