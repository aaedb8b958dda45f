"""A link: the app's end of one connection to an engine. Commands go out, replies and outcomes find them by their ids.

Events are handed on synchronously, in their order, as they arrive; nothing is queued here but what waits to be sent.
"""

from __future__ import annotations

import itertools
import secrets
from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import anyio.abc

from .errors import CallflowError, Disconnected, Overloaded, command_error
from .protocol.commands import Command
from .protocol.connection import AppConnection, MalformedMessage
from .protocol.events import Event
from .protocol.frames import (
    AppFrame,
    CaughtUp,
    EngineFrame,
    EventFrame,
    Gap,
    Hello,
    Need,
    ReplyFrame,
    Snapshot,
    Welcome,
)
from .protocol.outcomes import Outcome
from .transport import Transport

MAX_IN_FLIGHT = 10_000  # commands without an end, per connection
_MAX_BATCH = 64 * 1024  # octets of frames that are sent as one message

StateFrame = Gap | Snapshot | CaughtUp


class Pending:
    """A command on its way: first accepted (or refused), then ended, if it is of those that end with an outcome."""

    __slots__ = ("accepted", "channel", "command", "ended", "error", "id", "outcome", "reply")

    def __init__(self, id: str, command: Command, channel: str | None) -> None:
        self.id = id
        self.command = command
        self.channel = channel
        self.accepted = anyio.Event()
        self.ended = anyio.Event()
        self.reply: ReplyFrame | None = None
        self.outcome: Outcome | None = None
        self.error: CallflowError | None = None

    async def wait_accepted(self) -> None:
        """Raises what the engine replied."""
        await self.accepted.wait()
        if self.error is not None:
            raise self.error

    async def wait_ended(self) -> Outcome:
        """The outcome. Raises what the engine replied."""
        await self.ended.wait()
        if self.outcome is None:
            raise self.error or Disconnected("the connection to the engine ended")
        return self.outcome

    def accept(self, reply: ReplyFrame) -> None:
        """The engine took the command."""
        self.reply = reply
        self.accepted.set()
        if not self.command.ends_as:
            self.ended.set()

    def end(self, outcome: Outcome) -> None:
        """The engine reported the end, which implies that it took the command."""
        self.outcome = outcome
        self.accepted.set()
        self.ended.set()

    def fail(self, error: CallflowError) -> None:
        """There will be no outcome."""
        if self.outcome is None and self.error is None:
            self.error = error
        self.accepted.set()
        self.ended.set()


