"""A stream that runs: what waits to be sent, what comes, and how it ends.

Whoever has something to tell never waits: a peer that does not read loses frames, the oldest first; one that takes
nothing for `STALLED_AFTER` seconds is given up.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import trio

from .dialect import Dialect
from .message import BadMessage, Frame, Message, Said, Stopping, Text, Told
from .socket import StreamClosed, StreamSocket

MOST_FRAMES = 250  # that wait: five seconds of one track
MOST_WAITING = 10_000  # of all that waits; keys and marks are not dropped
STALLED_AFTER = 15.0  # seconds in which a peer takes nothing
LOOK_EVERY = 5.0  # seconds after which the connection is looked after
_TOLD_EVERY = 1.0
_READER_KNOWS_WITHIN = 1.0
_NORMAL, _POLICY_VIOLATION = 1000, 1008  # RFC 6455 7.4.1

End: TypeAlias = Literal["stopped", "closed", "stalled", "failed"]


@dataclass(frozen=True, slots=True)
class Ending:
    """How an exchange ended."""

    reason: End
    code: int = 0  # of the WebSocket, when the peer closed it
    error: str | None = None


class Exchange:
    """With one peer."""

    def __init__(self, dialect: Dialect, *, on_said: Callable[[Said], None], on_dropped: Callable[[int], None]) -> None:
        """`on_dropped` is told how many frames were, at most once a second."""
        self._dialect = dialect
        self._on_said = on_said
        self._on_dropped = on_dropped
        self._waiting: deque[Told] = deque()
        self._frames = 0  # among them
        self.text_waiting = 0  # characters of texts among them
        self._wake = trio.Event()
        self._is_stopping = False
        self._is_sending = True  # nothing may be sent besides: a message may be cut
        self._dropped_told_at = -math.inf
        self._dropped_untold = 0
        self.frames_sent = 0
        self.frames_dropped = 0

    def wake(self) -> None:
        """There is something to send."""
        self._wake.set()

    def tell(self, told: Told) -> None:
        """To be sent soon; never waits."""
        if self._is_stopping:
            return
        if isinstance(told, Frame):
            if self._frames >= MOST_FRAMES:
                self._drop()
            self._frames += 1
        elif len(self._waiting) >= MOST_WAITING:
            return  # the peer is given up soon
        elif isinstance(told, Text):
            self.text_waiting += len(told.text)
        self._waiting.append(told)
        self._wake.set()

    def stop(self, reason: str) -> None:
        """Send what waits, say goodbye, and end; no more is heard of the peer."""
        self.tell(Stopping(reason))
        self._is_stopping = True
        self._wake.set()

    async def run(self, socket: StreamSocket) -> Ending:
        """Until it ends; the socket is closed then. Cancelled, it is closed at once."""
        endings: list[Ending] = []

        async def run(part: Callable[[StreamSocket], Awaitable[Ending]]) -> None:
            endings.append(await part(socket))
            nursery.cancel_scope.cancel()

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(run, self._write)
                nursery.start_soon(run, self._read)
            ending = endings[0]
            if not self._is_sending and ending.reason != "stalled":
                await socket.close(_POLICY_VIOLATION if ending.reason == "failed" else _NORMAL)
        finally:
            with trio.CancelScope(shield=True):
                await socket.abort()
        return ending

    async def _write(self, socket: StreamSocket) -> Ending:
        messages: Sequence[Message] = self._dialect.open()
        while True:
            self._is_sending = True
            with trio.move_on_after(STALLED_AFTER) as patience:
                try:
                    await socket.send(messages)
                except StreamClosed as closed:
                    await trio.sleep(_READER_KNOWS_WITHIN)  # how the peer closed it may be read still
                    return Ending("closed", closed.code, closed.reason)
            if patience.cancelled_caught:
                return Ending("stalled", error=f"it took nothing for {STALLED_AFTER:g} s")
            self._is_sending = False
            if self._is_stopping and not self._waiting:
                return Ending("stopped")
            with trio.move_on_after(LOOK_EVERY):
                await self._wake.wait()
            self._wake = trio.Event()
            try:
                socket.keep_alive()
            except StreamClosed as closed:
                return Ending("stalled", error=closed.reason)
            messages = self._spell()

    async def _read(self, socket: StreamSocket) -> Ending:
        try:
            while True:
                said = self._dialect.read(await socket.receive())
                if said is not None and not self._is_stopping:
                    self._on_said(said)
        except StreamClosed as closed:
            return Ending("closed", closed.code, closed.reason)
        except BadMessage as error:
            return Ending("failed", error=str(error))

    def _spell(self) -> list[Message]:
        """What waits, as messages."""
        told, self._waiting = self._waiting, deque()
        self.frames_sent += self._frames
        self._frames = self.text_waiting = 0
        return [message for it in told if (message := self._dialect.spell(it)) is not None]

    def _drop(self) -> None:
        """The oldest frame that waits will not be sent."""
        oldest = next(index for index, told in enumerate(self._waiting) if isinstance(told, Frame))
        del self._waiting[oldest]
        self._frames -= 1
        self.frames_dropped += 1
        self._dropped_untold += 1
        now = trio.current_time()
        if now - self._dropped_told_at >= _TOLD_EVERY:
            untold, self._dropped_untold, self._dropped_told_at = self._dropped_untold, 0, now
            self._on_dropped(untold)
