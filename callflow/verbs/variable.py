"""What a call remembers and keeps to: variables, limits, and what becomes of it when its app is lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from callflow.protocol.commands import Fallback, Get, Headers, Limit, Policy, Set, SetLanguage, Source
from callflow.sources import as_sources

if TYPE_CHECKING:
    from callflow.call import Call


async def set(call: Call, variables: Mapping[str, str | None] | None = None, /, **named: str | None) -> None:
    """Set variables of the channel, which other apps and the call record see; None removes one."""
    changes = {**(variables or {}), **named}
    await call._leg.ask(Set(variables=changes))
    _note(call, changes)


async def set_language(call: Call, language: str) -> None:
    """Say and speak to this call in that language, where nothing else is named: `en`, `de`, or one of the app's own."""
    await call._leg.ask(SetLanguage(language=language))


async def get(call: Call, *names: str) -> dict[str, str]:
    """The channel's variables: all, or those named that are set."""
    reply = await call._leg.ask(Get(variables=names))
    found = call._leg.link.connection.data(reply, dict[str, str | None])
    _note(call, found)
    return {name: value for name, value in found.items() if value is not None}


async def headers(call: Call, *names: str) -> dict[str, list[str]]:
    """SIP headers of the caller's INVITE, or of a callee's answer: all, or those named that are there.

    diversion = (await call.headers("Diversion")).get("Diversion", [])
    """
    reply = await call._leg.ask(Headers(names=names))
    return call._leg.link.connection.data(reply, dict[str, list[str]])


async def limit(call: Call, resource: str, maximum: int, *, deadline: float | None = None) -> None:
    """Take one of `maximum` places of a resource of this app's, until the call ends. Raises Overloaded if none is free.

    try:
        await call.limit("trunk", 2)
    except Overloaded:
        await call.reject("busy")
    """
    await call._leg.ask(Limit(resource=resource, maximum=maximum), deadline=deadline)


async def policy(
    call: Call,
    *,
    wait: float = 0.0,
    music: Source | Sequence[Source] = (),
    app: str | None = None,
    route: str | None = None,
    cause: str | int = "temporary_failure",
    deadline: float | None = None,
) -> None:
    """Say what becomes of the call if this app is lost: `wait` seconds with `music` for it to come back, and then?

    Then another `app` takes it, or the app of a number (`route`), or it ends with a Q.850 cause. Without a policy it
    ends at once. An app that comes back in time has it again, see `App.on_reattach`.
    """
    then = Fallback(app=app, route=route, cause=cause)
    await call._leg.ask(Policy(wait=wait, music=as_sources(music), then=then), deadline=deadline)


def _note(call: Call, changes: Mapping[str, str | None]) -> None:
    for name, value in changes.items():
        if value is None:
            call.variables.pop(name, None)
        else:
            call.variables[name] = value
