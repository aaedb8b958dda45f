"""The event socket behind its doors: a link comes in, its hello is judged, and it becomes a session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import structlog
import trio

from callflow.protocol.events import AppConnected, AppLost
from callflow.protocol.frames import VERSION, AppFrame, CloseCode, Hello, Welcome
from callflow.protocol.queries import RegistrationState
from engine.channels.ports import Owner

from .dispatch import Dispatcher
from .encoding import encoded
from .hello import Refused, judge, read_hello, refuse
from .link import Link, LinkClosed
from .log import EventLog
from .ownership import Ownership, Sessions
from .ports import RecordStore, Table
from .queries import Queries
from .session import Session
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
        registrations: Callable[[], Sequence[RegistrationState]] = tuple,
        counters: Callable[[], Mapping[str, int]] = dict,
        records: RecordStore | None = None,
        max_sessions: int = MAX_SESSIONS,
    ) -> None:
        """`engine`: its name and version; `epoch`: seconds since the epoch; `recordings`: has the apps' folders."""
        self.log = log
        self.engine = engine
        self.sessions = sessions
        self.table = table
        self._new_id = new_id
        self._epoch = epoch
        self._recordings = recordings
        self._max_sessions = max_sessions
        self._is_closing = False
        self._strangers = 0
        self._left = trio.Event()
        Ownership(log, sessions)
        queries = Queries(
            log,
            table,
            sessions,
            engine=engine,
            started_at=epoch(),
            registrations=registrations,
            counters=counters,
            records=records,
        )
        self._dispatcher = Dispatcher(log, table, queries, trio.current_time)

    async def run(self) -> None:
        """Part, for ever, with sessions that own calls and read nothing."""
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
            waiting = self._waiting(hello.app, channel)
            self._expect_room()
            await self._serve(self._open(link, hello, token, pid), hello, early, waiting)
        except LinkClosed as error:
            logger.debug("closed before its hello", peer=link.peer, reason=str(error))
        except Refused as refused:
            logger.info("refused", peer=link.peer, reason=str(refused))
            await refuse(link, refused)
        finally:
            with trio.CancelScope(shield=True):
                await link.abort()

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

    async def _serve(self, session: Session, hello: Hello, early: Sequence[AppFrame], waiting: list[str]) -> None:
        reason = "the engine stopped"
        try:
            self._begin(session, hello, waiting)
            reason = await session.run(early)
        except Exception:  # a fault of ours must not take other sessions with it
            logger.exception("a session failed", app=session.app, session=session.id)
            reason = "the engine failed to serve it"
        finally:
            self._lose(session, reason)

    def _expect_room(self) -> None:
        if self._is_closing:
            raise Refused(CloseCode.GOING_AWAY, "overloaded", "the engine stops")
        if len(self.sessions) >= self._max_sessions:
            raise Refused(CloseCode.OVERLOADED, "overloaded", f"expected at most {self._max_sessions} sessions")

    def _waiting(self, app: str, channel: str | None) -> list[str]:
        """The calls that wait for this app, or the one it was dialled for. Raises Refused when that is over."""
        channels = self.table.channels
        if channel is None:
            return [id for id, each in channels.items() if each.owner is None and each.facts.app == app]
        if channel not in channels or channels[channel].owner is not None:
            raise Refused(CloseCode.NORMAL, "call_ended", f"the call {channel} has ended")
        return [channel]

    def _open(self, link: Link, hello: Hello, token: Token, pid: int | None) -> Session:
        id = self._new_id()
        recordings = self._recordings / hello.app if self._recordings is not None else None
        return Session(
            id,
            link,
            self.log,
            app=hello.app,
            routes=hello.routes,
            token=token,
            owner=Owner(app=hello.app, session=id, folder=token.folder, recordings=recordings),
            former=self.sessions.former(hello.app, token.name) if hello.resume is not None else frozenset(),
            connected_at=self._epoch(),
            pid=pid,
            answer=self._dispatcher.answer,
            snapshot=self._dispatcher.snapshot,
        )

    def _begin(self, session: Session, hello: Hello, waiting: list[str]) -> None:
        log = self.log
        self.sessions.add(session)
        waiting = waiting if session.may_own else []
        owns = tuple(waiting)
        welcome = Welcome(
            engine=self.engine, protocol=VERSION, epoch=log.epoch, seq=log.last_seq, session=session.id, owns=owns
        )
        session.greet(encoded(welcome))
        if hello.subscribe:
            session.reader.subscriptions.add(hello.subscribe)
            session.reader.listen()
        can_resume = hello.resume is None or session.resume(hello.resume.epoch, hello.resume.seq)
        if can_resume:
            session.reader.adopt(waiting)
        logger.info("connected", app=session.app, session=session.id, peer=session.peer, token=session.token.name)
        log.emit(AppConnected(app=session.app, session=session.id, routes=session.routes, pid=session.pid))
        for id in waiting:
            self.table.channels[id].give(session.owner)
        if not can_resume:
            session.begin_again(after=0)
        self.sessions.tell(session.app)

    def _lose(self, session: Session, reason: str) -> None:
        owned = sorted(session.owned)
        session.reader.close()
        self.sessions.remove(session)
        logger.info("lost", app=session.app, session=session.id, reason=reason, channels=len(owned))
        self.log.emit(AppLost(app=session.app, session=session.id, reason=reason))
        for id in owned:
            if (channel := self.table.channels.get(id)) is not None:
                channel.lose_owner(session.id)
        self._left.set()
        self.sessions.tell(session.app)
