"""A link: the app's end of a session with an engine. Commands go out, replies and outcomes find them by their ids.

Events are handed on synchronously, in their order, as they arrive; nothing is queued here but what waits to be sent.
A link that can `reconnect` outlives its connection: it resumes behind the last event that it saw, and sends again what
was not answered, under the same ids, which the engine does once.
"""

from __future__ import annotations

import itertools
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.abc
import msgspec

from .errors import CallflowError, Disconnected, Overloaded, Unreachable, command_error
from .files import Files
from .pending import CANCEL_TIMEOUT, Pending
from .protocol.commands import Cancel, Command
from .protocol.connection import AppConnection, MalformedMessage
from .protocol.events import Event
from .protocol.frames import (
    Blob,
    CaughtUp,
    CommandFrame,
    EngineFrame,
    EventFrame,
    Gap,
    Hello,
    Need,
    ReplyFrame,
    Resume,
    Snapshot,
    Welcome,
)
from .protocol.outcomes import Outcome
from .transport import Transport

RESUME_WITHIN = 60.0  # seconds that a lost connection may take to be replaced
_BACK_OFF = (0.1, 5.0)  # seconds between attempts, first and longest
MAX_IN_FLIGHT = 10_000  # commands without an end, per connection
MAX_UPLOADS = 1_000  # files that the engine waits for at once; it asks again for what it still needs
_MAX_BATCH = 64 * 1024  # octets of frames that are sent as one message

log: logging.Logger = logging.getLogger("callflow")

CommandT = TypeVar("CommandT", bound=Command)

StateFrame = Gap | Snapshot | CaughtUp


