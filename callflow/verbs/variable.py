"""What a call remembers: variables, which other apps and the call record see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from callflow.protocol.commands import Get, Set

if TYPE_CHECKING:
    from callflow.call import Call


async def set(call: Call, variables: Mapping[str, str | None] | None = None, /, **named: str | None) -> None:
    """Set variables of the channel, which other apps and the call record see; None removes one."""
    changes = {**(variables or {}), **named}
    await call._leg.ask(Set(variables=changes))
    _note(call, changes)


async def get(call: Call, *names: str) -> dict[str, str]:
    """The channel's variables: all, or those named that are set."""
    reply = await call._leg.ask(Get(variables=names))
    found = call._leg.link.connection.data(reply, dict[str, str | None])
    _note(call, found)
    return {name: value for name, value in found.items() if value is not None}


def _note(call: Call, changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            call.variables.pop(name, None)
        else:
            call.variables[name] = value
