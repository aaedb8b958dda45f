"""An app that the engine runs: its versions, what of them is at work, and what is told of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import structlog
import trio

from callflow.protocol import queries
from callflow.protocol.events import Event, ScriptDraining, ScriptFailed, ScriptLoaded, ScriptRetired
from callflow.protocol.frames import CloseCode
from callflow.runtime.log import Record
from callflow.runtime.lua.store import Store
from callflow.runtime.lua.worldspec import WorldSpec
from engine.channels.ports import EventSink
from engine.eventsocket.log import Entry

from .limits import WorkerLimits
from .running import Running
from .version import Version, Versions, VersionState

logger = structlog.get_logger("engine.versions")  # whose lines are all events, too


@dataclass(frozen=True, slots=True)
class AppSpec:
    """An app and its script. `is_tested`: none of its versions takes calls before its flow tests pass.

    `isolation` is for scripts in Lua; those in Python have processes of their own. So is
    `world`, what they may ask of it.
    """

    name: str
    script: Path
    limits: WorkerLimits = WorkerLimits()  # noqa: RUF009 - it is frozen
    is_tested: bool = False
    isolation: Literal["engine", "process"] = "engine"
    world: WorldSpec = WorldSpec()  # noqa: RUF009 - it is frozen

    @property
    def is_embedded(self) -> bool:
        """Its versions run inside the engine, not in workers."""
        return self.script.suffix == ".lua" and self.isolation == "engine"


class LoadFailed(Exception):
    """A script did not load, or its flow tests failed. `report` has file, line and traceback; `reason` is one line."""

    def __init__(self, app: str, script: Path, report: str, reason: str) -> None:
        super().__init__(f"{script}: the script of {app!r} did not load")
        self.reason = reason
        self.app = app
        self.script = script
        self.report = report


class WorkerSession(Protocol):
    """A session, as far as its process and its calls go."""

    @property
    def id(self) -> str: ...

    @property
    def pid(self) -> int | None: ...

    @property
    def version(self) -> str | None: ...

    @property
    def owned(self) -> Collection[str]: ...

    def close(self, code: CloseCode, reason: str) -> None: ...


class AppSessions(Protocol):
    """`engine.eventsocket.ownership.Sessions`."""

    on_change: list[Callable[[str], None]]
    choose: Callable[[str], str | None]

    def of(self, app: str) -> Sequence[WorkerSession]: ...


class Log(EventSink, Protocol):
    """`engine.eventsocket.log.EventLog`."""

    def watch(self, kind: type[Event], watcher: Callable[[Event, Entry], None]) -> None: ...


class SupervisedApp:
    """An app, and how it stands with its versions."""

    def __init__(self, spec: AppSpec, sessions: AppSessions, events: EventSink) -> None:
        self.spec = spec
        self.name = spec.name
        self.versions = Versions()
        self.running: dict[Version, Running] = {}  # of the live versions
        self.turn = trio.Lock()  # versions load one after another
        self.is_about_to_look = False  # whether its folder has changed
        self.store = Store()  # what its calls share, if it is in Lua
        self.saved_at: float | None = None  # when it has, by its files
        self.settled = trio.Event()  # the first version has loaded, or has not
        self.failure: LoadFailed | None = None
        self._sessions = sessions
        self._events = events

    @property
    def folder(self) -> Path:
        """Where its author keeps the script."""
        return self.spec.script.resolve().parent

    @property
    def pid(self) -> int | None:
        """The process that takes new calls, if it is up; not a canary's."""
        current = self.running.get(self.versions.current) if self.versions.current is not None else None
        return current.pid if current is not None and current.version.is_up else None

    def session(self, running: Running) -> WorkerSession | None:
        """That of a version's worker, or of its host in the engine, if it is connected."""
        pid = running.pid
        if self.spec.is_embedded:
            hosted = (session for session in self._sessions.of(self.name) if session.pid is None)
            return next((session for session in hosted if session.version == running.version.name), None)
        sessions = self._sessions.of(self.name) if pid is not None else ()
        return next((session for session in sessions if session.pid == pid), None)

    def calls(self, version: Version) -> int:
        """How many a version has now."""
        running = self.running.get(version)
        session = self.session(running) if running is not None else None
        return len(session.owned) if session is not None else 0

    def share(self, version: Version) -> float:
        """Of the new calls, that a version takes."""
        versions = self.versions
        if version.state is not VersionState.ACTIVE:
            return 0.0
        if version is versions.canary:
            return versions.share
        return 1.0 - versions.share if versions.canary is not None else 1.0

    def state(self, version: Version) -> queries.VersionState:
        """How a version stands, as the protocol tells it."""
        return queries.VersionState(
            id=f"{self.name} {version.number:08}",
            app=self.name,
            version=version.name,
            state=version.state.value,
            share=round(self.share(version), 6),
            calls=version.calls,
            live=self.calls(version),
            errors=version.errors,
            loaded_at=version.loaded_at,
            hash=version.hash,
        )

    # What is told

    def tell_loaded(self, running: Running) -> None:
        """A version takes calls, or another share of them."""
        version, pid = running.version, running.pid or 0
        share, script = self.share(version), str(self.spec.script)
        logger.info("script loaded", app=self.name, version=version.name, share=share, pid=pid)
        self._events.emit(ScriptLoaded(app=self.name, script=script, pid=pid, version=version.name, share=share))

    def tell_failed(self, version: Version, error: str, report: str) -> None:
        """It did not load, its worker died, or it was found wanting."""
        logger.error(error, app=self.name, version=version.name, state=version.state.value)
        self._emit_failed(version, error, report)

    def tell_raised(self, version: Version, record: Record) -> None:
        """A call's function raised; the log has it already."""
        self._emit_failed(version, record.message, record.traceback, channel=record.call)

    def tell_draining(self, version: Version) -> None:
        """It takes no new calls any more."""
        calls = self.calls(version)
        logger.info("script draining", app=self.name, version=version.name, calls=calls)
        self._events.emit(ScriptDraining(app=self.name, version=version.name, calls=calls))

    def tell_retired(self, version: Version, reason: Literal["drained", "limit", "lost"]) -> None:
        """It has ended."""
        logger.info("script retired", app=self.name, version=version.name, reason=reason)
        self._events.emit(ScriptRetired(app=self.name, version=version.name, reason=reason))

    def _emit_failed(self, version: Version, error: str, report: str, *, channel: str | None = None) -> None:
        event = ScriptFailed(
            app=self.name, script=str(self.spec.script), error=error, traceback=report, version=version.name
        )
        self._events.emit(event, channel=channel)
