"""The door's own session: all that ESL clients have done goes through it, as an app's commands would.

FreeSWITCH's clients know no owners: each may steer every call. So the door has one session for all of them, that owns
the calls that are routed to it, and what its clients say is its commands. It is hosted in the engine: without frames.
So many commands a second are done for all clients together; what is more waits for its turn, one command of each
connection at a time, so that a client that floods the engine leaves the others their share.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import structlog
import trio

from callflow.protocol.commands import Cancel, Command, Hangup
from callflow.protocol.frames import Hello
from callflow.protocol.outcomes import AnyOutcome
from engine.allowance import COMMANDS, Allowance
from engine.channels.errors import CommandError
from engine.channels.ports import Owner
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.session import Session
from engine.eventsocket.tokens import Token

APP = "esl"

logger = structlog.get_logger("engine.esl")


class Refused(Exception):
    """The engine does not do it; the text says why."""

    def __init__(self, code: str, message: str, details: Mapping[str, object] = MappingProxyType({})) -> None:
        super().__init__(message)
        self.code = code
        self.details = details


_NEVER_LATE = (Cancel, Hangup)  # what relieves the engine


@dataclass(slots=True, eq=False)
class _Waiter:
    """Who waits for an outcome."""

    event: trio.Event = field(default_factory=trio.Event)
    outcome: AnyOutcome | None = None


class Steering:
    """Gives commands, and waits for what becomes of them."""

    def __init__(
        self, sockets: EventSocket, *, new_id: Callable[[], str], sounds: Path | None, rate: float = COMMANDS
    ) -> None:
        """`sounds`: the folder of the prompts; `rate`: commands a second."""
        self._sockets = sockets
        self._new_id = new_id
        self._token = Token(
            name=APP, secret="", scopes=frozenset({"read", "calls:own", "calls:any"}), app=APP, folder=sounds
        )
        self._session: Session | None = None
        self._rate = rate
        self._allowance = Allowance(rate, rate, clock=trio.current_time)
        self._turns = trio.Lock()  # it is fair: who waits longest is next
        self._outcomes: dict[str, _Waiter] = {}

    @property
    def session(self) -> str:
        """Its id; empty before it has begun."""
        return self._session.id if self._session is not None else ""

    @property
    def owner(self) -> Owner | None:
        """As the channels know it; None when the engine stops."""
        return self._session.owner if self._session is not None and not self._session.is_closing else None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until the engine closes its sessions."""

        async def serve(session: Session, owns: Sequence[str]) -> None:
            session.reader.close()  # the hub watches the log itself
            self._session = session
            task_status.started()
            while not session.is_closing:
                await session.wait(math.inf)

        await self._sockets.host(Hello(app=APP), self._token, "the ESL door", serve)

    async def command(
        self, channel: str | None, command: Command, *, id: str | None = None, is_next: bool = False
    ) -> object | None:
        """Have a command done; what it is answered with. Raises Refused.

        One that `is_next` belongs to the one before it, and waits for no turn.
        """
        if not is_next and not isinstance(command, _NEVER_LATE):
            await self._take_turn()
        if self._session is None or self._session.is_closing:
            raise Refused("internal", "the engine stops")
        try:
            return self._session.perform(id or self._new_id(), command, channel)
        except CommandError as error:
            raise Refused(error.code, error.message, error.details) from error

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

    async def _take_turn(self) -> None:
        if not self._turns.locked() and self._allowance.take():
            return
        async with self._turns:
            while not self._allowance.take():  # noqa: ASYNC110 - it is time that fills it
                await trio.sleep(1 / self._rate)
