"""Which sessions there are, and which channels are whose.

Several sessions of one app share its calls in turn. What becomes of the calls of a session that is lost: succession.py.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import NamedTuple

from callflow.protocol.events import ChannelCreated, ChannelEnded, Event, OwnerChanged

from .log import Entry, EventLog
from .session import Session

_MAX_FORMER = 1000  # lost sessions that a resuming one may follow


class _Former(NamedTuple):
    """A lost session: its app, its token's name, and whom it followed itself."""

    app: str
    token: str
    follows: str | None


class Sessions:
    """The sessions by app. Hooks in `on_change` are told an app's name when one of its sessions came or went."""

    def __init__(self) -> None:
        self.on_change: list[Callable[[str], None]] = []
        self.choose: Callable[[str], str | None] = lambda app: None  # the version that takes an app's next call
        self._by_id: dict[str, Session] = {}
        self._by_app: dict[str, list[Session]] = {}
        self._former: OrderedDict[str, _Former] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def apps(self) -> Sequence[str]:
        """The names of the apps that are connected."""
        return tuple(self._by_app)

    def of(self, app: str) -> Sequence[Session]:
        """The sessions of an app, in the order in which they are to get calls."""
        return tuple(self._by_app.get(app, ()))

    def takers(self, app: str) -> Sequence[Session]:
        """Those of them that may be given the next call: of the version whose turn it is, or of none."""
        version = self.choose(app)
        sessions = self._by_app.get(app, ())
        return tuple(session for session in sessions if version is None or session.version in (None, version))

    def get(self, id: str) -> Session | None:
        return self._by_id.get(id)

    def all(self) -> Sequence[Session]:
        return tuple(self._by_id.values())

    def session_for(self, app: str) -> Session | None:
        """Whose turn it is to get a call of this app: one that may own calls, and reads what it is sent."""
        able = [session for session in self.takers(app) if session.takes_calls]
        chosen = next((session for session in able if not session.is_stalled), None) or next(iter(able), None)
        if chosen is not None:
            turns = self._by_app[app]
            turns.remove(chosen)
            turns.append(chosen)
        return chosen

    def standby(self, app: str) -> Session | None:
        """The session that takes over when one of this app is lost."""
        waiting = (session for session in self._by_app.get(app, ()) if session.is_standby and not session.is_closing)
        return next(waiting, None)

    def former(self, app: str, token: str, session: str | None) -> frozenset[str]:
        """The lost sessions of an app that showed this token (by name): that one and whom it followed, None: all."""
        line = self.line(session) if session is not None else None
        return frozenset(
            id
            for id, former in self._former.items()
            if former.app == app and former.token == token and (line is None or id in line)
        )

    def line(self, session: str) -> frozenset[str]:
        """A session, the one that it followed, and so on; and those that followed it.

        An app that comes back names the last session whose welcome it read: a connection that was cut before that left
        a session behind which the app does not know of.
        """
        follows = {id: former.follows for id, former in self._former.items()}
        follows |= {id: live.follows for id, live in self._by_id.items()}
        line: set[str] = set()
        at: str | None = session
        while at is not None and at not in line:
            line.add(at)
            at = follows.get(at)
        while later := {id for id, before in follows.items() if before in line and id not in line}:
            line |= later
        return frozenset(line)

    def add(self, session: Session) -> None:
        self._by_id[session.id] = session
        self._by_app.setdefault(session.app, []).append(session)

    def remove(self, session: Session) -> None:
        del self._by_id[session.id]
        rest = [other for other in self._by_app[session.app] if other is not session]
        if rest:
            self._by_app[session.app] = rest
        else:
            del self._by_app[session.app]
        self._former[session.id] = _Former(session.app, session.token.name, session.follows)
        if len(self._former) > _MAX_FORMER:
            self._former.popitem(last=False)

    def tell(self, app: str) -> None:
        """Tell the hooks that the app's sessions have changed."""
        for hook in self.on_change:
            hook(app)


class Ownership:
    """Keeps each session's `owned` true, from what the log is told."""

    def __init__(self, log: EventLog, sessions: Sessions) -> None:
        self._sessions = sessions
        self._owner_of: dict[str, str] = {}  # channel -> session
        log.watch(ChannelCreated, self._note)
        log.watch(OwnerChanged, self._note)
        log.watch(ChannelEnded, self._drop)

    def _note(self, event: Event, entry: Entry) -> None:
        self._drop(event, entry)
        session = self._sessions.get(entry.owner) if entry.owner is not None else None
        if session is not None and entry.channel is not None:
            self._owner_of[entry.channel] = session.id
            session.owned.add(entry.channel)

    def _drop(self, event: Event, entry: Entry) -> None:
        if entry.channel is None:
            return
        session = self._sessions.get(self._owner_of.pop(entry.channel, ""))
        if session is not None:
            session.owned.discard(entry.channel)
