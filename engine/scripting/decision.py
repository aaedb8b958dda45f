"""Which route a call takes, and why. Pure: time and chance are part of the question.

rules = Rules(routes, contexts={"internal": ("features",)})
decision = rules.decide(Question(number="1000", at=time.time(), ...))
decision.route, decision.reason

The engine decides with it, and `callflow route` explains with it. Routes are found by what they ask for - a number, a
caller, a domain, whichever begins with literal characters - so that ten thousand cost no more than ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import merge
from itertools import chain
from types import MappingProxyType
from typing import Literal, TypeAlias

from .calendar import Calendar
from .patterns import MAX_NUMBER, beginnings, is_plain

Source: TypeAlias = Literal["users", "trunks", "anyone"]
Demand: TypeAlias = Literal["tls", "authenticated", "srtp"]
DEMANDS: tuple[Demand, ...] = ("tls", "authenticated", "srtp")

PUBLIC, INTERNAL, FEATURES = "public", "internal", "features"
# Who is in a context reaches its routes, and those of the contexts that it includes.
INCLUDES: Mapping[str, tuple[str, ...]] = MappingProxyType({INTERNAL: (FEATURES, PUBLIC)})
BY_DEFAULT: frozenset[Source] = frozenset({"users", "trunks"})
ON_LOOPBACK: frozenset[Source] = BY_DEFAULT | {"anyone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """Calls that fit all that is said here go to an app, or to one at a `socket`.

    `to` and `caller` are regular expressions for the whole number; `contexts`, `domains` and `sources` None: any (of
    sources, the default). `share` is the percentage of fitting calls that it takes; the others go on to the next.
    A call that fits and lacks what the route `requires` is refused: no other route has it.
    """

    to: str = ".*"
    app: str | None = None
    socket: str | None = None
    sources: frozenset[Source] | None = None
    contexts: frozenset[str] | None = None
    call_class: str | None = None
    caller: str | None = None
    domains: frozenset[str] | None = None  # in lower case
    during: Calendar | None = None
    outside: Calendar | None = None
    share: float = 100.0
    requires: frozenset[Demand] = frozenset()
    line: int | None = None  # of the configuration

    @property
    def taker(self) -> str:
        """The name of the app that takes the calls; one behind a socket goes by its address."""
        return self.app or self.socket or ""

    def __str__(self) -> str:
        where = f" (line {self.line})" if self.line is not None else ""
        return f'route to "{self.to}"{where}'


@dataclass(frozen=True, slots=True)
class Profile:
    """What a user may reach."""

    context: str = INTERNAL
    classes: frozenset[str] = frozenset()


ANONYMOUS = Profile(PUBLIC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One call, as far as routing goes. `user` and `trunk` None: anonymous. `call`: any text of its own, for shares.

    `is_of_app`: an app sends it, so that it does not matter who may call.
    """

    number: str
    at: float  # seconds since the epoch
    caller: str = ""
    domain: str = ""
    user: str | None = None
    trunk: str | None = None
    profile: Profile = ANONYMOUS
    call: str = ""
    is_of_app: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """A route that was looked at: `why` it was passed over, or taken."""

    route: RouteSpec
    is_taken: bool
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """The route, None if there is none, and the reason; `steps` are the routes that were looked at, in their order."""

    route: RouteSpec | None
    reason: str
    steps: tuple[Step, ...] = field(default=(), repr=False)


