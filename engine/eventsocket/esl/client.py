"""One client's connection: what it hears, and what waits to be sent to it.

All that waits is bounded. A client that does not read what it asked for is closed, and told why.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import structlog
import trio

from engine.eventsocket.outlet import write_now

from . import packet
from .event import EslEvent
from .framing import FramingError, Parser, Request
from .headers import Core
from .hub import Hub
from .interest import Interest
from .leg import Leg
from .permission import ANYBODY

MAX_OWED = 8 << 20  # octets that wait to be sent
CLOSE_WITHIN = 5.0  # seconds to send what is owed, when closing
STALLED_AFTER = 60.0  # seconds in one send
_CHUNK = 64 * 1024
_BATCH = 256 * 1024
_YIELD = 20  # requests that came at once are handled without letting others run
CLOSED = "callflow::closed"  # the subclass of the event that says why

Handle = Callable[["Client", Request], Awaitable[None]]

logger = structlog.get_logger("engine.esl")


class Client:
    """A connection after its login, or one that the engine dialled for `leg`.

    `is_full`: all commands are for it; `is_async`: it need not wait for applications to end.
    """

    def __init__(
        self,
        stream: trio.abc.Stream,
        hub: Hub,
        *,
        peer: str,
        leg: Leg | None = None,
        is_full: bool = True,
        is_async: bool = True,
        max_owed: int = MAX_OWED,
    ) -> None:
        self.user = ANYBODY
        self.hub = hub
        self.peer = peer
        self.leg = leg
        self.is_full = is_full
        self.is_async = is_async
        self.interest = Interest()
        self.linger: int | None = None  # seconds after the end of the call, -1: until `exit`
        self.log_level = -1
        self.parser = Parser()
        self.is_closing = False
        self._stream = stream
        self._max_owed = max_owed
        self._queue: deque[bytes] = deque()
        self._owed = 0
        self._is_sending = False
        self._held: deque[bytes] | None = None  # events behind a reply that is not known yet
        self._woken = trio.Event()
        self._reading = trio.CancelScope()
        self._is_read = trio.Event()
        self.on_end: Callable[[], None] = lambda: None  # called when no more commands are done
        self._lingering = trio.CancelScope()
        self._nursery: trio.Nursery | None = None

    @property
    def core(self) -> Core:
        return self.hub.core

    # What it is sent

    def reply(self, text: str, headers: packet.Pairs = ()) -> None:
        """Answer a command."""
        self.send(packet.reply(text, headers))

    def deliver(self, event: EslEvent) -> None:
        """An event that it wants."""
        data = event.spelled(self.interest.kind)
        if self._held is None:
            self.send(data)
        else:
            self._held.append(data)
            self._count(len(data))

    def send(self, data: bytes) -> None:
        """Have it sent, in its turn."""
        if self.is_closing:
            return
        if self.leg is not None and not self._queue and not self._is_sending:
            data = self._send_now(data)  # for one call there is little to be sent, and nothing to be sent together
        if data:
            self._queue.append(data)
            self._count(len(data))
            self._woken.set()

    def hold(self) -> None:
        """Events wait from now on, for the reply to a command that takes its time."""
        self._held = deque()

    def let_go(self) -> None:
        """The reply is sent: now the events that waited."""
        held, self._held = self._held or deque(), None
        self._queue.extend(held)
        self._woken.set()

    def close(self, *last: bytes) -> None:
        """Send what is owed, and `last`, and close."""
        for data in last:
            self.send(data)
        self._end()
        self.hub.listeners.discard(self)
        self._reading.cancel()
        self._lingering.cancel()
        self._woken.set()

    def goodbye(self) -> None:
        """Close as FreeSWITCH does."""
        self.close(packet.disconnect_notice(self.leg.id if self.leg is not None else None))

    def note_end(self, leg: Leg) -> None:
        """A call has ended; if it is the client's own, so does the connection, now or after its linger time."""
        if self.leg is not leg or self.is_closing:
            return
        if self.linger is None:
            self.goodbye()
            return
        self.send(packet.linger_notice(leg.id, leg.name, self.linger))
        self.hub.listeners.discard(self)  # CHANNEL_DESTROY is not for it
        if self.linger >= 0 and self._nursery is not None:
            self._nursery.start_soon(self._linger, self.linger)

    # Its life

    async def serve(self, handle: Handle, *, greeting: bytes = b"") -> None:
        """Serve until either side ends it. Requests are handled one after another."""
        try:
            async with trio.open_nursery() as nursery:
                self._nursery = nursery
                if greeting:
                    self.send(greeting)
                nursery.start_soon(self._write, nursery.cancel_scope)
                with self._reading:
                    await self._read(handle)
                self._is_read.set()
                self.close()
        finally:
            self.hub.listeners.discard(self)
            self.hub.log_readers.discard(self)
            self._end()
            with trio.CancelScope(shield=True):
                await trio.aclose_forcefully(self._stream)

    async def _read(self, handle: Handle) -> None:
        try:
            while True:
                done = 0
                while (request := self.parser.next_request()) is not None:
                    await handle(self, request)
                    done += 1
                    if done % _YIELD == 0:
                        await trio.lowlevel.checkpoint()
                data = await self._stream.receive_some(_CHUNK)
                if not data:
                    return
                self.parser.feed(data)
        except FramingError as error:
            logger.warning("malformed", peer=self.peer, reason=str(error))
            self.close(packet.reply(f"-ERR {error}"), packet.disconnect_notice())
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            return

    async def _write(self, scope: trio.CancelScope) -> None:
        """Sends what is ready; at the end it ends everything."""
        try:
            while True:
                if not self._queue:
                    if self.is_closing:
                        break
                    self._woken = trio.Event()
                    await self._woken.wait()
                    continue
                await self._send_some()
            await self._finish()
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        scope.cancel()

    def _send_now(self, data: bytes) -> bytes:
        """The rest, which the kernel does not take."""
        return data[write_now(self._stream, data) :] if isinstance(self._stream, trio.SocketStream) else data

    async def _send_some(self) -> None:
        chunk = bytearray()
        while self._queue and len(chunk) < _BATCH:
            chunk += self._queue.popleft()
        self._is_sending = True
        with trio.move_on_after(CLOSE_WITHIN if self.is_closing else STALLED_AFTER) as sending:
            await self._stream.send_all(chunk)
        self._is_sending = False
        self._owed -= len(chunk)
        if sending.cancelled_caught:
            logger.warning("reads nothing, closed", peer=self.peer)
            raise trio.BrokenResourceError

    async def _finish(self) -> None:
        """Let it read all that was sent: closing with octets unread would take them from it."""
        if isinstance(self._stream, trio.SocketStream):
            await self._stream.send_eof()
            with trio.move_on_after(CLOSE_WITHIN):
                await self._is_read.wait()
                while await self._stream.receive_some(_CHUNK):
                    pass

    def _end(self) -> None:
        was_closing, self.is_closing = self.is_closing, True
        if not was_closing:
            self.on_end()

    async def _linger(self, seconds: int) -> None:
        with self._lingering:
            await trio.sleep(seconds)
        self.goodbye()

    def _count(self, octets: int) -> None:
        self._owed += octets
        if self._owed <= self._max_owed or self.is_closing:
            return
        reason = f"more than {self._max_owed} octets wait for this client, which does not read them"
        logger.warning("closed", peer=self.peer, reason=reason)
        self._queue.clear()
        self._held = None
        self._owed = 0
        headers = self.core.headers("CUSTOM", self.hub.epoch(), CLOSED) | {"Reason": reason}
        self.close(EslEvent("CUSTOM", headers, subclass=CLOSED).spelled(self.interest.kind), packet.disconnect_notice())
