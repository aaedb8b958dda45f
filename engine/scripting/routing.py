"""Who takes a call that comes in: the configured routes choose the app, the app's own patterns the function.

Without configured routes the apps' patterns apply directly. A caller whose From is a user of ours must authenticate;
whoever does not is anonymous, and reaches only what admits anyone. A call that comes by a trunk need not.
An anonymous caller who reaches nothing is asked who he is, like a user: a number that is not there, one that is not for
him, and a name that is no user's all look alike. Where every route admits anyone he is told 404.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Protocol

import structlog

from engine.channels.caller import from_of, number_of, parse_caller_id
from engine.channels.ports import Admission, Headers, Owner, Refusal
from engine.registrar.authentication import Challenge
from engine.registrar.users import User
from engine.sip.events import Flow, InviteReceived
from engine.sip.identity import BY_FROM, Identity, IdentityPolicy, read_identity
from engine.sip.messages import ParseError, Request
from engine.trunks.trunk import Trunk

from .decision import ANONYMOUS, Profile, Question, RouteSpec, Rules
from .patterns import Patterns

logger = structlog.get_logger("engine.scripting")

_MAX_COMPILED = 1000  # sets of patterns that are kept ready
_NOT_FOUND = Refusal(404)
_FORBIDDEN = Refusal(403)
ENCRYPTED = frozenset({"tls", "wss"})


class Authenticator(Protocol):
    """`engine.registrar.authentication.Authentication`."""

    def check(self, request: Request, source: str) -> User | Challenge:
        """Who sent this, from an address."""
        ...

    def challenge_by_proxy(self, request: Request) -> Challenge:
        """What asks the sender, in the words of a proxy (407)."""
        ...


class SessionOfApp(Protocol):
    """A session, as far as routing goes."""

    @property
    def owner(self) -> Owner: ...

    @property
    def routes(self) -> tuple[str, ...]: ...


class AppSessions(Protocol):
    """`engine.eventsocket.ownership.Sessions`."""

    on_change: list[Callable[[str], None]]

    @property
    def apps(self) -> Sequence[str]: ...

    def of(self, app: str) -> Sequence[SessionOfApp]: ...

    def takers(self, app: str) -> Sequence[SessionOfApp]: ...

    def session_for(self, app: str) -> SessionOfApp | None: ...


class CallRouter:
    """Decides at once, from what is known now. `apps` are those that have workers, in the order they are asked."""

    def __init__(
        self,
        *,
        rules: Rules,
        profiles: Mapping[str, Profile] = MappingProxyType({}),
        apps: Sequence[str] = (),
        sessions: AppSessions,
        authentication: Authenticator,
        is_user: Callable[[str], bool],
        epoch: Callable[[], float],
        find_trunk: Callable[[Flow], Trunk | None] = lambda flow: None,
        identities: Mapping[str, IdentityPolicy] = MappingProxyType({}),
        find_user: Callable[[str], User | None] = lambda name: None,
    ) -> None:
        """`profiles` and `identities`: of the users that have one of their own; `epoch`: seconds since the epoch.

        `find_user`: for what else there is of one; `find_trunk`: that by which a call comes; such a call need not
        authenticate.
        """
        self._rules = rules
        self._profiles = profiles
        self._epoch = epoch
        self._find_trunk = find_trunk
        self._identities = identities
        self._find_user = find_user
        self._admits_anyone = rules.admit_anyone
        self._admits_everybody = rules.admit_everybody
        self._apps = tuple(apps)
        self._sessions = sessions
        self._authentication = authentication
        self._is_user = is_user
        self._known: dict[str, tuple[str, ...]] = {}  # the patterns of each app, as it last said
        self._compiled: dict[tuple[str, ...], Patterns[str]] = {}
        sessions.on_change.append(self._note)

    def route(self, invite: InviteReceived) -> Admission | Refusal:
        """Who takes the call, or what the caller is told."""
        number = invite.request.uri.user or ""
        trunk = self._find_trunk(invite.flow)
        user = self._identify(invite.request, invite.flow.remote[0]) if trunk is None else None
        if isinstance(user, Refusal):
            return user
        name = user.name if user is not None else None
        try:
            identity = read_identity(invite.request, self._policy(name, trunk).reads)
        except ParseError as error:
            return Refusal(error.status, error.reason)
        admission = self._choose(number, name, trunk, invite, identity) if number else None
        if isinstance(admission, Refusal):
            return admission
        if admission is not None:
            return self._of_user(replace(admission, trunk=trunk, identity=identity), invite.request)
        if user is None and trunk is None and not self._admits_everybody:
            # as a user who has not said who he is: users are not to be told
            return self._challenge(invite.request, invite.flow.remote[0])
        return _NOT_FOUND

    def _identify(self, request: Request, source: str) -> User | Refusal | None:
        """The user who calls, None for an anonymous caller."""
        try:
            claimed = request.from_.uri.user or ""
        except ParseError as error:
            return Refusal(error.status, error.reason)
        is_claimed = self._is_user(claimed)
        if not is_claimed and all(request.header(name) is None for name in ("Authorization", "Proxy-Authorization")):
            return None
        user = self._authentication.check(request, source)
        if isinstance(user, Challenge):
            return Refusal(user.status, headers=user.headers)
        if is_claimed and user.name != claimed:
            return _FORBIDDEN  # one user under the name of another
        return user

    def _of_user(self, admission: Admission, request: Request) -> Admission:
        """With what is said of the user: who calls, and variables."""
        user = self._find_user(admission.user) if admission.user is not None else None
        if user is None:
            return admission
        identity = admission.identity
        if user.caller_id and identity is not None:
            address = from_of(parse_caller_id(user.caller_id), request.uri.host)
            identity = replace(identity, address=address)
        return replace(admission, identity=identity, variables=user.variables)

    def _challenge(self, request: Request, source: str) -> Refusal:
        answer = self._authentication.check(request, source)
        return Refusal(answer.status, headers=answer.headers) if isinstance(answer, Challenge) else _FORBIDDEN

    def challenge(self, request: Request) -> Headers:
        """What asks the sender who he is (407)."""
        return self._authentication.challenge_by_proxy(request).headers

    def _policy(self, user: str | None, trunk: Trunk | None) -> IdentityPolicy:
        if trunk is not None:
            return trunk.spec.identity
        return self._identities.get(user, BY_FROM) if user is not None else BY_FROM

    def _choose(
        self, number: str, user: str | None, trunk: Trunk | None, invite: InviteReceived, identity: Identity
    ) -> Admission | Refusal | None:
        if not self._rules:
            return self._ask_apps(number, user, is_known=user is not None or trunk is not None)
        question = self._question(number, user, trunk, invite.request, identity)
        return self._decide(question, lambda route: self._missing(route, invite, question))

    def _missing(self, route: RouteSpec, invite: InviteReceived, question: Question) -> Refusal | None:
        """What the caller is told who lacks what the route requires."""
        if "tls" in route.requires and invite.flow.transport not in ENCRYPTED:
            return Refusal(403, "Requires TLS")
        if "authenticated" not in route.requires or question.user is not None:
            return None
        if question.trunk is not None:
            return Refusal(403, "Requires Authentication")
        return Refusal(407, headers=self.challenge(invite.request))

    def _decide(
        self, question: Question, missing: Callable[[RouteSpec], Refusal | None] = lambda route: None
    ) -> Admission | Refusal | None:
        number, user = question.number, question.user
        decision = self._rules.decide(question)
        route = decision.route
        taker = route.taker if route is not None else None
        logger.debug("routed", number=number, to=taker, reason=decision.reason, looked_at=len(decision.steps))
        if route is None:
            return None
        if (refusal := missing(route)) is not None:
            return refusal
        admission = self._admit(route.taker, number, user, is_socket=route.socket is not None)
        if admission is None or "srtp" not in route.requires:
            return admission
        return replace(admission, requires_srtp=True)  # what the caller offers is looked at with his description

    def take(self, number: str) -> Admission | None:
        """Who takes a call that an app sends to this number. Whom a route admits is said of callers, not of apps."""
        if self._rules:
            route = self._rules.decide(Question(number=number, at=self._epoch(), is_of_app=True)).route
            return self._admit(route.taker, number, None, is_socket=route.socket is not None) if route else None
        for app in dict.fromkeys((*self._apps, *self._sessions.apps)):
            admission = self._admit(app, number, None, is_socket=False) if app in self._known else None
            if admission is not None:
                return admission
        return None

    def take_for(self, number: str, user: str | None) -> Admission | None:
        """Who takes a call to this number that a user, or somebody unknown, sends there in place of calling himself."""
        if not number:
            return None
        if not self._rules:
            return self._ask_apps(number, user, is_known=user is not None)
        question = Question(number=number, at=self._epoch(), caller=user or "", user=user, profile=self._profile(user))
        proved = {"authenticated"} if user is not None else set()  # how the user's phone was called is not known here
        admission = self._decide(question, lambda route: None if route.requires <= proved else _FORBIDDEN)
        return admission if isinstance(admission, Admission) else None

    def vouch(self, invite: InviteReceived) -> str | Refusal | None:
        """Who wants to take another's place in a call. He knows its tags, and is somebody, or anybody may call here."""
        user = self._identify(invite.request, invite.flow.remote[0])
        if user is None and not self._admits_anyone:
            return self._challenge(invite.request, invite.flow.remote[0])
        return user.name if isinstance(user, User) else user

    def _profile(self, user: str | None) -> Profile:
        return ANONYMOUS if user is None else self._profiles.get(user, Profile())

    def _question(
        self, number: str, user: str | None, trunk: Trunk | None, request: Request, identity: Identity
    ) -> Question:
        return Question(
            number=number,
            at=self._epoch(),
            caller=number_of(identity.address),
            domain=request.uri.host,
            user=user,
            trunk=trunk.name if trunk is not None else None,
            profile=self._profile(user) if trunk is None else Profile(trunk.spec.context),
            call=request.call_id,
        )

    def _ask_apps(self, number: str, user: str | None, *, is_known: bool) -> Admission | None:
        if not is_known and not self._admits_anyone:
            return None
        for app in dict.fromkeys((*self._apps, *self._sessions.apps)):
            if app in self._known:
                admission = self._admit(app, number, user, is_socket=False)
                if admission is not None:
                    return admission
        return None

    def _admit(self, app: str, number: str, name: str | None, *, is_socket: bool) -> Admission | None:
        if is_socket:
            return Admission(app=app, user=name)  # a connection for this one call is on its way
        sessions = self._sessions.takers(app)
        for _ in sessions:  # their patterns may differ: each has its turn, and the first that takes the number has it
            session = self._sessions.session_for(app)
            pattern = self._match(session.routes, number) if session is not None else None
            if session is not None and (pattern is not None or not session.routes):
                return Admission(app=app, route=pattern, owner=session.owner, user=name)
        if sessions:
            return None
        pattern = self._match(self._known.get(app, ()), number)
        return Admission(app=app, route=pattern, user=name) if pattern is not None or app not in self._known else None

    def _note(self, app: str) -> None:
        """Remember what an app takes: while it is away, its calls wait for it."""
        for session in self._sessions.takers(app):
            if session.routes:
                self._known[app] = session.routes

    def _match(self, routes: tuple[str, ...], number: str) -> str | None:
        patterns = self._compiled.get(routes)
        if patterns is None:
            if len(self._compiled) >= _MAX_COMPILED:
                self._compiled.clear()
            patterns = self._compiled[routes] = Patterns(_sound(routes))
        return patterns.find(number)


def _sound(patterns: Iterable[str]) -> Iterable[tuple[str, str]]:
    """Those that are regular expressions: what an app says must not bring the router down."""
    for pattern in patterns:
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError):
            continue
        yield pattern, pattern
