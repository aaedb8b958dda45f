"""Workers: one for each app, started, watched, started again when it dies, and gone when the engine is.

A script that does not load at first is an error of whoever started the engine, who is told (`wait_ready`); nothing is
tried again. A worker that dies later is replaced, the sooner the longer it lived.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

import structlog
import trio

from callflow.protocol.events import ScriptFailed, ScriptLoaded
from callflow.runtime.log import Record
from callflow.runtime.worker import EXIT_CLOSED
from engine.channels.ports import EventSink
from engine.eventsocket.tokens import Token, Tokens

from .worker import Exit, Worker, start_worker

BACK_OFF = (0.1, 5.0)  # seconds, first and longest
STEADY_AFTER = 10.0  # a worker that lived so long is replaced without waiting long

logger = structlog.get_logger("engine.scripting")


@dataclass(frozen=True, slots=True)
class AppSpec:
    """An app and its script."""

    name: str
    script: Path


class LoadFailed(Exception):
    """A script did not load. `report` has file, line and traceback."""

    def __init__(self, app: str, script: Path, report: str) -> None:
        super().__init__(f"{script}: the script of {app!r} did not load")
        self.app = app
        self.script = script
        self.report = report


class WorkerSession(Protocol):
    """A session, as far as its process goes."""

    @property
    def pid(self) -> int | None: ...


class AppSessions(Protocol):
    """`engine.eventsocket.ownership.Sessions`."""

    on_change: list[Callable[[str], None]]

    def of(self, app: str) -> Sequence[WorkerSession]: ...


class Supervisor:
    """The workers of an engine. `run` it; they connect to the door at `socket`, which must be open by then."""

    def __init__(
        self,
        apps: Sequence[AppSpec],
        *,
        socket: Path,
        tokens: Tokens,
        sessions: AppSessions,
        events: EventSink,
        new_token: Callable[[], str],
    ) -> None:
        """`tokens`: those that the worker door accepts; each worker gets one of its own while it lives."""
        self._socket = socket
        self._tokens = tokens
        self._sessions = sessions
        self._events = events
        self._new_token = new_token
        self._pids: dict[str, int] = {}
        self._apps = {spec.name: _Supervised(spec) for spec in apps}
        sessions.on_change.append(self._notice)

    @property
    def pids(self) -> Mapping[str, int]:
        """The process of each app that has one; true at any time."""
        return MappingProxyType(self._pids)

    async def run(self) -> None:
        """Keep the workers running until cancelled; then stop them, all at once."""
        async with trio.open_nursery() as nursery:
            for app in self._apps.values():
                nursery.start_soon(self._keep_running, app)

    async def wait_ready(self) -> None:
        """Wait until every app has taken up work. Raises LoadFailed for the first whose script does not load."""
        for app in self._apps.values():
            await app.settled.wait()
            if app.failure is not None:
                raise app.failure

    async def _keep_running(self, app: _Supervised) -> None:
        delay = BACK_OFF[0]
        while True:
            started_at = trio.current_time()
            exit = await self._run_once(app)
            self._report(app, exit)
            if not app.has_loaded:
                app.failure = LoadFailed(app.spec.name, app.spec.script, exit.report)
                app.settled.set()
                return
            if trio.current_time() - started_at > STEADY_AFTER:
                delay = BACK_OFF[0]
            await trio.sleep(delay)
            delay = min(delay * 2, BACK_OFF[1])

    async def _run_once(self, app: _Supervised) -> Exit:
        spec = app.spec
        secret = self._new_token()
        token = Token(
            name=f"worker of {spec.name}",
            secret=secret,
            scopes=frozenset({"calls:own"}),
            app=spec.name,
            folder=spec.script.resolve().parent,
        )
        self._tokens.add(token)
        try:
            app.worker = await start_worker(
                spec.name, spec.script, self._socket, token=secret, on_record=lambda record: self._take(app, record)
            )
            self._pids[spec.name] = app.worker.pid
            return await app.worker.run()
        except OSError as error:
            return Exit(1, f"cannot start a worker: {error}")
        finally:
            app.worker = None
            self._pids.pop(spec.name, None)
            self._tokens.remove(token)

    def _notice(self, name: str) -> None:
        app = self._apps.get(name)
        if app is None or app.worker is None:
            return
        pid = app.worker.pid
        is_connected = any(session.pid == pid for session in self._sessions.of(name))
        if is_connected and app.announced_pid != pid:
            app.announced_pid = pid
            app.has_loaded = True
            logger.info("script loaded", app=name, pid=pid)
            self._events.emit(ScriptLoaded(app=name, script=str(app.spec.script), pid=pid))
            app.settled.set()

    def _take(self, app: _Supervised, record: Record) -> None:
        if record.call is not None and record.traceback:  # a call's function raised
            self._events.emit(
                ScriptFailed(
                    app=app.spec.name, script=str(app.spec.script), error=record.message, traceback=record.traceback
                ),
                channel=record.call,
            )

    def _report(self, app: _Supervised, exit: Exit) -> None:
        if exit.status == EXIT_CLOSED and app.has_loaded:  # the engine stops, or has said why
            logger.info(str(exit), app=app.spec.name)
            return
        logger.error(str(exit), app=app.spec.name, will_restart=app.has_loaded)
        self._events.emit(
            ScriptFailed(app=app.spec.name, script=str(app.spec.script), error=str(exit), traceback=exit.report)
        )


class _Supervised:
    """An app, and how it stands with its worker."""

    def __init__(self, spec: AppSpec) -> None:
        self.spec = spec
        self.worker: Worker | None = None
        self.announced_pid = 0
        self.has_loaded = False
        self.settled = trio.Event()
        self.failure: LoadFailed | None = None