class Rules:
    """Routes in their order, ready to be asked. `sources`: who may call where a route does not say."""

    def __init__(
        self,
        routes: Sequence[RouteSpec],
        *,
        sources: frozenset[Source] = BY_DEFAULT,
        includes: Mapping[str, Sequence[str]] = INCLUDES,
    ) -> None:
        """Raises re.error for a pattern that is no regular expression."""
        self._sources = sources
        self._includes = includes
        self._reached: dict[str, frozenset[str]] = {}
        self._rules = [_Rule(place, route) for place, route in enumerate(routes)]
        self._by_number, self._by_caller, self._by_domain = _Index(), _Index(), _Index()
        self._others: list[_Rule] = []
        for rule in self._rules:
            self._file(rule)

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def admit_anyone(self) -> bool:
        """Is there a route for callers whom nobody knows?"""
        if not self._rules:  # the apps' own patterns apply
            return "anyone" in self._sources
        return any("anyone" in self._admitted(rule.route) for rule in self._rules)

    @property
    def admit_everybody(self) -> bool:
        """Does it make no difference to any route whether the caller is known?"""
        if not self._rules:
            return "anyone" in self._sources
        return all("anyone" in self._admitted(rule.route) for rule in self._rules)

    def decide(self, question: Question) -> Decision:
        """The first route that fits."""
        steps = tuple(self.steps(question))
        if steps and steps[-1].is_taken:
            return Decision(steps[-1].route, steps[-1].why, steps)
        why = "no route fits" if steps else "there is no route for this number, caller and domain"
        return Decision(None, why, steps)

    def steps(self, question: Question) -> Iterator[Step]:
        """The routes that could fit, up to the one that does."""
        if len(question.number) > MAX_NUMBER or len(question.caller) > MAX_NUMBER:
            return
        for rule in self._candidates(question):
            obstacle = self._obstacle(rule, question)
            if obstacle is None:
                yield Step(rule.route, True, self._praise(rule, question))
                return
            yield Step(rule.route, False, obstacle)

    def _file(self, rule: _Rule) -> None:
        """Put a route where only the calls look that it could fit."""
        route = rule.route
        if beginnings(route.to) != ("",):
            self._by_number.add(route.to, rule)
        elif route.caller is not None and beginnings(route.caller) != ("",):
            self._by_caller.add(route.caller, rule)
        elif route.domains is not None:
            for domain in route.domains:
                self._by_domain.add_plain(domain, rule)
        else:
            self._others.append(rule)

    def _candidates(self, question: Question) -> Iterator[_Rule]:
        lists = chain(
            self._by_number.lists(question.number),
            self._by_caller.lists(question.caller),
            self._by_domain.lists(question.domain.lower()),
            (self._others,),
        )
        found = [rules for rules in lists if rules]
        last = -1
        for rule in found[0] if len(found) == 1 else merge(*found, key=lambda rule: rule.place):
            if rule.place > last:
                yield rule
                last = rule.place

    def _obstacle(self, rule: _Rule, question: Question) -> str | None:
        """Why this route does not fit, None if it does."""
        route = rule.route
        if not rule.to.fullmatch(question.number):
            return f'the number "{question.number}" does not match "{route.to}"'
        if rule.caller is not None and not rule.caller.fullmatch(question.caller):
            return f'the caller "{question.caller}" does not match "{route.caller}"'
        if route.domains is not None and question.domain.lower() not in route.domains:
            return f'the domain "{question.domain}" is not {_any_of(route.domains)}'
        if not question.is_of_app and (barred := self._barred(route, question)):
            return barred
        return _wrong_time(route, question.at) or rule.missed_share(question.call)

    def _barred(self, route: RouteSpec, question: Question) -> str | None:
        """Why this caller may not take this route, None if he may."""
        profile = question.profile
        if not self._admits(route, question):
            return f"it is for {_any_of(self._admitted(route))}, and the {_kind(question)}"
        if route.contexts is not None and self._reach(profile.context).isdisjoint(route.contexts):
            return f'it is in the context {_any_of(route.contexts)}, and the caller in "{profile.context}"'
        if route.call_class is not None and route.call_class not in profile.classes:
            allowed = _any_of(profile.classes) if profile.classes else "none"
            return f'it is of the class "{route.call_class}", and the caller is allowed {allowed}'
        return None

    def _praise(self, rule: _Rule, question: Question) -> str:
        route = rule.route
        reasons = [f'"{question.number}" matches "{route.to}"']
        if route.caller is not None:
            reasons.append(f'the caller "{question.caller}" matches "{route.caller}"')
        if route.domains is not None:
            reasons.append(f'the domain is "{question.domain}"')
        if route.contexts is not None and not question.is_of_app:
            reasons.append(f'"{question.profile.context}" reaches the context {_any_of(route.contexts)}')
        if route.call_class is not None and not question.is_of_app:
            reasons.append(f'the class "{route.call_class}" is allowed')
        if route.during is not None:
            reasons.append(f'"{route.during.name}" is open: {route.during.judge(question.at)[1]}')
        if route.outside is not None:
            reasons.append(f'"{route.outside.name}" is closed: {route.outside.judge(question.at)[1]}')
        if route.share < 100.0:
            reasons.append(f"it takes {route.share:g} % of such calls, this one among them")
        if route.requires and not question.is_of_app:
            reasons.append(f"it requires {' and '.join(sorted(route.requires))} of callers")
        return "; ".join(reasons)

    def _admitted(self, route: RouteSpec) -> frozenset[Source]:
        return self._sources if route.sources is None else route.sources

    def _admits(self, route: RouteSpec, question: Question) -> bool:
        admitted = self._admitted(route)
        is_user, is_trunk = question.user is not None, question.trunk is not None
        return "anyone" in admitted or (is_user and "users" in admitted) or (is_trunk and "trunks" in admitted)

    def _reach(self, context: str) -> frozenset[str]:
        """The context and all that it includes."""
        reached = self._reached.get(context)
        if reached is None:
            found, ahead = {context}, [context]
            while ahead:
                new = set(self._includes.get(ahead.pop(), ())) - found
                found |= new
                ahead += new
            reached = self._reached[context] = frozenset(found)
        return reached


