"""The door's own session: all that ESL clients have done goes through it, as an app's commands would.

FreeSWITCH's clients know no owners: each may steer every call. So the door has one session for all of them, that owns
the calls that are routed to it, and what its clients say is its commands. It speaks over the in-memory door.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import structlog
import trio

from callflow.protocol.commands import Command, Hangup
from callflow.protocol.connection import AppConnection, MessageReader, prefixed
from callflow.protocol.frames import CommandFrame, Hello, ReplyFrame, Welcome
from callflow.protocol.outcomes import AnyOutcome
from engine.channels.ports import Owner
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.memory import open_memory_session
from engine.eventsocket.tokens import Token

APP = "esl"
_CHUNK = 64 * 1024

logger = structlog.get_logger("engine.esl")


class Refused(Exception):
    """The engine does not do it; the text says why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True, eq=False)
class _Waiter:
    """Who waits for a reply, or for an outcome."""

    event: trio.Event = field(default_factory=trio.Event)
    reply: ReplyFrame | None = None
    outcome: AnyOutcome | None = None


class Steering:
    """Gives commands, and waits for what becomes of them."""

    def __init__(self, sockets: EventSocket, *, new_id: Callable[[], str], sounds: Path | None) -> None:
        """`sounds`: the folder of the prompts."""
        self._sockets = sockets
        self._new_id = new_id
        self._token = Token(
            name=APP, secret="", scopes=frozenset({"read", "calls:own", "calls:any"}), app=APP, folder=sounds
        )
        self._connection = AppConnection()
        self._stream: trio.abc.Stream | None = None
        self._replies: dict[str, _Waiter] = {}
        self._outcomes: dict[str, _Waiter] = {}
        self.session = ""

    @property
    def owner(self) -> Owner | None:
        """As the channels know it; None when the engine stops."""
        session = self._sockets.sessions.get(self.session)
        return session.owner if session is not None else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until the engine closes its sessions."""
        async with trio.open_nursery() as nursery:
            self._stream = open_memory_session(self._sockets, nursery, token=self._token, peer="the ESL door")
            await self._stream.send_all(prefixed(self._connection.send(Hello(app=APP))))
            reader = MessageReader()
            while data := await self._stream.receive_some(_CHUNK):
                for message in reader.feed(data):
                    for frame in self._connection.receive(message):
                        if isinstance(frame, Welcome):
                            self.session = frame.session
                            task_status.started()
                        elif isinstance(frame, ReplyFrame):
                            self._settle(frame)

    async def command(self, channel: str | None, command: Command, *, id: str | None = None) -> ReplyFrame:
        """Have a command done. Raises Refused."""
        frame = self._connection.command(id or self._new_id(), command, channel=channel)
        waiter = self._replies[frame.id] = _Waiter()
        try:
            await self._send(frame)
            await waiter.event.wait()
        finally:
            self._replies.pop(frame.id, None)
        reply = waiter.reply
        if reply is None or not reply.ok:
            error = reply.error if reply is not None else None
            code, message = (error.code, error.message) if error is not None else ("internal", "the engine stops")
            raise Refused(code, message)
        return reply

    async def run_command(
        self,
        channel: str | None,
        command: Command,
        *,
        accepted: Callable[[], None] = lambda: None,
        began: Callable[[str], None] = lambda id: None,
    ) -> AnyOutcome:
        """Have a command done and wait for its outcome. Raises Refused.

        `began` is told its id before it is given, `accepted` is called when it was accepted.
        """
        id = self._new_id()
        waiter = self._outcomes[id] = _Waiter()
        try:
            began(id)
            await self.command(channel, command, id=id)
            accepted()
            await waiter.event.wait()
        finally:
            self._outcomes.pop(id, None)
        if waiter.outcome is None:
            raise Refused("call_ended", "it came to no end")
        return waiter.outcome

    async def hang_up(self, channel: str, cause: int) -> None:
        """End a call, if it has not ended."""
        try:
            await self.command(channel, Hangup(cause=cause))
        except Refused as refused:
            logger.debug("not hung up", call=channel, reason=str(refused))

    def note_outcome(self, command: str, outcome: AnyOutcome) -> None:
        """A command has ended so."""
        if (waiter := self._outcomes.get(command)) is not None:
            waiter.outcome = outcome
            waiter.event.set()

    async def _send(self, frame: CommandFrame) -> None:
        if self._stream is None or self.owner is None:
            raise Refused("internal", "the engine stops")
        try:
            await self._stream.send_all(prefixed(self._connection.send(frame)))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise Refused("internal", "the engine stops") from error

    def _settle(self, frame: ReplyFrame) -> None:
        if (waiter := self._replies.get(frame.id)) is not None:
            waiter.reply = frame
            waiter.event.set()
