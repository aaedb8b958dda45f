"""Scripts in the engine's own loop: each app speaks to the engine over the in-memory door, in frames, like a worker."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.abc
import trio

from callflow.app import App
from callflow.errors import ERRORS, CallflowError, ScriptError
from callflow.protocol.frames import CloseCode, Welcome
from callflow.runtime.log import Record
from callflow.runtime.lua.database import Database
from callflow.runtime.lua.interpreter import Exhausted
from callflow.runtime.lua.interpreter import Limits as LuaLimits
from callflow.runtime.lua.script import LuaScript
from callflow.runtime.lua.store import Store
from callflow.session import run_app
from callflow.transport import StreamTransport
from engine.eventsocket.eventsocket import EventSocket
from engine.eventsocket.memory import open_memory_session
from engine.eventsocket.tokens import Token
from engine.scripting.lua import LuaHost, OpenOutside

from .determinism import Dice

RESTART_AFTER = 1.0  # seconds: about what it takes to start a worker again
_CHUNK = 64 * 1024

log = logging.getLogger("callflow.simulation")


class AppHost:
    """Runs one app, and runs it again when its connection was lost."""

    def __init__(self, app: App, *, folder: Path, sockets: EventSocket, nursery: trio.Nursery, dice: Dice) -> None:
        self.app = app
        self._sockets = sockets
        self._nursery = nursery
        self._new_prefix = dice.tokens(f"app {app.name}")
        self._token = Token(app.name, self._new_prefix(), frozenset({"calls:own", "read"}), app=app.name, folder=folder)
        self._stream: AppStream | None = None

    async def run(self, *, task_status: anyio.abc.TaskStatus[Welcome] = anyio.TASK_STATUS_IGNORED) -> None:
        """Keep the app connected until cancelled; `task_status` tells when it is for the first time."""
        while True:
            stream = open_memory_session(self._sockets, self._nursery, token=self._token, peer=self.app.name)
            self._stream = AppStream(stream)
            try:
                await run_app(
                    self.app, StreamTransport(self._stream), prefix=self._new_prefix(), task_status=task_status
                )
            except CallflowError as error:
                log.info("%s: %s", self.app.name, error)
            task_status = anyio.TASK_STATUS_IGNORED
            await trio.sleep(RESTART_AFTER)

    def kill(self) -> None:
        """Its process dies, in the middle of whatever it did."""
        if self._stream is not None:
            self._stream.cut()
            self._nursery.start_soon(self._stream.aclose)


class LuaError(ScriptError):
    """What a script in Lua raised, or was ended for, and where it says that."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        found = re.match(r"(?:on_hangup: )?([\w./-]+\.lua:\d+): ", message)
        self.place = found[1] if found is not None else ""


class LuaAppHost:
    """Runs one Lua script, as the engine does, and runs it again when it was lost."""

    def __init__(
        self,
        script: LuaScript,
        *,
        sockets: EventSocket,
        dice: Dice,
        epoch: Callable[[], float],
        limits: LuaLimits | None,
        open_outside: Callable[[Database], OpenOutside],
    ) -> None:
        self.name = script.name
        self.records: list[Record] = []  # what it logged
        self._script = script
        self._sockets = sockets
        self._epoch = epoch
        self._limits = limits
        self._new_prefix = dice.tokens(f"app {script.name}")
        self._token = Token(
            self.name, self._new_prefix(), frozenset({"calls:own"}), app=self.name, folder=script.folder
        )
        self._store = Store()
        self.database = Database(None)
        self._open_outside = open_outside(self.database)
        self._host: LuaHost | None = None

    async def run(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Keep the script at work until cancelled."""
        while True:
            self._host = LuaHost(
                self._sockets, app=self.name, token=self._token, store=self._store,
                open_outside=self._open_outside, prefix=self._new_prefix(), epoch=self._epoch, on_record=self._take,
            )  # fmt: skip
            task_status.started()
            task_status = trio.TASK_STATUS_IGNORED
            try:
                await self._host.run(self._script)
            except Exhausted as error:
                log.error("%s: %s", self.name, error)
            await trio.sleep(RESTART_AFTER)
            self._script = LuaScript(self._script.path, limits=self._limits, epoch=self._epoch())

    def _take(self, record: Record) -> None:
        self.records.append(record)
        if record.level == "error":  # told as the SDK tells of scripts in Python
            text, _, where = record.traceback.partition("\n")
            error = ERRORS[record.code](text) if record.code in ERRORS else LuaError(text)
            logging.getLogger(record.logger).error("%s\n%s", record.message, where, exc_info=error)

    def kill(self) -> None:
        """It is lost, in the middle of whatever it did."""
        if self._host is not None and self._host.session is not None:
            self._host.session.close(CloseCode.NORMAL, "killed")


class AppStream(anyio.abc.ByteStream):
    """The app's end of a stream in memory, as anyio wants it."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream
        self._is_cut = False

    def cut(self) -> None:
        """Nothing passes any more."""
        self._is_cut = True

    async def send(self, item: bytes) -> None:
        if self._is_cut:
            raise anyio.BrokenResourceError
        try:
            await self._stream.send_all(item)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise anyio.BrokenResourceError from error

    async def receive(self, max_bytes: int = _CHUNK) -> bytes:
        try:
            data = await self._stream.receive_some(max_bytes)
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise anyio.BrokenResourceError from error
        if not data or self._is_cut:
            raise anyio.EndOfStream
        return bytes(data)

    async def send_eof(self) -> None:
        raise NotImplementedError("a stream of frames ends by being closed")

    async def aclose(self) -> None:
        await trio.aclose_forcefully(self._stream)
