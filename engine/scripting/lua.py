"""A Lua script at work inside the engine: a session of the event socket without frames, and the program that steers it.

The same rules hold as for a script elsewhere (who owns a call, what it may do, the order of events and replies), as it
is the same session and the same dispatcher; only nothing is spelled and read again.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import TypeAlias

import msgspec
import structlog
import trio

from callflow.errors import ScriptError
from callflow.protocol.commands import COMMANDS, Command
from callflow.protocol.events import (
    EVENTS,
    ChannelAnswered,
    ChannelCreated,
    ChannelEnded,
    ChannelSecured,
    DigitsMatched,
    OwnerChanged,
    TextReceived,
    TransferRequested,
)
from callflow.protocol.frames import EventFrame, Hello
from callflow.runtime.log import Record
from callflow.runtime.lua.door import ACCEPTED, Reply
from callflow.runtime.lua.interpreter import Exhausted
from callflow.runtime.lua.outside import Outside
from callflow.runtime.lua.program import Program
from callflow.runtime.lua.script import LuaScript
from callflow.runtime.lua.store import Store
from callflow.runtime.lua.world import open_world
from callflow.runtime.worker import EXIT_CLOSED, EXIT_LOST, EXIT_SCRIPT
from engine.channels.errors import CommandError
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.hello import Refused
from engine.eventsocket.session import Session
from engine.eventsocket.tokens import Token

from .supervised import SupervisedApp
from .version import Version
from .worker import Exit

# What a program has use for: the rest is not even read.
_WANTED = frozenset({
    *(
        shape.name
        for shape in (
            ChannelCreated,
            OwnerChanged,
            ChannelAnswered,
            ChannelSecured,
            DigitsMatched,
            TransferRequested,
            ChannelEnded,
            TextReceived,
        )
    ),
    *(command.ended_by for command in COMMANDS.values() if command.ended_by),
})
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

OpenOutside: TypeAlias = Callable[[Callable[[], None]], AbstractAsyncContextManager[Outside]]
"""Given how to wake the program, what carries out what it asks of the world."""

logger = structlog.get_logger("engine.scripting")
_frames = msgspec.msgpack.Decoder(EventFrame)
_events = {name: msgspec.msgpack.Decoder(EVENTS[name]) for name in _WANTED}


class EngineDoor:
    """The engine, as a program inside of it sees it."""

    def __init__(self, session: Session, prefix: str) -> None:
        """`prefix`: of its ids, nobody else's."""
        self._session = session
        self._prefix = prefix
        self._numbers = itertools.count(1)
        self.program: Program | None = None

    def new_id(self, kind: str) -> str:
        return f"{kind}-{self._prefix}-{next(self._numbers)}"

    def is_ours(self, session: str | None) -> bool:
        return session == self._session.id

    def give(self, id: str, command: Command, channel: str | None) -> Reply:
        try:
            data = self._session.perform(id, command, channel)
        except CommandError as error:
            return Reply(code=error.code, message=error.message)
        finally:
            self.collect()  # what it brought about comes before its reply
        return ACCEPTED if data is None else Reply(data=data)

    def collect(self) -> None:
        """Hand the program the events that have come."""
        assert self.program is not None
        while entries := self._session.take():
            for entry in entries:
                if entry.name in _WANTED:
                    frame = _frames.decode(entry.frame)
                    self.program.take(frame.channel, _events[entry.name].decode(frame.data))


class LuaHost:
    """Runs a loaded script as a session of an app."""

    def __init__(
        self,
        sockets: EventSocket,
        *,
        app: str,
        token: Token,
        store: Store,
        open_outside: OpenOutside,
        prefix: str,
        epoch: Callable[[], float],
        on_record: Callable[[Record], None],
    ) -> None:
        """`epoch`: seconds since the epoch, as scripts see them. `on_record` is told what is logged, besides."""
        self._sockets = sockets
        self._app = app
        self._token = token
        self._store = store
        self._open_outside = open_outside
        self._prefix = prefix
        self._epoch = epoch
        self._on_record = on_record
        self._log = logger.bind(app=app)
        self.session: Session | None = None

    async def run(self, script: LuaScript) -> str:
        """Run until the session is closed; why. Raises Refused when it may not begin, Exhausted when it must end."""

        async def serve(session: Session, owns: Sequence[str]) -> None:
            self.session = session
            async with self._open_outside(session.wake) as outside:
                await self._serve(script, session, owns, outside)

        hello = Hello(app=self._app, routes=script.patterns, language=script.language)
        return await self._sockets.host(hello, self._token, "inside the engine", serve)

    async def _serve(self, script: LuaScript, session: Session, owns: Sequence[str], outside: Outside) -> None:
        door = EngineDoor(session, self._prefix)
        program = door.program = Program(
            script, door, store=self._store, outside=outside, clock=trio.current_time, epoch=self._epoch,
            log=self._take,
        )  # fmt: skip
        program.adopt(tuple(owns))
        while not session.is_closing:
            door.collect()
            if program.work():
                await trio.lowlevel.checkpoint()
            else:
                await session.wait(program.next_at)

    def _take(self, record: Record) -> None:
        details = {"call": record.call, "exception": record.traceback}
        level = _LEVELS.get(record.level, 20)
        self._log.log(level, record.message, **{name: value for name, value in details.items() if value})
        self._on_record(record)


def host_versions(
    sockets: EventSocket, *, new_token: Callable[[], str], epoch: Callable[[], float]
) -> Callable[[SupervisedApp, Version, Callable[[Record], None]], Awaitable[Exit]]:
    """How a supervisor has a version run inside the engine: once, to its end."""

    async def host(app: SupervisedApp, version: Version, on_record: Callable[[Record], None]) -> Exit:
        assert version.folder is not None
        try:
            script = LuaScript(version.folder / app.spec.script.name, epoch=epoch(), seed=int(new_token(), 16))
        except ScriptError as error:
            known = (str(version.folder.resolve()), str(app.folder))
            return Exit(EXIT_SCRIPT, error.report.replace(*known), str(error).replace(*known))
        token = Token(
            name=f"worker of {app.name}", secret=new_token(), scopes=frozenset({"calls:own"}), app=app.name,
            folder=version.folder, version=version.name,
        )  # fmt: skip
        lua = LuaHost(
            sockets, app=app.name, token=token, store=app.store, open_outside=partial(open_world, app.spec.world),
            prefix=new_token(), epoch=epoch, on_record=on_record,
        )  # fmt: skip
        try:
            reason = await lua.run(script)
            logger.info("script ended", app=app.name, version=version.name, reason=reason)
        except Exhausted as error:
            return Exit(EXIT_LOST, "", str(error))
        except Refused as error:
            logger.info("script refused", app=app.name, version=version.name, reason=str(error))
        except Exception as error:  # a fault of ours, that must not take the engine with it
            logger.exception("a script's host failed", app=app.name, version=version.name)
            return Exit(EXIT_LOST, "", f"its host in the engine failed: {error!r}")
        return Exit(EXIT_CLOSED, "")

    return host
