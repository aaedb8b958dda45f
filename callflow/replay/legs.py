"""Who took part in a saved call: the caller, and each leg that was dialled, under names that stay from run to run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from callflow.protocol.events import ChannelCreated, OwnerChanged

from .saved import Entry, SavedCall

CALLER = "caller"
_TELLING = 8  # characters of an id that is no word by chance


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg. `target` is what was dialled, empty for the caller; `name` is what to call whoever is at its end."""

    id: str
    name: str
    target: str
    created: ChannelCreated
    began_at: float  # seconds since the call began

    @property
    def is_caller(self) -> bool:
        return not self.target


def legs_of(call: SavedCall) -> list[Leg]:
    """The legs, the caller's first."""
    dialled = dict(_dialled(call))
    seen: Counter[str] = Counter()
    legs: list[Leg] = []
    for entry in call.log:
        created = entry.read_event() if entry.event == ChannelCreated.name else None
        if not isinstance(created, ChannelCreated):
            continue
        if entry.leg == call.call:
            legs.append(Leg(entry.leg, CALLER, "", created, entry.at))
            continue
        target = dialled.get(entry.leg) or _fork_of(created, dialled) or created.callee.uri
        seen[target] += 1
        name = target if seen[target] == 1 else f"{target} ({seen[target]})"
        legs.append(Leg(entry.leg, name, target, created, entry.at))
    return legs


def owners_of(call: SavedCall) -> frozenset[str]:
    """The apps whose commands are the script's decisions. Others may hang up, too: somebody at a terminal, perhaps."""
    apps = {call.app}
    for entry in call.log:
        if entry.command and entry.command != "hangup":
            apps.add(entry.app)
        elif entry.event == OwnerChanged.name:
            apps.add(str(entry.data.get("app", "")))
    return frozenset(apps)


def named(text: str, names: Mapping[str, str]) -> str:
    """A text with names in place of ids, also where they are a part of it: of a path, perhaps."""
    if text in names:
        return names[text]
    for id in sorted(names, key=len, reverse=True):  # one may contain another
        if len(id) >= _TELLING:
            text = text.replace(id, names[id])
    return text


def targets_of(command: Entry) -> Iterator[tuple[str, str]]:
    """The legs that a `dial` names, each with its target. What is no dial has none."""
    stages = command.data.get("stages") if command.command == "dial" else None
    for stage in stages if isinstance(stages, list) else ():
        for target in stage if isinstance(stage, list) else ():
            if isinstance(target, dict):
                yield str(target.get("leg", "")), str(target.get("target", ""))


def _dialled(call: SavedCall) -> Iterator[tuple[str, str]]:
    for entry in call.log:
        yield from ((leg, target) for leg, target in targets_of(entry) if leg and target)


def _fork_of(created: ChannelCreated, dialled: Mapping[str, str]) -> str | None:
    """A user's second phone has a leg that no command names: whose target it is, its address tells."""
    return next((target for target in dialled.values() if created.to and created.to in _users(target)), None)


def _users(target: str) -> tuple[Any, ...]:
    return target, target.removeprefix("sip:").partition("@")[0]
