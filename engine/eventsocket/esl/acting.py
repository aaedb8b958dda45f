"""bind_digit_action and bind_meta_app: keys that do something whatever goes on, an application or an api command.

Bindings have a realm; those of one realm count at a time, the first that was used or the last that was set.
"""

from __future__ import annotations

import re

from callflow.protocol import commands, events

from .action import Action, Whose
from .expansion import expand
from .hub import Hub
from .leg import Leg
from .performing import run
from .stage import NONE, Stage
from .steering import Refused

MAX_ACTIONS = 32  # of one channel
META = "*"  # begins the keys of bind_meta_app, and is their realm
_ACTION = re.compile(r"(exec|api)(?:\[[^\]]*\])?:(.*)", re.DOTALL)
_KEYS = re.compile(r"[0-9A-D*#]{1,16}", re.ASCII)


async def bind(stage: Stage, data: str) -> str:
    """`REALM,KEYS,exec:APPLICATION[,DATA][,KEYED_BY][,DONE_ON]`, or `api:COMMAND`."""
    parts = data.split(",")
    sides = [_WHOSE[part] for part in parts[3:] if part in _WHOSE]
    while len(parts) > 3 and parts[-1] in _WHOSE:
        parts.pop()
    found = _ACTION.fullmatch(parts[2]) if len(parts) > 2 else None
    if found is None or not _KEYS.fullmatch(parts[1].upper()):
        return "-ERR expected: realm,digits,exec:application|api:command[,data][,target[,target]]"
    keyed_by, done_on = [*sides, "self", "self"][:2]
    action = Action(parts[0], parts[1].upper(), found[1], found[2], ",".join(parts[3:]), keyed_by, done_on)
    return await _add(stage, action)


async def clear(stage: Stage, data: str) -> str:
    realm = data.partition(",")[0].strip()
    stage.leg.actions = [action for action in stage.leg.actions if realm != "all" and action.realm != realm]
    await _apply(stage.hub, stage.leg)
    return NONE


async def set_realm(stage: Stage, data: str) -> str:
    stage.leg.realm = data.partition(",")[0].strip()
    await _apply(stage.hub, stage.leg)
    return NONE


async def bind_meta(stage: Stage, data: str) -> str:
    """`KEY a|b|ab FLAGS APPLICATION::DATA`; `s`, `o` and `b` among the flags say with which channel."""
    words = data.split(maxsplit=3)
    if len(words) < 4 or not _KEYS.fullmatch(META + words[0].upper()):
        return "-ERR expected: key a|b|ab flags application::data"
    keys, keyed_by, flags, what = words
    application, _, argument = what.partition("::")
    done_on: Whose = "peer" if "o" in flags else "self"
    action = Action(META, META + keys.upper(), "exec", application, argument, _LEGS.get(keyed_by, "self"), done_on)
    return await _add(stage, action)


async def unbind_meta(stage: Stage, data: str) -> str:
    key = data.strip().upper()
    stage.leg.actions = [
        action for action in stage.leg.actions if action.realm != META or (key and action.digits != META + key)
    ]
    await _apply(stage.hub, stage.leg)
    return NONE


async def bridged(hub: Hub, leg: Leg, other: Leg) -> None:
    """Two legs are bridged, or parted: the keys of each may be for the other's bindings."""
    await _apply(hub, leg)
    await _apply(hub, other)


def matched(hub: Hub, leg: Leg, event: events.DigitsMatched, at: float) -> None:
    """Bound keys were pressed."""
    action = leg.bound.get(event.digits)
    if action is None:
        return
    leg.variables["last_matching_digits"] = event.digits
    owner = leg if action in leg.actions else hub.find(leg.other or "") or leg
    other = hub.find(owner.other) if owner.other is not None else None
    for each in (owner if action.done_on != "peer" else other, other if action.done_on == "both" else None):
        if each is None:
            continue
        if action.kind == "exec":
            run(hub, each, action.name, action.data)
        else:
            hub.ask(expand(f"{action.name} {action.data}".strip(), each, hub), each)


async def _add(stage: Stage, action: Action) -> str:
    leg = stage.leg
    kept = [each for each in leg.actions if (each.realm, each.digits) != (action.realm, action.digits)]
    if len(kept) >= MAX_ACTIONS:
        return f"-ERR expected at most {MAX_ACTIONS} bindings"
    leg.actions = [*kept, action]
    if not leg.realm and action.realm != META:
        leg.realm = action.realm
    await _apply(stage.hub, leg)
    other = stage.hub.find(leg.other) if leg.bridge and leg.other is not None else None
    if other is not None:
        await _apply(stage.hub, other)
    return NONE


async def _apply(hub: Hub, leg: Leg) -> None:
    """Have the engine watch for the keys that count now."""
    wanted = _wanted(leg, "self")
    other = hub.find(leg.other) if leg.bridge and leg.other is not None else None
    if other is not None:
        wanted = _wanted(other, "peer") | wanted
    before, leg.bound = leg.bound, wanted
    try:
        for digits in before.keys() - wanted.keys():
            await hub.steering.command(leg.id, commands.UnbindDigits(digits=digits))
        for digits in wanted.keys() - before.keys():
            await hub.steering.command(leg.id, commands.BindDigits(digits=digits))
    except Refused:  # it has ended, or is another's
        return


def _wanted(leg: Leg, side: Whose) -> dict[str, Action]:
    return {
        action.digits: action
        for action in leg.actions
        if action.realm in (leg.realm, META) and action.keyed_by in (side, "both")
    }


_WHOSE: dict[str, Whose] = {"self": "self", "peer": "peer", "both": "both"}
_LEGS: dict[str, Whose] = {"a": "self", "b": "peer", "ab": "both"}
