"""Which calls go where, as the configuration says it: [[route]], [[calendar]] and [[context]], read and checked.

`make_rules` turns them into what the engine decides with and `callflow route` explains with.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from engine.eventsocket.esl.address import Application
from engine.scripting.calendar import Calendar, parse_day, parse_hours
from engine.scripting.decision import (
    BY_DEFAULT,
    DEMANDS,
    FEATURES,
    INCLUDES,
    INTERNAL,
    ON_LOOPBACK,
    PUBLIC,
    Demand,
    RouteSpec,
    Rules,
    Source,
)

from .toml_reader import Reader, Wrong, list_of, nonempty, one_of, read_text, show, suggest, table

SOURCES = ("users", "trunks", "anyone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One [[route]]: which calls go to an app, or to a program that listens at a WebSocket address or speaks ESL."""

    to: str = ""  # a regular expression for the whole number
    app: str | None = None
    socket: str | None = None
    token: str | None = field(default=None, repr=False)
    ca: Path | None = None  # PEM: who signed the certificate at `socket`; None: those that the system trusts
    sources: tuple[str, ...] | None = None  # `from`; None: users and trunks, anyone too on loopback
    did: tuple[tuple[str, str], ...] = ()  # numbers and the apps they go to; a loaded configuration has a route of each
    contexts: tuple[str, ...] | None = None
    call_class: str | None = None
    caller: str | None = None
    domains: tuple[str, ...] | None = None
    during: str | None = None  # the name of a calendar
    outside: str | None = None
    share: float = 100.0  # percent
    requires: tuple[Demand, ...] = ()  # `require`
    line: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One [[context]]: whoever is in it reaches the routes of those that it includes."""

    name: str
    includes: tuple[str, ...] = ()


def make_rules(
    routes: Sequence[Route], *, calendars: Sequence[Calendar], contexts: Sequence[Context], is_loopback: bool
) -> Rules:
    """The rules that these routes are. `is_loopback`: only this machine can call, and anybody on it may."""
    by_name = {calendar.name: calendar for calendar in calendars}
    includes = {**INCLUDES, **{context.name: context.includes for context in contexts}}
    sources = ON_LOOPBACK if is_loopback else BY_DEFAULT
    return Rules([_spec(route, by_name) for route in routes], sources=sources, includes=includes)


def _spec(route: Route, calendars: Mapping[str, Calendar]) -> RouteSpec:
    return RouteSpec(
        to=route.to,
        app=route.app,
        socket=route.socket,
        sources=None if route.sources is None else cast("frozenset[Source]", frozenset(route.sources)),  # read so
        contexts=None if route.contexts is None else frozenset(route.contexts),
        call_class=route.call_class,
        caller=route.caller,
        domains=None if route.domains is None else frozenset(route.domains),
        during=None if route.during is None else calendars[route.during],
        outside=None if route.outside is None else calendars[route.outside],
        share=route.share,
        requires=frozenset(route.requires),
        line=route.line,
    )


def check_routes(
    routes: Sequence[Route],
    *,
    apps: Sequence[str],
    calendars: Sequence[Calendar],
    contexts: Sequence[Context],
    lines: Mapping[int, int],
) -> tuple[Route, ...]:
    """The routes with their lines, one for each number of a DID map. Raises Wrong."""
    known_contexts = context_names(contexts)
    for index, context in enumerate(contexts):
        for name in context.includes:
            _expect_known(name, known_contexts, "a context", at=("context", index, "includes"))
    for index, route in enumerate(routes):
        at = ("route", index)
        _check_taker(route, apps, at)
        for name in route.contexts or ():
            _expect_known(name, known_contexts, "a context", at=(*at, "context"))
        for key, calendar in (("during", route.during), ("outside", route.outside)):
            if calendar is not None:
                names = [each.name for each in calendars]
                _expect_known(calendar, names, "the name of a [[calendar]]", at=(*at, key))
    return tuple(made for index, route in enumerate(routes) for made in _expand(route, lines.get(index)))


def context_names(contexts: Sequence[Context]) -> list[str]:
    """The contexts that there are: three always, and those configured."""
    return list(dict.fromkeys([PUBLIC, INTERNAL, FEATURES, *(context.name for context in contexts)]))


def expect_context(name: str, contexts: Sequence[Context], *, at: tuple[str | int, ...]) -> None:
    """Raise Wrong for a context that there is not."""
    _expect_known(name, context_names(contexts), "a context", at=at)


def _check_taker(route: Route, apps: Sequence[str], at: tuple[str | int, ...]) -> None:
    if route.did:
        for key, value in (("to", route.to), ("app", route.app), ("socket", route.socket)):
            if value:
                raise Wrong(f"expected either did or {key}: a DID map has numbers and apps of its own", at=(*at, key))
        for number, app in route.did:
            _expect_known(app, apps, "the name of an [[app]]", at=(*at, "did", number))
        return
    if not route.to:
        raise Wrong('expected the key "to"', at=at)
    if (route.app is None) == (route.socket is None):
        came = "neither" if route.app is None else "both"
        raise Wrong(f"expected an app or a socket, got {came}", at=at)
    if route.app is not None:
        _expect_known(route.app, apps, "the name of an [[app]]", at=(*at, "app"))
    if route.token is not None and route.socket is None:
        raise Wrong("expected a token only beside a socket", at=(*at, "token"))
    if route.ca is not None and not (route.socket or "").startswith("wss:"):
        raise Wrong('expected a ca only beside a socket that begins with "wss:"', at=(*at, "ca"))


def _expand(route: Route, line: int | None) -> Iterator[Route]:
    if not route.did:
        yield replace(route, line=line)
    for number, app in route.did:
        yield replace(route, to=re.escape(number), app=app, did=(), line=line)


def _expect_known(name: str, known: Sequence[str], what: str, *, at: tuple[str | int, ...]) -> None:
    if name not in known:
        raise Wrong(f"expected {what}{suggest(name, known)}, got {show(name)}", at=at, hint=name)


# Readers


def read_name(value: object) -> str:
    """A name of letters, digits, '_', '.' and '-'."""
    name = read_text(value)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", name, re.ASCII):
        raise ValueError(f"expected a name of letters, digits, '_', '.' and '-', got {show(name)}")
    return name


def one_or_more(reader: Reader) -> Reader:
    """A reader of one value, or of a list of some."""
    read_list = nonempty(reader)

    def read(value: object) -> tuple[object, ...]:
        found: tuple[object, ...] = read_list(value) if isinstance(value, list) else (reader(value),)
        return found

    return read


def _pattern(value: object) -> str:
    text = read_text(value)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # a pattern that another Python will read otherwise
            re.compile(text)
    except (re.error, RecursionError, OverflowError, FutureWarning) as error:
        raise ValueError(f"expected a regular expression, got {show(text)}: {error}") from error
    return text


def _socket_url(value: object) -> str:
    text = read_text(value)
    parts = urlsplit(text)
    if parts.scheme == "esl":
        Application.parse(text)
        return text
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f'expected a WebSocket address such as "ws://127.0.0.1:9000/call", got {show(text)}')
    return text


def _did(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict) or not value:
        raise ValueError(f'expected numbers and their apps, such as {{ "+4930123" = "sales" }}, got {show(value)}')
    for number, app in value.items():
        if not isinstance(app, str) or not number:
            raise Wrong(f"expected the name of an [[app]], got {show(app)}", at=(number,))
    return tuple(value.items())


def _share(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 100:
        raise ValueError(f"expected a percentage above 0 and up to 100, got {show(value)}")
    return float(value)


def _domain(value: object) -> str:
    return read_text(value).lower()


def _zone(value: object) -> ZoneInfo:
    name = read_text(value)
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError) as error:
        raise ValueError(f'expected a time zone such as "Europe/Berlin", got {show(name)}') from error


def _days(reader: Reader) -> Reader:
    return lambda value: frozenset(list_of(reader)(value))


ROUTE = MappingProxyType({
    "to": ("to", _pattern),
    "app": ("app", read_text),
    "socket": ("socket", _socket_url),
    "token": ("token", read_text),
    "ca": ("ca", lambda value: Path(read_text(value))),
    "from": ("sources", nonempty(one_of(SOURCES))),
    "did": ("did", _did),
    "context": ("contexts", one_or_more(read_name)),
    "class": ("call_class", read_name),
    "caller": ("caller", _pattern),
    "domain": ("domains", one_or_more(_domain)),
    "during": ("during", read_text),
    "outside": ("outside", read_text),
    "share": ("share", _share),
    "require": ("requires", nonempty(one_of(DEMANDS))),
})
CALENDAR = MappingProxyType({
    "name": ("name", read_name),
    "zone": ("zone", _zone),
    "hours": ("hours", nonempty(lambda value: parse_hours(read_text(value)))),
    "dates": ("dates", _days(lambda value: parse_day(read_text(value)))),
    "holidays": ("holidays", _days(lambda value: parse_day(read_text(value)))),
})
CONTEXT = MappingProxyType({"name": ("name", read_name), "includes": ("includes", list_of(read_name))})
READERS = MappingProxyType({
    "route": ("routes", list_of(table(Route, ROUTE))),
    "calendar": ("calendars", list_of(table(Calendar, CALENDAR))),
    "context": ("contexts", list_of(table(Context, CONTEXT))),
})
