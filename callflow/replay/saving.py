"""Calls of a running engine, live or lately ended, as it still knows them: see `saved`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from callflow.client import Engine
from callflow.errors import NotFound
from callflow.protocol.events import ChannelCreated
from callflow.protocol.queries import Decision, PastEvent

from .saved import SavedCall, assemble

_ALL = 1 << 30  # events; the engine keeps far fewer


class NotKept(Exception):
    """The engine does not know the call, or not all of it any more. The text says which, and what to do."""


async def save_call(engine: Engine, call: str) -> SavedCall:
    """The call of this id, or whose id begins so, with all its legs. Raises NotKept."""
    created = await engine.recent(ChannelCreated.name, last=_ALL)
    family = _family(_find(call, created), created)
    main = family[0]
    events = [event for leg in family for event in await engine.recent("*", last=_ALL, channel=leg)]
    events.sort(key=lambda event: event.seq)
    return await _assemble(engine, main, family, events)


async def save_all(engine: Engine) -> tuple[list[SavedCall], list[NotKept]]:
    """Every call that an app took and that the engine knows from its beginning, and why others cannot be saved."""
    events = await engine.recent("*", last=_ALL)
    created = [event for event in events if event.name == ChannelCreated.name]
    by_leg: dict[str, list[PastEvent]] = defaultdict(list)
    for event in events:
        if event.channel is not None:
            by_leg[event.channel].append(event)
    saved: list[SavedCall] = []
    failed: list[NotKept] = []
    for main in (event for event in created if _is_call(event)):
        family = _family(main, created)
        own = sorted((event for leg in family for event in by_leg[leg]), key=lambda event: event.seq)
        try:
            saved.append(await _assemble(engine, family[0], family, own))
        except NotKept as error:
            failed.append(error)
    return saved, failed


def _find(call: str, created: Sequence[PastEvent]) -> PastEvent:
    found = [event for event in created if (event.channel or "").startswith(call)]
    exact = [event for event in found if event.channel == call] or found
    if len(exact) > 1:
        raise NotKept(f"{len(exact)} calls begin with {call!r}; give more of the id")
    if not exact:
        raise NotKept(f"the engine knows no call {call!r}, or does not keep its beginning any more (an hour at most)")
    event = exact[0]
    by_id = {other.channel: other for other in created}
    while (parent := by_id.get(event.data.get("parent"))) is not None:  # parents came before
        event = parent
    if not _is_call(event):
        raise NotKept(f"{event.channel} did not come in: only calls from outside can be replayed")
    return event


def _is_call(event: PastEvent) -> bool:
    return event.data.get("direction") == "inbound"


def _family(main: PastEvent, created: Sequence[PastEvent]) -> list[str]:
    """The call, and the legs that it dialled, and those that they dialled: parents come first in the log."""
    family = [main.channel or ""]
    for event in created:
        if event.data.get("parent") in family and event.channel is not None:
            family.append(event.channel)
    return family


async def _assemble(engine: Engine, call: str, family: Iterable[str], events: Sequence[PastEvent]) -> SavedCall:
    decisions = {leg: await _decisions(engine, leg, is_call=leg == call) for leg in family}
    return assemble(call, events, decisions, engine=engine.welcome.engine)


async def _decisions(engine: Engine, leg: str, *, is_call: bool) -> Sequence[Decision]:
    try:
        found = await engine.decisions(leg)
    except NotFound as error:
        if is_call:  # of a leg there are often none
            raise NotKept(f"{leg}: the engine keeps no command that was given to it, or not any more") from error
        return ()
    if found.missing:
        raise NotKept(f"{leg}: the engine no longer keeps the first {found.missing} of its {found.total} commands")
    return found.decisions
