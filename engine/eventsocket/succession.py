"""Who follows a session: sessions of one app side by side, on standby, and back after their connection was lost.

A session that says whom it follows (`resume.session`) gets that one's channels, whether the engine has noticed the end
of the old connection or not; a session that just comes gets what waits for its app. When a session that takes calls is
lost, one on standby has its channels at once; without one, each channel's own policy decides (`lose_owner`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import structlog

from callflow.protocol.events import AppLost, AppReplaced
from callflow.protocol.frames import CloseCode, Hello

from .encoding import encoded_snapshot
from .hello import Refused
from .log import EventLog
from .ownership import Sessions
from .ports import SteeredChannel, Table
from .session import Session
from .tokens import Token

logger = structlog.get_logger("engine.eventsocket")


class Succession:
    """Decides for the sessions of an engine."""

    def __init__(self, log: EventLog, table: Table, sessions: Sessions) -> None:
        self._log = log
        self._table = table
        self._sessions = sessions

    def role(self, hello: Hello, token: Token) -> Literal["active", "standby"]:
        """What a session of this app would be beside those that there are. Raises Refused."""
        others = [session for session in self._others(hello, token) if session.may_own]
        taken = next((session for session in others if "refuse" in (hello.share, session.share)), None)
        if taken is not None:
            message = f"the app {hello.app!r} is connected from {taken.peer} (session {taken.id}), and is not shared"
            raise Refused(CloseCode.TAKEN, "not_owner", message)
        is_second = any(not session.is_standby for session in others)
        return "standby" if hello.share == "standby" and is_second else "active"

    def replace(self, hello: Hello, token: Token) -> Session | None:
        """Retire the session that this hello follows, if it is still there: its channels wait for the new one."""
        old = self._predecessor(hello, token)
        if old is not None:
            self._retire(old, "the app came back over another connection")
            old.close(CloseCode.REPLACED, "the app came back over another connection")
        return old

    def waiting(self, hello: Hello, token: Token, *, role: str) -> tuple[list[str], list[str]]:
        """The channels for a session of this app: those that never had an owner, and those that lost theirs."""
        fresh = [] if role == "standby" else [id for id, each in self._live() if each.owner is None]
        fresh = [id for id in fresh if self._table.channels[id].app == hello.app]
        followed = hello.resume.session if hello.resume is not None else None
        lost = self._lost_channels(hello.app, None if followed is None else self._sessions.line(followed))
        return fresh, [] if role == "standby" and followed is None else lost

    def lose(self, session: Session, reason: str) -> None:
        """The session is gone, if it was not replaced before."""
        if self._sessions.get(session.id) is not session:
            return
        owned = self._retire(session, reason)
        heir = None if session.is_standby else self._sessions.standby(session.app)
        if heir is not None:
            self._take_over(heir, session, owned)
        for id in owned:
            channel = self._table.channels.get(id)
            if channel is not None and heir is None:
                channel.lose_owner(session.id)

    def _take_over(self, heir: Session, lost: Session, owned: Sequence[str]) -> None:
        heir.is_standby = False
        logger.warning("a standby takes over", app=heir.app, session=heir.id, lost=lost.id, channels=len(owned))
        self._log.emit(AppReplaced(app=heir.app, session=lost.id, by=heir.id, channels=len(owned)), owner=heir.id)
        for id in owned:
            channel = self._table.channels.get(id)
            if channel is not None and channel.is_alive:
                channel.give(heir.owner)
        heir.describe(state_of(self._table, owned))

    def _retire(self, session: Session, reason: str) -> list[str]:
        """Remove a session. What it owned."""
        owned = sorted(session.owned)
        self._table.lose_commands(session.id)
        session.reader.close()
        self._sessions.remove(session)
        logger.info("lost", app=session.app, session=session.id, reason=reason, channels=len(owned))
        self._log.emit(AppLost(app=session.app, session=session.id, reason=reason))
        return owned

    def _predecessor(self, hello: Hello, token: Token) -> Session | None:
        if hello.resume is None or hello.resume.session is None:
            return None
        line = self._sessions.line(hello.resume.session)
        same = (old for old in self._sessions.of(hello.app) if old.id in line and old.token.name == token.name)
        return next(same, None)

    def _others(self, hello: Hello, token: Token) -> Sequence[Session]:
        old = self._predecessor(hello, token)
        return [session for session in self._sessions.of(hello.app) if session is not old]

    def _live(self) -> Sequence[tuple[str, SteeredChannel]]:
        return [(id, channel) for id, channel in self._table.channels.items() if channel.is_alive]

    def _lost_channels(self, app: str, line: frozenset[str] | None) -> list[str]:
        """The channels of the app whose session is gone; of these sessions alone, if given."""
        return [
            id
            for id, channel in self._live()
            if (owner := channel.owner) is not None
            and owner.app == app
            and self._sessions.get(owner.session) is None
            and (line is None or owner.session in line)
        ]


def state_of(table: Table, channels: Sequence[str]) -> list[bytes]:
    """The state of some channels and of their bridges, as snapshot frames."""
    states = [table.channels[id].snapshot() for id in channels if id in table.channels]
    bridges = {state.bridge for state in states}
    return encoded_snapshot(states, [bridge for bridge in table.bridge_states() if bridge.id in bridges])