class _Rule:
    """A route with its expressions, at its place."""

    __slots__ = ("caller", "place", "route", "to")

    def __init__(self, place: int, route: RouteSpec) -> None:
        self.place = place
        self.route = route
        self.to = re.compile(route.to)
        self.caller = re.compile(route.caller) if route.caller is not None else None

    def missed_share(self, call: str) -> str | None:
        """Why this call is not of the route's share: the same call always gets the same answer."""
        share = self.route.share
        if share >= 100.0:
            return None
        digest = blake2b(f"{self.place} {call}".encode(), digest_size=4).digest()
        drawn = int.from_bytes(digest) / 2**32 * 100.0
        return None if drawn < share else f"it takes {share:g} % of such calls, and not this one"


class _Index:
    """Rules by the literal characters that their pattern begins with. Of equal ones the order is kept."""

    def __init__(self) -> None:
        self._plain: dict[str, list[_Rule]] = {}
        self._beginning: dict[str, list[_Rule]] = {}
        self._lengths: list[int] = []

    def add(self, pattern: str, rule: _Rule) -> None:
        if is_plain(pattern):
            self.add_plain(pattern, rule)
            return
        for beginning in beginnings(pattern):
            if beginning not in self._beginning and len(beginning) not in self._lengths:
                self._lengths.append(len(beginning))
            self._beginning.setdefault(beginning, []).append(rule)

    def add_plain(self, text: str, rule: _Rule) -> None:
        self._plain.setdefault(text, []).append(rule)

    def lists(self, text: str) -> Iterator[Sequence[_Rule]]:
        """The rules that this text could fit, in several lists that are each in order."""
        yield self._plain.get(text, ())
        for length in self._lengths:
            if length <= len(text):
                yield self._beginning.get(text[:length], ())


def _kind(question: Question) -> str:
    if question.user is not None:
        return "caller is a user"
    return "call comes by a trunk" if question.trunk is not None else "caller is anonymous"


def _wrong_time(route: RouteSpec, at: float) -> str | None:
    if route.during is not None:
        is_open, why = route.during.judge(at)
        if not is_open:
            return f'"{route.during.name}" is closed: {why}'
    if route.outside is not None:
        is_open, why = route.outside.judge(at)
        if is_open:
            return f'"{route.outside.name}" is open: {why}'
    return None


def _any_of(names: Iterable[str]) -> str:
    return " or ".join(f'"{name}"' for name in sorted(names))
