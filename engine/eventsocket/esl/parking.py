"""valet_park and valet_info: lots with numbered places, in each of which a call waits with music."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.sax.saxutils import escape, quoteattr

from callflow.protocol import commands
from callflow.protocol.outcomes import Digits

from .asked import Asked
from .headers import channel_headers
from .hub import Hub
from .sound import said, sources_of
from .sounding import say_aloud
from .stage import NONE, Stage
from .steering import Refused
from .waiting import Waiting

SUBCLASS = "valet_parking::info"
MAX_PLACES = 10_000  # in a lot: as far as one looks for a free one
_USAGE = "-ERR expected: lot extension | lot ask [min] [max] [timeout] [prompt] | lot auto in|out min max"
_NUMBER = re.compile(r"[0-9]{1,9}", re.ASCII)


async def valet_park(stage: Stage, data: str) -> str:
    """Park the channel at a place of the lot, or have the call that waits there."""
    words = data.split()
    if len(words) < 2:
        return _USAGE
    lot, how = words[0], words[1].lower()
    if how == "auto":
        return await _park_anywhere(stage, lot, words[2:])
    place = words[1] if how != "ask" else await _ask(stage, words[2:])
    if not place:
        return NONE
    waiting = _taken(stage.hub, lot).get(place)
    if waiting is not None:
        await _take(stage, lot, place, waiting)
    else:
        await _wait(stage, lot, place)
    return NONE


async def valet_info(asking: Asked, arguments: str) -> str:
    return "".join(_lines(asking.hub, arguments.strip()))


def _taken(hub: Hub, lot: str) -> dict[str, Waiting]:
    """The places of a lot that are taken."""
    return {place: waiting for place, waiting in hub.lots.get(lot, {}).items() if waiting.is_there}


def _lines(hub: Hub, wanted: str) -> Iterator[str]:
    yield "<lots>\n"
    for name in hub.lots:
        if wanted in ("", name):
            yield f"  <lot name={quoteattr(name)}>\n"
            for place, waiting in _taken(hub, name).items():
                yield f"    <extension uuid={quoteattr(waiting.leg.id)}>{escape(place)}</extension>\n"
            yield "  </lot>\n"
    yield "</lots>\n"


async def _park_anywhere(stage: Stage, lot: str, words: list[str]) -> str:
    """`in|out MIN MAX`: at the first place that is free, or who has waited longest."""
    if len(words) < 3 or words[0] not in ("in", "out") or not all(_NUMBER.fullmatch(word) for word in words[1:3]):
        return _USAGE
    first, last = int(words[1]), int(words[2])
    taken = _taken(stage.hub, lot)
    if words[0] == "out":
        found = next(((place, each) for place, each in taken.items() if _is_within(place, first, last)), None)
        if found is not None:
            await _take(stage, lot, *found)
        return NONE
    free = (str(number) for number in range(first, min(last + 1, first + MAX_PLACES)) if str(number) not in taken)
    place = next(free, None)
    if place is None:
        return "-ERR no place is free"
    if stage.leg.variables.get("valet_announce_slot", "true").lower() != "false":
        if not stage.leg.answered_at:
            await stage.do(commands.Answer())
        await say_aloud(stage, place, said("number", "iterated", place))
    await _wait(stage, lot, place)
    return NONE


def _is_within(place: str, first: int, last: int) -> bool:
    return _NUMBER.fullmatch(place) is not None and first <= int(place) <= last


async def _ask(stage: Stage, words: list[str]) -> str:
    """Which place, by keys: `[MIN] [MAX] [MILLISECONDS] [PROMPT]`."""
    numbers = [int(word) for word in words[:3] if _NUMBER.fullmatch(word)] + [1, 11, 10_000][len(words[:3]) :]
    gather = commands.Gather(
        prompt=sources_of(words[3] if len(words) > 3 else "", stage.hub.sounds),
        min=max(numbers[0], 1),
        max=max(numbers[1], numbers[0], 1),
        terminators="#",
        timeout=max(numbers[2] / 1000, 0.1),
    )
    outcome = await stage.run(gather)
    return outcome.value if isinstance(outcome, Digits) else ""


async def _wait(stage: Stage, lot: str, place: str) -> None:
    hub, leg, waiting = stage.hub, stage.leg, Waiting(stage.leg)
    hub.lots.setdefault(lot, {})[place] = waiting
    leg.variables |= {"valet_lot": lot, "valet_extension": place}
    _tell(hub, lot, place, "hold", waiting)
    music = leg.variables.get("valet_hold_music") or leg.variables.get("hold_music") or ""
    try:
        await waiting.wait(stage, music)
    finally:
        _leave(hub, lot, place, waiting)
        _tell(hub, lot, place, "exit", waiting)


def _leave(hub: Hub, lot: str, place: str, waiting: Waiting) -> None:
    places = hub.lots.get(lot, {})
    if places.get(place) is waiting:  # somebody else may be there since it was taken
        del places[place]
    if not places:
        hub.lots.pop(lot, None)


async def _take(stage: Stage, lot: str, place: str, waiting: Waiting) -> None:
    _leave(stage.hub, lot, place, waiting)
    _tell(stage.hub, lot, place, "bridge", waiting)
    try:
        await waiting.connect(stage)
    except Refused as refused:
        if refused.code != "not_found":  # it hung up just now
            raise


def _tell(hub: Hub, lot: str, place: str, action: str, waiting: Waiting) -> None:
    if hub.wants("CUSTOM", SUBCLASS):
        own = {"Valet-Lot-Name": lot, "Valet-Extension": place, "Action": action}
        hub.announce("CUSTOM", own | channel_headers("CUSTOM", waiting.leg, hub.find), subclass=SUBCLASS)
