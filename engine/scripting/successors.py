"""Who takes a call after the app that had it: the app that a policy or an originate names, or the one of a route."""

from __future__ import annotations

from collections.abc import Sequence

from callflow.protocol.commands import Fallback
from callflow.protocol.events import ChannelCreated
from engine.channels.ports import Admission

from .routing import AppSessions, CallRouter


class RoutedSuccessors:
    """Finds them among the sessions, and by the router. `apps` have workers, which may be on their way."""

    def __init__(self, router: CallRouter, sessions: AppSessions, apps: Sequence[str]) -> None:
        self._router = router
        self._sessions = sessions
        self._apps = frozenset(apps)

    def transferred(self, number: str, user: str | None) -> Admission | None:
        """What the user reaches by calling the number."""
        return self._router.take_for(number, user)

    def successor(self, then: Fallback, facts: ChannelCreated) -> Admission | None:
        """None: there is no such app and no such route."""
        if then.route is not None:
            return self._router.take(then.route)
        app = then.app or ""
        session = self._sessions.session_for(app)
        if session is not None:
            return Admission(app=app, owner=session.owner)
        return Admission(app=app) if app in self._apps else None
