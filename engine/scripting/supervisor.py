"""The apps that the engine runs itself: their versions loaded, drained and retired, and the workers kept alive.

A version is a copy of the app's folder with a worker of its own, or, in Lua, a host inside the engine. It takes calls
when its script is loaded and connected; the one before then finishes the calls that it has. A script that does not load
changes nothing, but for the first: that is an error of whoever started the engine, who is told (`wait_ready`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TypeAlias

import trio
from msgspec.structs import replace

from callflow.protocol import queries
from callflow.protocol.events import ChannelCreated, ChannelEnded, Event, OwnerChanged, OwnerLost
from callflow.protocol.frames import CloseCode
from callflow.runtime.log import Record
from callflow.runtime.lua.worldspec import spell_world
from callflow.runtime.worker import EXIT_CLOSED
from engine.eventsocket.log import Entry
from engine.eventsocket.tokens import Token, Tokens

from .copies import Copies, Copy
from .flowtests import Refusal, run_tests
from .limits import DRAIN_WITHIN, spell_memory
from .running import Running, Toll
from .spare import Spare
from .supervised import AppSessions, AppSpec, LoadFailed, Log, SupervisedApp
from .version import KEPT, Trigger, Version, VersionState
from .worker import Exit, start_worker

LOAD_WITHIN = 30.0  # seconds for a script to import, and its worker to connect
CLOSE_WITHIN = 7.0  # seconds for a retired worker to end by itself: scripts have 5 after the hang-up


Host: TypeAlias = Callable[[SupervisedApp, Version, Callable[[Record], None]], Awaitable[Exit]]


class UnknownApp(ValueError):
    """The engine runs no app of that name."""


class Supervisor:
    """The versions of an engine's apps. `run` it; workers connect to the door at `socket`, which must be open."""

    def __init__(
        self,
        apps: Sequence[AppSpec],
        *,
        socket: Path,
        tokens: Tokens,
        sessions: AppSessions,
        events: Log,
        copies: Copies,
        new_token: Callable[[], str],
        epoch: Callable[[], float],
        drain_within: float = DRAIN_WITHIN,
        load_within: float = LOAD_WITHIN,
        host: Host | None = None,
        spare: Spare | None = None,
    ) -> None:
        """`tokens`: those that the worker door accepts; each worker gets one of its own while it lives.

        `host` runs a version inside the engine until it ends. `spare`: where a worker may wait already.
        """
        self._host = host
        self._socket = socket
        self._tokens = tokens
        self._sessions = sessions
        self._copies = copies
        self._copying = trio.CapacityLimiter(1)
        self._new_token = new_token
        self._epoch = epoch
        self._drain_within = drain_within
        self._load_within = load_within
        self._apps = {spec.name: SupervisedApp(spec, sessions, events) for spec in apps}
        self._spare = spare or Spare()
        self._nursery: trio.Nursery | None = None
        sessions.choose = self._choose
        sessions.on_change.insert(0, self._notice)  # before the router looks who takes calls
        events.watch(ChannelCreated, self._count)
        events.watch(OwnerChanged, self._count)
        events.watch(OwnerLost, self._lose)
        events.watch(OwnerChanged, self._look_for_idle)
        events.watch(ChannelEnded, self._look_for_idle)

    @property
    def pids(self) -> Mapping[str, int]:
        """The process of each app that takes calls, now."""
        return {name: pid for name, app in self._apps.items() if (pid := app.pid) is not None}

    @property
    def folders(self) -> Sequence[Path]:
        """Where the apps' scripts are."""
        return list(dict.fromkeys(app.folder for app in self._apps.values()))

    @property
    def copies(self) -> Mapping[Path, Path]:
        """From where the versions run, and of which folder that is a copy."""
        return {
            version.folder: app.folder
            for app in self._apps.values()
            for version in app.versions.all
            if version.folder is not None
        }

    async def run(self) -> None:
        """Keep the versions running until cancelled; then stop them, all at once."""
        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            for app in self._apps.values():
                nursery.start_soon(self._load, app, app.versions.add())
            nursery.start_soon(self._keep_spare)
            await trio.sleep_forever()

    async def _keep_spare(self) -> None:
        """Have a worker wait for the next version, once the first ones need the processor no more."""
        await self.wait_settled()
        if not all(app.spec.is_embedded for app in self._apps.values()):
            await self._spare.run()

    @property
    def failures(self) -> Sequence[LoadFailed]:
        """Why apps did not load at first."""
        return [app.failure for app in self._apps.values() if app.failure is not None]

    async def wait_settled(self) -> None:
        """Wait until the first version of every app takes calls, or has failed to load."""
        for app in self._apps.values():
            await app.settled.wait()

    async def wait_ready(self) -> None:
        """Wait until every app has taken up work. Raises LoadFailed for the first whose script does not load."""
        for app in self._apps.values():
            await app.settled.wait()
            if app.failure is not None:
                raise app.failure

    # What is asked of it: nothing here waits, `script.*` events tell how it goes

    def reload(self, name: str, *, share: float | None = None, test: bool = False) -> str:
        """Make a new version; or with a share, while two versions share the calls, change it. The version's name.

        With `test` it takes no calls before its flow tests have passed. Raises UnknownApp.
        """
        app = self._app(name)
        canary = app.versions.canary
        if canary is not None and share is not None:
            self._drain(app, app.versions.give_share(share))
            app.tell_loaded(app.running[canary])
            return canary.name
        version = app.versions.add()
        self._start(self._load, app, version, share or 1.0, test)
        return version.name

    def reload_all(self) -> None:
        """Make a new version of each app."""
        for name in self._apps:
            self.reload(name)

    def reload_changed(self, folder: Path, saved_at: float | None = None) -> None:
        """Files in this folder have changed: make new versions of the apps there, unless they are as they were."""
        for app in self._apps.values():
            if app.folder != folder:
                continue
            app.saved_at = saved_at
            if not app.is_about_to_look:
                app.is_about_to_look = True
                self._start(self._load_changed, app)

    def roll_back(self, name: str) -> str:
        """Give new calls to the version before; its name. Raises UnknownApp, NoVersion."""
        app = self._app(name)
        target, replaced = app.versions.roll_back()
        if target.state is VersionState.LOADING:
            self._start(self._load, app, target)
            return target.name
        app.running[target].draining.cancel()
        app.tell_loaded(app.running[target])
        self._drain(app, replaced)
        return target.name

    def version(self, app: str, name: str) -> Version | None:
        """A version by its name, unless it is forgotten."""
        return self._app(app).versions.find(name)

    def states(self) -> list[queries.VersionState]:
        """How the versions stand, as the protocol tells it."""
        return [app.state(version) for app in self._apps.values() for version in app.versions.all]

    def _app(self, name: str) -> SupervisedApp:
        app = self._apps.get(name)
        if app is None:
            known = ", ".join(self._apps) or "none"
            raise UnknownApp(f"the engine runs no app {name[:64]!r}; those that it runs: {known}")
        return app

    def _start(self, function: Callable[..., object], *arguments: object) -> None:
        assert self._nursery is not None, "it runs"
        self._nursery.start_soon(function, *arguments)  # type: ignore[arg-type]  # the callers' are right

    # Loading

    async def _load(self, app: SupervisedApp, version: Version, share: float = 1.0, test: bool = False) -> None:
        async with app.turn:  # the last that was asked for is the last to take over
            if version.state is VersionState.LOADING:  # nobody has asked twice
                await self._load_now(app, version, share, test=test)

    async def _load_changed(self, app: SupervisedApp) -> None:
        async with app.turn:
            app.is_about_to_look = False
            newest = app.versions.all[-1]
            copy: Copy | None = None
            with suppress(OSError):  # loading it will say so
                copy = await self._copy(app)
                if copy.hash == newest.hash:
                    return
            version = app.versions.add()
            version.saved_at = app.saved_at
            if copy is not None:
                version.hash, version.folder = copy.hash, copy.folder
            await self._load_now(app, version, app.versions.share)

    async def _load_now(self, app: SupervisedApp, version: Version, share: float, *, test: bool = False) -> None:
        running = app.running[version] = Running(version, share=share)
        try:
            if version.folder is None or not version.folder.is_dir():
                copy = await self._copy(app)
                version.hash, version.folder = copy.hash, copy.folder
        except OSError as error:
            self._refuse(app, running, str(error))
            return
        if (test or app.spec.is_tested) and not version.is_recalled:
            refusal = await self._test(app, version.folder)
            if refusal is not None:
                self._refuse(app, running, refusal.error, refusal.report)
                return
        self._start(running.run, lambda running: self._run_once(app, running), lambda *ended: self._end(app, *ended))
        with trio.move_on_after(self._load_within):
            await running.settled.wait()
        if version.state is VersionState.LOADING:
            exit = running.exit or await self._give_up(running)
            running.scope.cancel()
            report = f"{exit.report}\n{exit}" if exit.verdict else exit.report  # a traceback ends with what is wrong
            self._refuse(app, running, str(exit), report.strip())
        await self._prune()

    async def _give_up(self, running: Running) -> Exit:
        """End a worker that does not get ready."""
        why = f"the script was not imported within {self._load_within:.0f} s."
        with trio.move_on_after(CLOSE_WITHIN):
            if running.worker is not None:
                await running.worker.give_up(why)
            await running.ended.wait()
        return running.exit or Exit(0, "", "", why)

    async def _test(self, app: SupervisedApp, folder: Path) -> Refusal | None:
        script = app.spec.script.resolve()
        return await run_tests(
            app.name, folder / script.name, self._socket.parent, known_as=script.parent, limits=app.spec.limits
        )

    async def _copy(self, app: SupervisedApp) -> Copy:
        return await trio.to_thread.run_sync(self._copies.make, app.folder, limiter=self._copying)

    async def _prune(self) -> None:
        used = {version.hash for app in self._apps.values() for version in app.versions.all}
        count = KEPT * len(self._apps)
        await trio.to_thread.run_sync(lambda: self._copies.prune(used, count=count), limiter=self._copying)

    def _refuse(self, app: SupervisedApp, running: Running, error: str, report: str = "") -> None:
        app.versions.refuse(running.version)
        app.running.pop(running.version, None)
        app.tell_failed(running.version, error, report)
        if not app.settled.is_set():
            app.failure = LoadFailed(app.name, app.spec.script, report or error, error)
            app.settled.set()

    # The worker of a version

    async def _run_once(self, app: SupervisedApp, running: Running) -> Exit:
        if app.spec.is_embedded:
            return await self._host_once(app, running)
        version, script = running.version, app.spec.script.resolve()
        assert version.folder is not None
        secret = self._new_token()
        token = Token(
            name=f"worker of {app.name}",
            secret=secret,
            scopes=frozenset({"calls:own"}),
            app=app.name,
            folder=version.folder,
            version=version.name,
        )
        self._tokens.add(token)
        try:
            running.worker = await start_worker(
                app.name,
                version.folder / script.name,
                self._socket,
                token=secret,
                known_as=script.parent,
                on_record=lambda record: self._take(app, version, record),
                limits=app.spec.limits,
                spare=self._spare,
                world=spell_world(app.spec.world) if script.suffix == ".lua" else "",
            )
            return await running.worker.run()
        except OSError as error:
            return Exit(1, f"cannot start a worker: {error}")
        finally:
            running.worker, running.session = None, ""
            version.is_up = version.is_up and app.running.get(version) is not running
            self._tokens.remove(token)

    async def _host_once(self, app: SupervisedApp, running: Running) -> Exit:
        version = running.version
        assert self._host is not None, "the engine was not told how to host scripts"
        try:
            return await self._host(app, version, lambda record: self._take(app, version, record))
        finally:
            running.session = ""
            version.is_up = version.is_up and app.running.get(version) is not running

    def _end(self, app: SupervisedApp, running: Running, exit: Exit) -> bool:
        """A worker has ended: is another wanted?"""
        version = running.version
        is_retired = app.running.get(version) is not running
        if is_retired or version.state is VersionState.LOADING:  # as it should, or `_load_now` tells
            return False
        if exit.status != EXIT_CLOSED:  # else the engine stops, or has said why
            version.errors += running.toll.die()
            app.tell_failed(version, str(exit), exit.report)
            self._judge(app, version)
        if version.state is VersionState.DRAINING:
            self._retire(app, running, "lost")
            return False
        return True

    def _notice(self, name: str) -> None:
        """An app's sessions have changed: has a worker connected?"""
        app = self._apps.get(name)
        if app is None:
            return
        for running in list(app.running.values()):
            session = app.session(running)
            if session is None or session.id == running.session:
                continue
            running.session = running.last_session = session.id
            running.version.is_up, running.toll = True, Toll()
            replaced: list[Version] = []
            if running.version.state is VersionState.LOADING:
                running.version.loaded_at = self._epoch()
                replaced = app.versions.install(running.version, running.share)
            app.tell_loaded(running)
            self._drain(app, replaced)
            running.settled.set()
            app.settled.set()

    def _take(self, app: SupervisedApp, version: Version, record: Record) -> None:
        if record.call is not None and record.traceback:  # a call's function raised
            version.errors += 1
            if record.traceback.rstrip().endswith("MemoryError"):
                memory = spell_memory(app.spec.limits.memory)
                record = replace(record, message=f"{record.message}; its worker may have {memory}, see [[app]] memory")
            app.tell_raised(version, record)
            self._judge(app, version)

    def _lose(self, event: Event, entry: Entry) -> None:
        """A call has lost its owner: a worker that died?"""
        assert isinstance(event, OwnerLost)
        for app in self._apps.values():
            for running in list(app.running.values()):
                # A session that is still there has let the call go, and has said why.
                if running.last_session == event.session and app.session(running) is None:
                    running.version.errors += running.toll.lose()
                    self._judge(app, running.version)

    def _judge(self, app: SupervisedApp, version: Version) -> None:
        """Roll a new version back that fails more often than the one before."""
        if app.versions.is_worse(version):
            app.tell_failed(version, f"rolled back: {version.errors} errors in its first {version.calls} calls", "")
            self.roll_back(app.name)

    # Draining

    def _drain(self, app: SupervisedApp, versions: Sequence[Version]) -> None:
        for version in versions:
            running = app.running[version]
            app.tell_draining(version)
            running.idle, running.draining = trio.Event(), trio.CancelScope()
            if app.calls(version) == 0:
                running.idle.set()
            self._start(self._finish, app, running)

    async def _finish(self, app: SupervisedApp, running: Running) -> None:
        """Let a version finish its calls, and retire it."""
        with running.draining:
            with trio.move_on_after(self._drain_within):
                await running.idle.wait()
            if running.version.state is VersionState.DRAINING:
                self._retire(app, running, "drained" if running.idle.is_set() else "limit")
        if app.running.get(running.version) is not running:  # it is retired, whatever became of its version since
            with trio.move_on_after(CLOSE_WITHIN):
                await running.ended.wait()
            running.scope.cancel()

    def _retire(self, app: SupervisedApp, running: Running, reason: Literal["drained", "limit", "lost"]) -> None:
        version, session = running.version, app.session(running)
        version.enter(Trigger.ENDED)
        app.running.pop(version, None)
        running.idle.set()
        app.tell_retired(version, reason)
        if session is not None:
            session.close(CloseCode.NORMAL, "its version is retired")
        else:
            running.scope.cancel()

    def _look_for_idle(self, event: Event, entry: Entry) -> None:
        for app in self._apps.values():
            for running in app.running.values():
                if running.version.state is VersionState.DRAINING and app.calls(running.version) == 0:
                    running.idle.set()

    # Calls

    def _choose(self, name: str) -> str | None:
        app = self._apps.get(name)
        version = app.versions.next() if app is not None else None
        return version.name if version is not None else None

    def _count(self, event: Event, entry: Entry) -> None:
        if isinstance(event, ChannelCreated) and event.direction == "outbound":
            return
        assert isinstance(event, ChannelCreated | OwnerChanged)
        app = self._apps.get(event.app or "")
        for running in app.running.values() if app is not None and event.owner else ():
            assert app is not None
            session = app.session(running)
            if session is not None and session.id == event.owner:
                app.versions.count(running.version)
