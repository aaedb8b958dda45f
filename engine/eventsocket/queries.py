"""What queries are answered: the live state, page by page in the order of ids, as far as a session may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol, TypeVar

from callflow.protocol import commands
from callflow.protocol.frames import BridgeState, ChannelState
from callflow.protocol.queries import (
    AppState,
    Decisions,
    EngineLoad,
    EngineStatus,
    RegistrationState,
    SessionState,
    TrunkState,
)
from engine.channels.errors import CommandError
from engine.store.records import Overloaded

from .decisions import DecisionLog
from .log import EventLog
from .ownership import Sessions
from .past import Past, look_back
from .ports import Found, RecordStore, Table
from .session import Session
from .subscription import names_matching

MAX_PAGE = 1000
MAX_RECORDS = 100  # in a page, so that it fits a message


@dataclass(frozen=True, slots=True)
class Later:
    """What is answered when `ask` calls back with the data, or with the error that is the answer."""

    ask: Callable[[Callable[[object | CommandError], None]], None]


class _HasId(Protocol):
    @property
    def id(self) -> str: ...


Row = TypeVar("Row", bound=_HasId)


class Queries:
    """Answers the commands that only ask."""

    def __init__(
        self,
        log: EventLog,
        table: Table,
        sessions: Sessions,
        decisions: DecisionLog,
        *,
        engine: str,
        epoch: Callable[[], float],
        registrations: Callable[[], Sequence[RegistrationState]],
        registered: Callable[[], int],
        trunks: Callable[[], Sequence[TrunkState]],
        counters: Callable[[], Mapping[str, int]],
        load: Callable[[], EngineLoad],
        records: RecordStore | None = None,
    ) -> None:
        self._log = log
        self._table = table
        self._sessions = sessions
        self._decisions = decisions
        self._engine = engine
        self._epoch, self._started_at = epoch, epoch()
        self._registrations = registrations
        self._registered = registered
        self._trunks = trunks
        self._counters = counters
        self._load = load
        self._records = records

    def channels(self, session: Session, command: commands.Command) -> list[ChannelState]:
        return page(self.visible_channels(session), command)

    def bridges(self, session: Session, command: commands.Command) -> list[BridgeState]:
        return page(self.visible_bridges(session), command)

    def registrations(self, session: Session, command: commands.Command) -> list[RegistrationState]:
        session.token.expect("read")
        return page(self._registrations(), command)

    def trunks(self, session: Session, command: commands.Command) -> list[TrunkState]:
        session.token.expect("read")
        return page(self._trunks(), command)

    def apps(self, session: Session, command: commands.Command) -> list[AppState]:
        session.token.expect("read")
        return page([_app_state(name, self._sessions.of(name)) for name in self._sessions.apps], command)

    def records(self, session: Session, command: commands.Command) -> Later:
        session.token.expect("read")
        assert isinstance(command, commands.Records)
        if not 1 <= command.limit <= MAX_RECORDS:
            raise CommandError("bad_argument", f"records: expected a limit of 1 to {MAX_RECORDS}, got {command.limit}")
        if self._records is None:
            raise CommandError("unsupported", "this engine keeps no records")
        return Later(partial(_find, self._records, command))

    def status(self, session: Session, command: commands.Command) -> EngineStatus:
        session.token.expect("read")
        return EngineStatus(
            engine=self._engine,
            epoch=self._log.epoch,
            seq=self._log.last_seq,
            started_at=self._started_at,
            channels=len(self._table.channels),
            bridges=self._table.bridge_count,
            registrations=self._registered(),
            sessions=len(self._sessions),
            counters=dict(self._counters()),
            at=self._epoch(),
            load=self._load(),
        )

    def events(self, session: Session, command: commands.Command) -> Past:
        session.token.expect("read")
        assert isinstance(command, commands.Events)
        if not 1 <= command.last <= MAX_PAGE:
            raise CommandError("bad_argument", f"events: expected 1 to {MAX_PAGE} events, got {command.last}")
        try:
            names = frozenset[str]().union(*map(names_matching, command.events))
        except ValueError as error:
            raise CommandError("bad_argument", f"events: {error}") from error
        return look_back(self._log, names, channel=command.channel, last=command.last, before=command.before)

    def decisions(self, session: Session, command: commands.Command) -> Decisions:
        session.token.expect("read")
        assert isinstance(command, commands.DecisionsCommand)
        found = self._decisions.find(command.channel, after=command.after)
        if found is None:
            raise CommandError("not_found", f"no command that was given to {command.channel!r} is kept")
        return found

    def visible_channels(self, session: Session) -> Sequence[ChannelState]:
        """All, or the session's own."""
        if session.token.allows("read"):
            return self._table.states()
        channels = self._table.channels
        return [channels[id].snapshot() for id in sorted(session.owned) if id in channels]

    def visible_bridges(self, session: Session) -> Sequence[BridgeState]:
        """All, or those with a channel of the session's."""
        bridges = self._table.bridge_states()
        if session.token.allows("read"):
            return bridges
        return [bridge for bridge in bridges if not session.owned.isdisjoint(bridge.channels)]


def _find(store: RecordStore, query: commands.Records, then: Callable[[object | CommandError], None]) -> None:
    def answer(found: Found) -> None:
        if isinstance(found, Exception):
            code: Literal["overloaded", "internal"] = "overloaded" if isinstance(found, Overloaded) else "internal"
            then(CommandError(code, f"records: {found}"))
        else:
            then(found)

    store.find(query, answer)


def page(rows: Sequence[Row], command: commands.Command) -> list[Row]:
    """The rows that a listing command asks for."""
    assert isinstance(command, commands.Listing)
    if not 1 <= command.limit <= MAX_PAGE:
        raise CommandError("bad_argument", f"{command.name}: expected a limit of 1 to {MAX_PAGE}, got {command.limit}")
    rest = sorted((row for row in rows if row.id > command.after), key=lambda row: row.id)
    return rest[: command.limit]


def _app_state(name: str, sessions: Sequence[Session]) -> AppState:
    routes = dict.fromkeys(route for session in sessions for route in session.routes)
    return AppState(id=name, routes=tuple(routes), sessions=tuple(map(_session_state, sessions)))


def _session_state(session: Session) -> SessionState:
    return SessionState(
        id=session.id,
        peer=session.peer,
        connected_at=session.connected_at,
        scopes=tuple(sorted(session.token.scopes)),
        channels=len(session.owned),
        pid=session.pid,
    )