class Link:
    """One session with an engine. `open` it, then `run` it until the connection ends."""

    def __init__(
        self,
        transport: Transport,
        *,
        on_event: Callable[[EventFrame, Event | None], None],
        on_state: Callable[[StateFrame], None] | None = None,
        prefix: str | None = None,
        reconnect: Callable[[], Awaitable[Transport]] | None = None,
        files: Files | None = None,
    ) -> None:
        """`prefix` is of the ids of commands and legs: nobody else's. Without one it is random.

        `files`: those that commands may name, if the engine cannot read them itself.
        """
        self._files = files
        self._uploads: deque[Iterator[Blob]] = deque()
        self._reconnect = reconnect
        self._hello: Hello | None = None
        self._unanswered: dict[str, CommandFrame] = {}  # kept only to be sent again
        self._seq = 0  # of the newest event that came
        self._sessions: set[str] = set()
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

    def named(self, command: CommandT) -> CommandT:
        """The command, with the files that it names as the engine can get them."""
        return command if self._files is None else self._files.named(command)

    def is_ours(self, session: str | None) -> bool:
        """That session is, or was, this link's."""
        return session in self._sessions

    def new_id(self, kind: str) -> str:
        """An id that nobody else chooses, for a command or a leg."""
        return f"{kind}-{self._prefix}-{next(self._numbers)}"

    async def open(self, hello: Hello) -> Welcome:
        """Say hello. Raises Unauthorized and its kin when the engine refuses, Disconnected when it is gone."""
        self._hello, self.welcome = hello, None
        await self._transport.send(self._connection.send(hello))
        while self.welcome is None:
            try:
                frames = await self._receive()
            except MalformedMessage as error:
                raise Disconnected(f"expected a welcome: {error}") from error
            for frame in frames:
                self._greet(frame)
        self._sessions.add(self.welcome.session)
        return self.welcome

    async def run(self) -> None:
        """Send and receive until the connection is lost for good, or the task cancelled; then every command fails."""
        try:
            await self._run_connection()
            while self._reconnect is not None and self._closed is None and await self._resume(self._reconnect):
                await self._run_connection()
        finally:
            self.close(Disconnected("the connection to the engine ended"))
            await self._transport.aclose()

    async def _run_connection(self) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._send_outgoing)
            for frame in self._early:
                self._dispatch(frame)
            self._early.clear()
            await self._receive_all()
            tasks.cancel_scope.cancel()

    async def _resume(self, reconnect: Callable[[], Awaitable[Transport]]) -> bool:
        """Go on over another connection. False: the engine cannot be reached, or is another one."""
        assert self._hello is not None
        assert self.welcome is not None
        before = self.welcome
        resume = Resume(epoch=before.epoch, seq=self._seq, session=before.session)
        hello = msgspec.structs.replace(self._hello, resume=resume)
        delay = _BACK_OFF[0]
        with anyio.move_on_after(RESUME_WITHIN):
            while True:
                await self._transport.aclose()
                try:
                    self._transport = await reconnect()
                    welcome = await self.open(hello)
                except (Unreachable, Disconnected) as error:
                    log.info("%s; trying again in %.1f s", error, delay)
                    await anyio.sleep(delay)
                    delay = min(delay * 2, _BACK_OFF[1])
                else:
                    self._send_again()
                    return welcome.epoch == before.epoch
        return False

    def _send_again(self) -> None:
        self._outgoing.clear()
        self._uploads.clear()
        for frame in self._unanswered.values():
            self._outgoing.append(self._connection.send(frame))
        self._has_outgoing.set()

    def close(self, error: CallflowError) -> None:
        """Fail what is in flight; later commands fail at once."""
        self._closed = self._closed or error
        for pending in tuple(self._pending.values()):
            pending.fail(self._closed)
        self._pending.clear()

    def start(
        self, command: Command, *, channel: str | None = None, deadline: float | None = None, id: str | None = None
    ) -> Pending:
        """Send a command, without waiting. Whoever starts one must `forget` it. Raises Disconnected, Overloaded.

        `id`: one of `new_id`, if it has one already.
        """
        if self._closed is not None:
            raise self._closed
        if len(self._pending) >= MAX_IN_FLIGHT:
            raise Overloaded(f"expected at most {MAX_IN_FLIGHT} commands in flight", command=command.name)
        pending = Pending(id or self.new_id("c"), command, channel)
        self._pending[pending.id] = pending
        self._send(self._connection.command(pending.id, self.named(command), channel=channel, deadline=deadline))
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

    async def perform(self, command: Command, *, on_begin: Callable[[str], None] | None = None) -> Outcome:
        """A command of no channel that ends with an outcome. Cancelled, the engine is told to let it be.

        `on_begin` is told its id before anything can come of it.
        """
        pending = self.start(command)
        if on_begin is not None:
            on_begin(pending.id)
        try:
            return await pending.wait_ended()
        finally:
            try:
                if not (pending.ended.is_set() or self.is_closed):
                    with anyio.move_on_after(CANCEL_TIMEOUT, shield=True):
                        self.tell(Cancel(command=pending.id))
                        await pending.ended.wait()
            finally:
                self.forget(pending)

    @property
    def connection(self) -> AppConnection:
        """Encodes and decodes what this link carries."""
        return self._connection

    def _lose(self, error: CallflowError) -> None:
        if self._reconnect is None:
            self.close(error)

    def _send(self, frame: CommandFrame) -> None:
        if self._reconnect is not None:
            self._unanswered[frame.id] = frame
        self._outgoing.append(self._connection.send(frame))
        self._has_outgoing.set()

    async def _send_outgoing(self) -> None:
        # The only task that sends: a send that is cancelled half-way would corrupt the stream for all calls.
        while True:
            await self._has_outgoing.wait()
            self._has_outgoing = anyio.Event()
            while self._outgoing or self._uploads:
                batch = self._next_batch()
                if not batch:
                    continue
                try:
                    await self._transport.send(self._connection.spelling.join(batch))
                except Disconnected as error:
                    self._lose(error)  # the receiving task sees the end too, and runs out
                    return

    def _next_batch(self) -> list[bytes]:
        if not self._outgoing:  # files in turn, a part at a time, when there is nothing else to say
            upload = self._uploads.popleft()
            blob = next(upload, None)
            if blob is None:
                return []
            self._uploads.append(upload)
            return [self._connection.send(blob)]
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
                self._lose(Disconnected(f"the connection to the engine ended: {error}"))
                return
            if self._closed is not None:
                return

    async def _receive(self) -> list[EngineFrame]:
        frames: list[EngineFrame] = []
        for message in await self._transport.receive():
            frames += self._connection.receive(message)
        return frames

    def _greet(self, frame: EngineFrame) -> None:
        if isinstance(frame, Welcome):
            self.welcome = frame
            if self._hello is not None and self._hello.resume is None:
                self._seq = frame.seq
        elif isinstance(frame, ReplyFrame) and frame.error is not None:
            raise command_error(frame.error, command="hello")
        else:
            self._early.append(frame)  # comes in one message with the welcome, and is bounded by it

    def _dispatch(self, frame: EngineFrame) -> None:
        if isinstance(frame, EventFrame):
            self._take_event(frame)
        elif isinstance(frame, ReplyFrame):
            self._take_reply(frame)
        elif isinstance(frame, Gap) and self._reconnect is not None:
            # What ended meanwhile is not known: all of it is given up, and the calls that wait are taken up anew.
            self.close(Disconnected("the connection to the engine was lost for longer than it keeps events"))
        elif isinstance(frame, Need):
            self._give(frame)
        elif self._on_state is not None and not isinstance(frame, Welcome):
            self._on_state(frame)

    def _give(self, need: Need) -> None:
        if len(self._uploads) < MAX_UPLOADS:
            self._uploads.append((self._files or Files(Path())).parts(need))
            self._has_outgoing.set()

    def _take_event(self, frame: EventFrame) -> None:
        self._seq = max(self._seq, frame.seq)
        event = self._connection.event(frame)  # None: of a newer engine
        pending = self._pending.get(getattr(event, "command", None) or "")
        outcome: Outcome | None = getattr(event, "outcome", None)
        if pending is not None and outcome is not None:
            pending.end(outcome)
        self._on_event(frame, event)

    def _take_reply(self, frame: ReplyFrame) -> None:
        self._unanswered.pop(frame.id, None)
        pending = self._pending.get(frame.id)
        if pending is None:
            return
        if frame.error is not None:
            pending.fail(command_error(frame.error, command=pending.command.name, channel=pending.channel))
        else:
            pending.accept(frame)
