"""Whether new calls may come in at all: asked before anything of a call is read, when there is too much to do already.

Requests of calls that are up do not come by here. While it drains, OPTIONS is refused too, so that peers go elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

import structlog
import trio

from callflow.protocol.events import EngineDraining, EngineOverloaded, EngineRecovered, Event
from engine.congestion import Congestion
from engine.lateness import Lateness
from engine.peak import Peak
from engine.refusals import Refusals
from engine.sip.dialog import Headers
from engine.sip.messages import Request
from engine.transport.backlog import Backlog

LOOK_EVERY = 0.1  # seconds between two looks at how late the event loop and the media are, and at what waits
RETRY_AFTER = (2, 8)  # seconds: the least, and how many more by chance, so that not all come again at once

logger = structlog.get_logger("engine")

Reason: TypeAlias = Literal["lag", "media", "queue", "calls"]


class EventSink(Protocol):
    """Where events go."""

    def emit(self, event: Event) -> int:
        """Number and keep an event."""
        ...


class Gate:
    """Open, unless there are `most` calls, or something is late, or SIP waits or was lost, or the engine drains."""

    def __init__(
        self,
        *,
        calls: Callable[[], int],
        most: int,
        lag: float,
        events: EventSink,
        chance: Callable[[], float],
        media_lag: float = 0.0,
        take_media_lag: Callable[[], float] = lambda: 0.0,
        backlog: Callable[[], Backlog] = Backlog,
    ) -> None:
        """`lag` and `media_lag`: seconds that the event loop and the media may be late, 0: any. `take_media_lag` tells
        how late the media were since the last time. `backlog`: what SIP waits to be read, for half of `lag`.
        """
        self.is_draining = trio.Event()
        self.refused = 0
        self._refusals = Refusals()
        self.lag, self.media_lag, self.queue = (Peak(trio.current_time) for _ in range(3))  # seconds, for who looks on
        self._calls, self._most = calls, most
        self._events, self._chance = events, chance
        self._lag, self._media_lag = Lateness(lag), Lateness(media_lag)
        self._congestion = Congestion(lag / 2)
        self._take_media_lag, self._backlog = take_media_lag, backlog
        self.reason: Reason | None = None  # why no calls are let in, as it was told

    def refuse(self, request: Request, *, is_one_too_many: bool = False) -> Headers | None:
        """The headers of the 503 that answers a request outside of calls; None: it may pass.

        Of those that are not too many of their sender's, only INVITE and OPTIONS are refused: phones register with an
        engine that drains, too. An INVITE that comes again has the answer that it had.
        """
        is_invite = request.method == "INVITE"
        if is_invite and (told := self._refusals.find(request)) is not None:
            return told
        if not is_one_too_many and not self._is_shut_for(request.method):
            return None
        headers = self._retry_later()
        if is_invite:
            self._refusals.keep(request, headers)
        return headers

    def drain(self) -> None:
        """Let nothing new in any more."""
        if not self.is_draining.is_set():
            self.is_draining.set()
            self._events.emit(EngineDraining(calls=self._calls()))

    def note_lag(self, seconds: float) -> None:
        """The event loop was so late."""
        self._lag.note(seconds)
        self._judge()

    def note_media_lag(self, seconds: float) -> None:
        """Sound was sent so late."""
        self.media_lag.note(seconds)
        self._media_lag.note(seconds)
        self._judge()

    def note_backlog(self, backlog: Backlog) -> None:
        """So much SIP waits, and was lost."""
        self._congestion.note(backlog)
        self._judge()

    async def watch_lag(self, worked: Callable[[], float] = time.thread_time) -> None:
        """See how late event loop and media are by work of their own, until cancelled. `worked` tells seconds of that.

        A machine that is busy with something else makes it late, too, but that is not cured by refusing calls.
        """
        while True:
            due, before = trio.current_time() + LOOK_EVERY, worked()
            await trio.sleep_until(due)
            late = trio.current_time() - due
            self.lag.note(late)  # whoever made it so
            self.note_lag(min(late, worked() - before))
            self.note_media_lag(self._take_media_lag())
            backlog = self._backlog()
            self.queue.note(backlog.seconds)
            self.note_backlog(backlog)

    def _is_shut_for(self, method: str) -> bool:
        if self.is_draining.is_set():
            return method in ("INVITE", "OPTIONS")
        return method == "INVITE" and self._judge() is not None

    def _retry_later(self) -> Headers:
        """When to come again, for one that is refused."""
        self.refused += 1
        least, more = RETRY_AFTER
        return (("Retry-After", str(least + int(self._chance() * (more + 1)))),)

    def _judge(self) -> Reason | None:
        """Why no calls are let in; a change is told."""
        reason: Reason | None = None
        if self._lag.is_overload:
            reason = "lag"
        elif self._media_lag.is_overload:
            reason = "media"
        elif self._congestion.is_overload:
            reason = "queue"
        elif self._calls() >= self._most:
            reason = "calls"
        if reason != self.reason:
            self.reason = reason
            if reason is None:
                logger.info("not overloaded any more")
                self._events.emit(EngineRecovered())
            else:
                logger.warning("overloaded", reason=reason, calls=self._calls())
                self._events.emit(EngineOverloaded(reason=reason, calls=self._calls()))
        return reason
