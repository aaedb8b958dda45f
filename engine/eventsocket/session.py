"""One app's connection, after its hello: one task reads and has commands done, and writes what it replies, if the link
takes that at once. Events are written by the `Flusher` at the end of a turn. All else is for a task that writes.

Replies and events leave in the order in which they happened: an event numbered up to a reply's `seq` before the reply,
a later one after it. Everything that waits is bounded: events wait in the log, and while replies wait too many, no
command is read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
import trio

from callflow.protocol.commands import Command
from callflow.protocol.connection import EngineConnection, MalformedMessage, Spelling, respelled
from callflow.protocol.frames import AppFrame, Blob, CaughtUp, CloseCode, CommandFrame, Error, Gap, ReplyFrame, Share
from engine.allowance import COMMANDS, Allowance
from engine.channels.errors import CommandError
from engine.channels.ports import Owner

from .encoding import encoded
from .flusher import Flusher
from .link import Link, LinkClosed
from .log import Entry, EventLog
from .reader import Reader
from .tokens import Token

COST_OF_QUERY = 10  # commands: what goes through all channels, or the log
MAX_OWED = 1 << 20  # octets of replies that wait to be sent before no more commands are read
_BATCH = 128 * 1024  # octets of frames that are sent as one message
_YIELD = 50  # commands done without letting others run
_REST = 0.01  # seconds for a session that gives too many commands, each time that so many were refused
_CLOSE_WITHIN = 5.0  # seconds to send what is owed, when closing
_STALLED_AFTER = 5.0  # seconds in one send, and new calls go to other sessions

_QUERIES = frozenset({
    "apps", "bridges", "channels", "events", "records", "registrations", "snapshot", "status", "trunks", "versions",
})  # fmt: skip

_ENDING = frozenset({"abandon", "cancel", "hangup"})  # what relieves the engine is never refused

logger = structlog.get_logger("engine.eventsocket")


@dataclass(frozen=True, slots=True)
class Reply:
    """What a command is answered, in msgpack: the frames to send once all events up to `at` are sent."""

    at: int
    frames: tuple[bytes, ...]


class Session:
    """One app's connection. `answer` does a command and gives its reply; it never raises and never waits."""

    def __init__(
        self,
        id: str,
        link: Link,
        log: EventLog,
        *,
        app: str,
        routes: tuple[str, ...],
        token: Token,
        owner: Owner,
        former: frozenset[str],
        follows: str | None,
        share: Share,
        connected_at: float,
        pid: int | None,
        answer: Callable[[Session, CommandFrame], Reply],
        perform: Callable[[Session, str, Command, str | None], object | None],
        snapshot: Callable[[Session], Sequence[bytes]],
        receive_blob: Callable[[Session, Blob], None],
        flusher: Flusher,
        commands: float = COMMANDS,
    ) -> None:
        """`former`: ids of lost sessions whose channels' events it gets too; `follows`: the newest of them, if said.

        `snapshot`: the state that it may see; `commands`: how many it may give, a second.
        """
        self.id = id
        self.app = app
        self.routes = routes
        self.token = token
        self.owner = owner
        self.connected_at = connected_at
        self.pid = pid
        self.peer = link.peer
        self.follows = follows
        self.share = share
        self.is_standby = False
        self.owned: set[str] = set()  # channel ids; kept by Ownership
        self.reader = Reader(log, owners=former | {id}, may_read=token.allows("read"), wake=self.wake)
        self._link = link
        self._flusher = flusher
        self._log = log
        self._connection = EngineConnection(link.spelling)
        self._answer = answer
        self._perform = perform
        self._snapshot = snapshot
        self._receive_blob = receive_blob
        self._commands = commands
        self._allowance = Allowance(commands, 2 * commands, clock=trio.current_time)
        self._excess = 0  # commands beyond that, since it had to rest
        self._ready: deque[bytes] = deque()  # frames in their order and spelling
        self._replies: deque[Reply] = deque()
        self._owed = 0
        self._owes_caught_up = False
        self._woken = trio.Event()
        self._drained = trio.Event()
        self._written = trio.Event()
        self._reading = trio.CancelScope()
        self._ended: tuple[CloseCode, str] | None = None
        self._sending_since: float | None = None
        self._is_noted = False  # by the flusher
        self._is_paused = False
        self._has_rest = False  # of what was sent at once
        self._failure: Exception | None = None

    @property
    def spelling(self) -> Spelling:
        return self._connection.spelling

    @property
    def may_own(self) -> bool:
        return self.token.allows("calls:own")

    @property
    def version(self) -> str | None:
        """Which version of its app it is, if the engine runs it."""
        return self.token.version

    @property
    def takes_calls(self) -> bool:
        """It may be given calls, by its token, its role and its state."""
        return self.may_own and not self.is_standby and not self.is_closing

    @property
    def is_stalled(self) -> bool:
        """The app reads nothing: a send has taken long."""
        return self._sending_since is not None and trio.current_time() - self._sending_since > _STALLED_AFTER

    @property
    def sending_since(self) -> float | None:
        """When the send that is not done yet began, by trio's clock."""
        return self._sending_since

    @property
    def is_paused(self) -> bool:
        """No command is read, for too many replies wait to be sent."""
        return self._is_paused

    @property
    def is_closing(self) -> bool:
        return self._ended is not None

    def greet(self, welcome: bytes) -> None:
        """The first frame, before all others."""
        self._ready.append(self._spelled(welcome))

    def resume(self, epoch: str, seq: int) -> bool:
        """Go on after an event that the app has seen, if it is one of this run of the engine."""
        if epoch != self._log.epoch or not 0 <= seq <= self._log.last_seq:
            return False
        self.reader.resume(seq)
        self._owes_caught_up = True
        return True

    def begin_again(self, *, after: int) -> None:
        """Say that the events after this one up to now will not come, and the state instead."""
        seq = self._log.last_seq
        frames = (encoded(Gap(from_=after + 1, to=seq)), *self._snapshot(self))
        self._ready.extend(map(self._spelled, frames))
        self._owes_caught_up = False
        self.reader.restart()

    def describe(self, frames: Sequence[bytes]) -> None:
        """Tell of the state, after all events up to now."""
        seq = self._log.last_seq
        self._owe(Reply(seq, (*frames, encoded(CaughtUp(seq=seq)))))
        self.wake()

    async def run(self, early: Sequence[AppFrame] = ()) -> str:
        """Serve until either side ends it; why. `early`: frames that came with the hello."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._write)
            with self._reading:
                await self._read(early)
            await self._part()
        return self.end_reason

    # Inside the engine: no frames, no tasks of its own

    def perform(self, id: str, command: Command, channel: str | None) -> object | None:
        """Do a command at once; the reply's data. What it brought about can be taken when this returns.

        An id is to be given once. Raises CommandError.
        """
        if not self._allowance.take() and command.name not in _ENDING:
            message = f"{command.name}: expected at most {self._commands:.0f} commands a second from one script"
            raise CommandError("overloaded", message, {"limit": self._commands})
        return self._perform(self, id, command, channel)

    def take(self) -> Sequence[Entry]:
        """The events that have come; in pieces, if they are very many."""
        if self.reader.is_lost:
            logger.warning("a script inside the engine has missed events", app=self.app, session=self.id)
            self.reader.restart()
        return self.reader.take()[0]

    async def wait(self, until: float) -> None:
        """Wait for an event, for its end, or until a time of trio's clock. There is nothing to take."""
        if self._ended is None:
            self._woken = trio.Event()
            with trio.move_on_at(until):
                await self._woken.wait()

    @property
    def end_reason(self) -> str:
        """Why it is closing."""
        return self._ended[1] if self._ended is not None else "the engine stopped"

    def close(self, code: CloseCode, reason: str) -> None:
        """Send what is owed by now, then close, within a few seconds."""
        self._end(code, reason)

    async def abort(self, code: CloseCode, reason: str) -> None:
        """Close without sending anything more."""
        self._end(code, reason)
        await self._link.abort()

    # Reading

    async def _read(self, early: Sequence[AppFrame]) -> None:
        try:
            await self._handle(early)
            while True:
                for message in await self._link.receive():
                    await self._handle(self._connection.receive(message))
                self.flush()
        except LinkClosed as error:
            self._end(CloseCode.NORMAL, str(error))
            await self._link.abort()
        except MalformedMessage as error:
            self._refuse(CloseCode.MALFORMED, f"malformed message: {error}")

    async def _handle(self, frames: Sequence[AppFrame]) -> None:
        for done, frame in enumerate(frames):
            if done % _YIELD == _YIELD - 1:
                self.flush()
                await trio.lowlevel.checkpoint()
            if isinstance(frame, Blob):
                self._receive_blob(self, frame)
                continue
            if not isinstance(frame, CommandFrame):
                raise MalformedMessage("expected a command, got a second hello")
            self._owe(self._answer(self, frame) if self._may_do(frame) else self._refuse_to_do(frame))
            if self._excess >= _YIELD:
                self._excess = 0
                self.flush()
                await trio.sleep(_REST)
            if self._owed > MAX_OWED:
                await self._wait_drained()

    async def _wait_drained(self) -> None:
        self._is_paused = True
        self._drained = trio.Event()
        self.flush()
        await self._drained.wait()

    def _may_do(self, frame: CommandFrame) -> bool:
        cost = COST_OF_QUERY if frame.name in _QUERIES else 1
        if self._allowance.take(min(cost, 2 * self._commands)):
            return True
        self._excess += 1
        return frame.name in _ENDING

    def _refuse_to_do(self, frame: CommandFrame) -> Reply:
        message = f"{frame.name[:64]}: expected at most {self._commands:.0f} commands a second from one session"
        error = Error("overloaded", message, {"limit": self._commands})
        return Reply(self._log.last_seq, (encoded(ReplyFrame(id=frame.id, ok=False, error=error)),))

    def tell(self, frame: bytes) -> None:
        """A frame that answers nothing, after all events up to now."""
        self.owe(Reply(self._log.last_seq, (frame,)))

    def owe(self, reply: Reply) -> None:
        """A reply that took its time."""
        if self._ended is None:
            self._owe(reply)
            self.wake()

    def _owe(self, reply: Reply) -> None:
        self._replies.append(reply)
        self._owed += sum(map(len, reply.frames))

    def _refuse(self, code: CloseCode, reason: str) -> None:
        frame = ReplyFrame(id="", ok=False, error=Error("bad_argument", reason))
        self._owe(Reply(self._log.last_seq, (encoded(frame),)))
        self.close(code, reason)

    # Ending

    def _end(self, code: CloseCode, reason: str) -> None:
        if self._ended is None:
            self._ended = code, reason
            self._replies.append(Reply(self._log.last_seq, ()))  # the events up to now are still sent
        self._reading.cancel()
        self._woken.set()

    async def _part(self) -> None:
        with trio.move_on_after(_CLOSE_WITHIN):
            await self._written.wait()
            if self._ended is not None:
                await self._link.close(*self._ended)
        await self._link.abort()  # ends a send that still blocks

    # Writing

    def flush(self) -> None:
        """Send what there is, if the link takes it at once; what it does not is for the task that writes."""
        self._is_noted = False
        if self._sending_since is not None:
            return  # that task goes on
        if self._ended is not None or not self._link.is_free:
            self._woken.set()
            return
        frames = self._next_frames()
        if frames and not self._link.send_now(self._connection.spelling.join(frames)):
            self._has_rest = True
        if self._has_rest or self._ready:
            self._woken.set()

    def fail(self, failure: Exception) -> None:
        """A fault of ours, in what was done for this session: it ends by that, and no other."""
        self._failure = failure
        self._woken.set()

    async def _write(self) -> None:
        try:
            while (message := await self._next_message()) is not None:
                self._sending_since = trio.current_time()
                # Never under a time-out: half a frame would corrupt all that follows.
                await (self._link.send(message) if message else self._link.send_rest())
                self._sending_since = None
                if len(message) > _BATCH // 2:
                    await trio.lowlevel.checkpoint()  # there is more: a link that takes all at once lets nobody run
        except LinkClosed as error:
            self._end(CloseCode.NORMAL, str(error))
        finally:
            self._written.set()

    async def _next_message(self) -> bytes | None:
        """What to send; empty: only the rest of what was sent at once. None: nothing more."""
        while not (frames := self._next_frames()):
            if self._has_rest:
                self._has_rest = False
                return b""
            if self._failure is not None:
                raise self._failure
            if self._ended is not None:
                return None
            self._woken = trio.Event()
            await self._woken.wait()
        self._has_rest = False
        return self._connection.spelling.join(frames)

    def _next_frames(self) -> list[bytes]:
        frames: list[bytes] = []
        octets = 0
        while self._ready or self._fill():
            if self._ready:
                octets += len(self._ready[0])
                if frames and octets > _BATCH:
                    break
                frames.append(self._ready.popleft())
        return frames

    def _fill(self) -> bool:
        """Make ready what comes next: events up to the first reply that waits, then that. False: nothing is left."""
        if self.reader.is_lost:
            self.begin_again(after=self.reader.cursor)
            return True
        reply = self._replies[0] if self._replies else None
        if reply is None and self._ended is not None:
            return False
        entries, is_done = self.reader.take(None if reply is None else reply.at)
        spelling = self._connection.spelling
        self._ready.extend([entry.spelled(spelling) for entry in entries])
        if is_done and self._owes_caught_up and self.reader.is_live:
            self._owes_caught_up = False
            self._ready.append(self._spelled(encoded(CaughtUp(seq=self._log.last_seq))))
        if is_done and reply is not None:
            self._replies.popleft()
            self._settle(reply)
        return bool(self._ready) or not is_done or reply is not None

    def _settle(self, reply: Reply) -> None:
        self._ready.extend(map(self._spelled, reply.frames))
        self._owed -= sum(map(len, reply.frames))
        if self._owed <= MAX_OWED // 2:
            self._is_paused = False
            self._drained.set()

    def _spelled(self, frame: bytes) -> bytes:
        return frame if self._connection.spelling is Spelling.MSGPACK else respelled(frame)

    def wake(self) -> None:
        """There is something to send, or to look at, though no event has come."""
        if self._flusher.is_running and self._link.is_free:
            if not self._is_noted:
                self._is_noted = True
                self._flusher.note(self)
        else:
            self._woken.set()
