"""The event socket behind its doors: a link comes in, its hello is judged, and it becomes a session."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec
import structlog
import trio

from callflow.protocol.commands import Command
from callflow.protocol.events import AppConnected
from callflow.protocol.frames import VERSION, AppFrame, Blob, CloseCode, Hello, Welcome
from callflow.protocol.queries import EngineLoad, RegistrationState, TrunkState
from engine.allowance import COMMANDS
from engine.channels.ports import Owner
from engine.speech.text import Speech
from engine.web.web import Web

from .decisions import MAX_OCTETS, DecisionLog
from .dispatch import CommandWatcher, Dispatcher, LongVerb, Verb
from .encoding import encoded
from .flusher import Flusher
from .hello import Refused, judge, read_hello, refuse
from .link import Link, LinkClosed, Nowhere
from .log import EventLog
from .ownership import Ownership, Sessions
from .ports import RecordStore, Table
from .prompts import FilesOf, Prompts
from .queries import Queries
from .session import Session
from .succession import Succession, state_of
from .tokens import Token, Tokens

MAX_SESSIONS = 10_000
_MAX_STRANGERS = 1000  # connections that have not said hello
_CHECK_EVERY = 15.0  # seconds
_STALLED_AFTER = 30.0  # seconds in one send: dead, like two missed pings

logger = structlog.get_logger("engine.eventsocket")


class EventSocket:
    """The sessions of an engine. Doors hand their links to `serve`."""

    def __init__(
        self,
        log: EventLog,
        table: Table,
        sessions: Sessions,
        *,
        engine: str,
        new_id: Callable[[], str],
        epoch: Callable[[], float],
        recordings: Path | None = None,
        registrations: Callable[[str], Iterable[Sequence[RegistrationState]]] = lambda after: (),
        registered: Callable[[], int] = int,
        trunks: Callable[[], Sequence[TrunkState]] = tuple,
        counters: Callable[[], Mapping[str, int]] = dict,
        load: Callable[[], EngineLoad] = EngineLoad,
        records: RecordStore | None = None,
        prompts: Prompts | None = None,
        speech: Speech | None = None,
        web: Web | None = None,
        max_sessions: int = MAX_SESSIONS,
        commands: float = COMMANDS,
        kept_commands: int = MAX_OCTETS,
    ) -> None:
        """`engine`: its name and version; `epoch`: seconds since the epoch; `recordings`: has the apps' folders.

        `registrations`: those of each user, by their names, from the user of an id on; `registered`: how many contacts
        that are. `commands`: that one session may give, a second; twice as many at once. `kept_commands`: octets of
        those that are kept.
        """
        self.log = log
        self.engine = engine
        self.sessions = sessions
        self.table = table
        self._new_id = new_id
        self._epoch = epoch
        self._recordings = recordings
        self._prompts = prompts
        self._speech = speech
        self._web = web
        self._max_sessions = max_sessions
        self._commands = commands
        self._flusher = Flusher()
        self._is_closing = False
        self._strangers = 0
        self._left = trio.Event()
        Ownership(log, sessions)
        self._succession = Succession(log, table, sessions)
        self.decisions = DecisionLog(max_octets=kept_commands)
        queries = Queries(
            log,
            table,
            sessions,
            self.decisions,
            engine=engine,
            epoch=epoch,
            registrations=registrations,
            registered=registered,
            trunks=trunks,
            counters=counters,
            load=load,
            records=records,
        )
        self._dispatcher = Dispatcher(log, table, queries, self.decisions, clock=trio.current_time, epoch=epoch)

    async def run(self) -> None:
        """Send events, and part with sessions that own calls and read nothing, and with files that do not come."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._flusher.run)
            if self._prompts is not None:
                nursery.start_soon(self._prompts.run)
            await self._watch_stalls()

    async def _watch_stalls(self) -> None:
        while True:
            await trio.sleep(_CHECK_EVERY)
            now = trio.current_time()
            for session in self.sessions.all():
                since = session.sending_since
                if session.owned and since is not None and now - since > _STALLED_AFTER:
                    await session.abort(CloseCode.STALLED, f"the app has read nothing for {_STALLED_AFTER:.0f} s")

    async def serve(
        self,
        link: Link,
        *,
        tokens: Tokens | None = None,
        token: Token | None = None,
        pid: int | None = None,
        channel: str | None = None,
    ) -> None:
        """Serve a link until it ends. `token`: it has been shown already; else the hello must show one of `tokens`.

        `channel`: the one call that the app was dialled for.
        """
        try:
            hello, early = await self._read_hello(link)
            token = judge(hello, tokens=tokens, shown=token)
            await self._serve(self._open(link, hello, token, pid, channel), hello, early)
        except LinkClosed as error:
            logger.debug("closed before its hello", peer=link.peer, reason=str(error))
        except Refused as refused:
            logger.info("refused", peer=link.peer, reason=str(refused))
            await refuse(link, refused)
        finally:
            with trio.CancelScope(shield=True):
                await link.abort()

    async def host(
        self, hello: Hello, token: Token, peer: str, run: Callable[[Session, Sequence[str]], Awaitable[None]]
    ) -> str:
        """Have a program inside the engine as a session, until `run` returns; why it ended. Raises Refused.

        `run` is given the session and the channels that are its from the beginning.
        """
        opened = self._open(Nowhere(peer), hello, token, None, None)
        session = opened.session
        reason = "the script failed"
        try:
            self._begin(opened, hello)
            await run(session, (*opened.fresh, *opened.lost))
            reason = session.end_reason
        finally:
            self._succession.lose(session, reason)
            self._left.set()
            self.sessions.tell(session.app)
        return reason

    def add(self, verbs: Mapping[type[Command], Verb]) -> None:
        """Let apps give these commands, too."""
        self._dispatcher.add(verbs)

    def add_long(self, verbs: Mapping[type[Command], LongVerb]) -> None:
        """And these, which are no channel's, and end by an event."""
        self._dispatcher.add_long(verbs)

    def watch(self, watcher: CommandWatcher) -> None:
        """Tell a part of the engine, from now on, of commands as apps give them."""
        self._dispatcher.watch(watcher)

    async def close(self, reason: str = "the engine stops") -> None:
        """Send the sessions what they are owed and close them, and let no more in."""
        self._is_closing = True
        for session in self.sessions.all():
            session.close(CloseCode.GOING_AWAY, reason)
        while len(self.sessions):
            self._left = trio.Event()
            await self._left.wait()

    async def _read_hello(self, link: Link) -> tuple[Hello, Sequence[AppFrame]]:
        if self._strangers >= _MAX_STRANGERS:
            raise LinkClosed(f"expected at most {_MAX_STRANGERS} connections without a hello")
        self._strangers += 1
        try:
            return await read_hello(link)
        finally:
            self._strangers -= 1

    async def _serve(self, opened: _Opened, hello: Hello, early: Sequence[AppFrame]) -> None:
        session = opened.session
        reason = "the engine stopped"
        try:
            self._begin(opened, hello)
            reason = await session.run(early)
        except Exception:  # a fault of ours must not take other sessions with it
            logger.exception("a session failed", app=session.app, session=session.id)
            reason = "the engine failed to serve it"
        finally:
            self._succession.lose(session, reason)
            self._left.set()
            self.sessions.tell(session.app)

    def _open(self, link: Link, hello: Hello, token: Token, pid: int | None, channel: str | None) -> _Opened:
        """The session, not known to anybody yet, and what it is to have. Raises Refused."""
        if channel is not None or pid is not None:  # one of many by its nature
            follows = hello.resume if pid is not None else None
            hello = msgspec.structs.replace(hello, share="share", resume=follows)
        self._expect_room()
        fresh = [channel] if channel is not None else []
        if channel is not None:
            self._expect_waiting(channel)
        role = "active" if channel is not None else self._succession.role(hello, token)
        # From here on nothing fails: the session that this one follows is gone.
        self._succession.replace(hello, token)
        lost: list[str] = []
        if channel is None and token.allows("calls:own"):
            fresh, lost = self._succession.waiting(hello, token, role=role)
        session = self._session(link, hello, token, pid)
        session.is_standby = role == "standby"
        return _Opened(session, fresh, lost)

    def _session(self, link: Link, hello: Hello, token: Token, pid: int | None) -> Session:
        id, resume = self._new_id(), hello.resume
        follows = resume.session if resume is not None else None
        recordings = self._recordings / hello.app if self._recordings is not None else None
        return Session(
            id,
            link,
            self.log,
            app=hello.app,
            routes=hello.routes,
            token=token,
            owner=Owner(
                app=hello.app,
                session=id,
                folder=token.folder,
                recordings=recordings,
                files=FilesOf(self._prompts, hello.app, id) if self._prompts is not None else None,
                speech=self._speech,
                web=self._web,
                language=hello.language,
            ),
            former=self.sessions.former(hello.app, token.name, follows) if resume is not None else frozenset(),
            follows=follows,
            share=hello.share,
            connected_at=self._epoch(),
            pid=pid,
            answer=self._dispatcher.answer,
            perform=self._dispatcher.perform,
            snapshot=self._dispatcher.snapshot,
            receive_blob=self._receive_blob,
            flusher=self._flusher,
            commands=self._commands,
        )

    def _receive_blob(self, session: Session, blob: Blob) -> None:
        if self._prompts is not None:
            self._prompts.receive(session, blob)

    def _expect_room(self) -> None:
        if self._is_closing:
            raise Refused(CloseCode.GOING_AWAY, "overloaded", "the engine stops")
        if len(self.sessions) >= self._max_sessions:
            raise Refused(CloseCode.OVERLOADED, "overloaded", f"expected at most {self._max_sessions} sessions")

    def _expect_waiting(self, channel: str) -> None:
        waiting = self.table.channels.get(channel)
        if waiting is None or waiting.owner is not None:
            raise Refused(CloseCode.NORMAL, "call_ended", f"the call {channel} has ended")

    def _begin(self, opened: _Opened, hello: Hello) -> None:
        log, session = self.log, opened.session
        others = len(self.sessions.of(session.app))
        owns = (*opened.fresh, *opened.lost)
        role: Literal["active", "standby"] = "standby" if session.is_standby else "active"
        self.sessions.add(session)
        welcome = Welcome(
            engine=self.engine,
            protocol=VERSION,
            epoch=log.epoch,
            seq=log.last_seq,
            session=session.id,
            owns=owns,
            role=role,
            others=others,
        )
        session.greet(encoded(welcome))
        if hello.subscribe:
            session.reader.subscriptions.add(hello.subscribe)
            session.reader.listen()
        can_resume = hello.resume is None or session.resume(hello.resume.epoch, hello.resume.seq)
        if can_resume:
            session.reader.adopt(owns if hello.resume is not None else opened.fresh)
        logger.info(
            "connected", app=session.app, session=session.id, peer=session.peer, token=session.token.name, role=role,
            others=others,
        )  # fmt: skip
        log.emit(
            AppConnected(
                app=session.app,
                session=session.id,
                routes=session.routes,
                pid=session.pid,
                share=session.share,
                role=role,
                others=others,
                channels=len(owns),
            )
        )
        for id in owns:
            self.table.channels[id].give(session.owner)
        if not can_resume:
            session.begin_again(after=0)
        elif opened.lost and hello.resume is None:
            session.describe(state_of(self.table, opened.lost))
        if self._prompts is not None:
            self._prompts.begin(session)
        self.sessions.tell(session.app)


class _Opened(NamedTuple):
    """A session, and the channels that are to be its: those that never had an owner, and those that lost theirs."""

    session: Session
    fresh: Sequence[str]
    lost: Sequence[str]