class Link:
    """One session with an engine. `open` it, then `run` it until the connection ends."""

    def __init__(
        self,
        transport: Transport,
        *,
        on_event: Callable[[EventFrame, Event | None], None],
        on_state: Callable[[StateFrame], None] | None = None,
        prefix: str | None = None,
    ) -> None:
        """`prefix` is of the ids of commands and legs: nobody else's. Without one it is random."""
        self._transport = transport
        self._connection = AppConnection(transport.spelling)
        self._on_event = on_event
        self._on_state = on_state
        self._pending: dict[str, Pending] = {}
        self._outgoing: deque[bytes] = deque()
        self._has_outgoing = anyio.Event()
        self._prefix = prefix or secrets.token_hex(6)
        self._numbers = itertools.count(1)
        self._closed: CallflowError | None = None
        self._early: list[EngineFrame] = []
        self.welcome: Welcome | None = None
        self.before_read: Callable[[], Awaitable[None]] | None = None  # a slow reader of events may hold reading up

    @property
    def session(self) -> str:
        """The id of the session, empty before `open`."""
        return "" if self.welcome is None else self.welcome.session

    @property
    def is_closed(self) -> bool:
        """The connection has ended."""
        return self._closed is not None

    @property
    def in_flight(self) -> int:
        """How many commands have no end yet."""
        return len(self._pending)

    def new_id(self, kind: str) -> str:
        """An id that nobody else chooses, for a command or a leg."""
        return f"{kind}-{self._prefix}-{next(self._numbers)}"

    async def open(self, hello: Hello) -> Welcome:
        """Say hello. Raises Unauthorized and its kin when the engine refuses, Disconnected when it is gone."""
        await self._transport.send(self._connection.send(hello))
        while self.welcome is None:
            try:
                frames = await self._receive()
            except MalformedMessage as error:
                raise Disconnected(f"expected a welcome: {error}") from error
            for frame in frames:
                self._greet(frame)
        return self.welcome

    async def run(self) -> None:
        """Send and receive until the connection ends or the task is cancelled; then every command fails."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._send_outgoing)
                for frame in self._early:
                    self._dispatch(frame)
                self._early.clear()
                await self._receive_all()
                tasks.cancel_scope.cancel()
        finally:
            self.close(Disconnected("the connection to the engine ended"))
            await self._transport.aclose()

    def close(self, error: CallflowError) -> None:
        """Fail what is in flight; later commands fail at once."""
        self._closed = self._closed or error
        for pending in self._pending.values():
            pending.fail(self._closed)
        self._pending.clear()

    def start(self, command: Command, *, channel: str | None = None, deadline: float | None = None) -> Pending:
        """Send a command, without waiting. Whoever starts one must `forget` it. Raises Disconnected, Overloaded."""
        if self._closed is not None:
            raise self._closed
        if len(self._pending) >= MAX_IN_FLIGHT:
            raise Overloaded(f"expected at most {MAX_IN_FLIGHT} commands in flight", command=command.name)
        pending = Pending(self.new_id("c"), command, channel)
        self._pending[pending.id] = pending
        self._send(self._connection.command(pending.id, command, channel=channel, deadline=deadline))
        return pending

    def tell(self, command: Command, *, channel: str | None = None) -> None:
        """Send a command whose reply nobody waits for: a cancel, a last hang-up."""
        if self._closed is None:
            self._send(self._connection.command(self.new_id("c"), command, channel=channel))

    def forget(self, pending: Pending) -> None:
        """Nobody waits for it any more."""
        self._pending.pop(pending.id, None)

    async def request(self, command: Command, *, channel: str | None = None) -> ReplyFrame:
        """Send a command and wait until it is accepted. Raises what the engine replied."""
        pending = self.start(command, channel=channel)
        try:
            await pending.wait_accepted()
        finally:
            self.forget(pending)
        if pending.reply is None:
            raise Disconnected(f"{command.name}: the connection to the engine ended")
        return pending.reply

    @property
    def connection(self) -> AppConnection:
        """Encodes and decodes what this link carries."""
        return self._connection

    def _send(self, frame: AppFrame) -> None:
        self._outgoing.append(self._connection.send(frame))
        self._has_outgoing.set()

    async def _send_outgoing(self) -> None:
        # The only task that sends: a send that is cancelled half-way would corrupt the stream for all calls.
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing = anyio.Event()
            while self._outgoing:
                try:
                    await self._transport.send(self._connection.spelling.join(self._next_batch()))
                except Disconnected as error:
                    self.close(error)  # the receiving task sees the end too, and runs out
                    return

    def _next_batch(self) -> list[bytes]:
        batch = [self._outgoing.popleft()]
        size = len(batch[0])
        while self._outgoing and size + len(self._outgoing[0]) < _MAX_BATCH:
            batch.append(self._outgoing.popleft())
            size += len(batch[-1])
        return batch

    async def _receive_all(self) -> None:
        while True:
            if self.before_read is not None:
                await self.before_read()
            try:
                for frame in await self._receive():
                    self._dispatch(frame)
            except (Disconnected, MalformedMessage) as error:
                self.close(Disconnected(f"the connection to the engine ended: {error}"))
                return

    async def _receive(self) -> list[EngineFrame]:
        frames: list[EngineFrame] = []
        for message in await self._transport.receive():
            frames += self._connection.receive(message)
        return frames

    def _greet(self, frame: EngineFrame) -> None:
        if isinstance(frame, Welcome):
            self.welcome = frame
        elif isinstance(frame, ReplyFrame) and frame.error is not None:
            raise command_error(frame.error, command="hello")
        else:
            self._early.append(frame)  # comes in one message with the welcome, and is bounded by it

    def _dispatch(self, frame: EngineFrame) -> None:
        if isinstance(frame, EventFrame):
            self._take_event(frame)
        elif isinstance(frame, ReplyFrame):
            self._take_reply(frame)
        elif self._on_state is not None and not isinstance(frame, Welcome | Need):
            self._on_state(frame)

    def _take_event(self, frame: EventFrame) -> None:
        event = self._connection.event(frame)  # None: of a newer engine
        pending = self._pending.get(getattr(event, "command", None) or "")
        outcome: Outcome | None = getattr(event, "outcome", None)
        if pending is not None and outcome is not None:
            pending.end(outcome)
        self._on_event(frame, event)

    def _take_reply(self, frame: ReplyFrame) -> None:
        pending = self._pending.get(frame.id)
        if pending is None:
            return
        if frame.error is not None:
            pending.fail(command_error(frame.error, command=pending.command.name, channel=pending.channel))
        else:
            pending.accept(frame)
