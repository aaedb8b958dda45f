"""set, export, unset, multiset, multiunset."""

from __future__ import annotations

from .stage import NONE, Stage, set_variable

_ARRAY, _BETWEEN = "ARRAY::", "|:"
PRIVACY = "privacy"
EXPORTS = "export_vars"


async def set_one(stage: Stage, data: str) -> str:
    await set_pair(stage, data)
    return NONE


async def export(stage: Stage, data: str) -> str:
    name = await set_pair(stage, data.removeprefix("nolocal:"))
    if name:
        known = stage.leg.variables.get(EXPORTS, "")
        if name not in known.split(","):
            await stage.set(EXPORTS, f"{known},{name}".strip(","))
    return NONE


async def unset(stage: Stage, data: str) -> str:
    await stage.set(data.strip(), None)
    return NONE


async def push(stage: Stage, data: str) -> str:
    """`name=value`: one more of several values."""
    name, _, value = data.partition("=")
    name, before = name.strip(), stage.leg.variables.get(name.strip())
    if name and before is not None:
        first = before if before.startswith(_ARRAY) else f"{_ARRAY}{before}"
        await stage.set(name, f"{first}{_BETWEEN}{value}")
    elif name:
        await stage.set(name, value)
    return NONE


async def privacy(stage: Stage, data: str) -> str:
    """`off|on|name|full|number`: whether those whom the channel dials from then on are told who calls."""
    how = data.strip().lower()
    await stage.set(PRIVACY, how if how in ("on", "yes", "name", "full", "number") else None)
    return NONE


async def multiset(stage: Stage, data: str) -> str:
    for pair in _parts(data):
        await set_pair(stage, pair)
    return NONE


async def multiunset(stage: Stage, data: str) -> str:
    for name in _parts(data):
        await stage.set(name, None)
    return NONE


async def set_pair(stage: Stage, pair: str) -> str:
    """`name=value`; without a value the variable is removed. The name."""
    name, _, value = pair.strip().partition("=")
    name = name.strip()
    if name:
        await set_variable(stage.hub, stage.leg, name, value if value not in ("", "_undef_") else None)
    return name


def _parts(data: str) -> list[str]:
    separator = " "
    data = data.strip()
    if data.startswith("^^") and len(data) > 2:
        separator, data = data[2], data[3:]
    return [part for part in data.split(separator) if part.strip()]
