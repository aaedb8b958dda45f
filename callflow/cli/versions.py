"""`callflow reload`, `rollback` and `versions`: the apps that an engine runs, changed under live calls."""

from __future__ import annotations

import time
from typing import Annotated

import msgspec
import typer

from callflow.client import Engine
from callflow.errors import NotFound, WrongState
from callflow.protocol.commands import Reload, Rollback, Versions
from callflow.protocol.events import Event, ScriptFailed, ScriptLoaded
from callflow.protocol.queries import NamedVersion, VersionState

from .options import JsonOption
from .output import Refused, print_rows, stderr, stdout
from .where import Where, choosing_engine, with_engine

AppArgument = Annotated[str, typer.Argument(metavar="APP", help="The app's name, as in: callflow versions")]


@choosing_engine
def reload(
    where: Where,
    app: AppArgument,
    share: Annotated[
        str | None, typer.Option("--share", metavar="N%", help="How many of the new calls it takes; the rest stay.")
    ] = None,
    test: Annotated[
        bool, typer.Option("--test", help="Run its flow tests first; if they fail it takes no calls.")
    ] = False,
) -> None:
    """Make a new version of an app from its folder, and return when it takes new calls.

    Calls in progress finish on the version that they began with. A version that does not load changes nothing: its
    error is printed, and the exit code is 1; so it is with --test for one whose flow tests fail. While two versions
    share the calls, --share changes their shares.

    Examples:

        callflow reload ivr

        callflow reload ivr --test

        callflow reload ivr --share 10%
    """
    part = _part(share) if share is not None else None

    async def act(engine: Engine) -> None:
        await _settle(engine, Reload(app=app, share=part, test=test))

    with_engine(act, where)


@choosing_engine
def rollback(
    where: Where,
    app: AppArgument,
) -> None:
    """Give an app's new calls to its version before, at once; calls in progress stay where they are.

    While two versions share the calls, the older one gets all of them.

    Example:

        callflow rollback ivr
    """

    async def act(engine: Engine) -> None:
        await _settle(engine, Rollback(app=app))

    with_engine(act, where)


@choosing_engine
def versions(
    where: Where,
    app: Annotated[str, typer.Argument(metavar="[APP]", help="Only the versions of this app.")] = "",
    json: JsonOption = False,
) -> None:
    """List the versions of the engine's apps: which take calls, which finish theirs, which are over.

    Examples:

        callflow versions

        callflow versions ivr --json
    """

    async def show(engine: Engine) -> None:
        print_rows(await _versions(engine, app), _COLUMNS, _row, empty="this engine runs no apps", json=json)

    with_engine(show, where)


_COLUMNS = ("APP", "VERSION", "STATE", "SHARE", "CALLS", "LIVE", "ERRORS", "LOADED")


def _row(row: VersionState) -> tuple[str, ...]:
    loaded = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(row.loaded_at)) if row.loaded_at is not None else ""
    share = f"{row.share * 100:g}%" if row.share else ""
    return row.app, row.version, row.state, share, str(row.calls), str(row.live), str(row.errors), loaded


def _part(text: str) -> float:
    """`10%` or `0.1`, as 0.1."""
    try:
        part = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        part = 0.0
    if not 0 < part <= 1:
        raise typer.BadParameter(f"expected a share such as 10%, got {text!r}", param_hint="--share")
    return part


async def _settle(engine: Engine, command: Reload | Rollback) -> None:
    """Have it done, and wait until the version takes calls. Raises Refused if it does not."""
    await engine.subscribe("script.loaded", "script.failed")
    try:
        named = msgspec.convert(await engine.command(command), NamedVersion)
    except (NotFound, WrongState) as error:
        raise Refused(str(error)) from error
    async for _, event in engine.events():
        if _is_of(event, named) and isinstance(event, ScriptLoaded):
            share = f" takes {event.share * 100:g}% of the new calls" if event.share < 1 else " takes the new calls"
            stdout().print(f"{event.app}: version {event.version}{share}", markup=False)
            return
        if _is_of(event, named) and isinstance(event, ScriptFailed):
            if event.traceback:
                stderr().print(event.traceback.rstrip(), markup=False)
            raise Refused(f"{event.app}: version {event.version} was refused: {event.error}")


def _is_of(event: Event | None, named: NamedVersion) -> bool:
    return isinstance(event, ScriptLoaded | ScriptFailed) and (event.app, event.version) == (named.app, named.version)


async def _versions(engine: Engine, app: str) -> list[VersionState]:
    rows: list[VersionState] = []
    while True:
        after = rows[-1].id if rows else ""
        page = msgspec.convert(await engine.command(Versions(app=app, after=after)), list[VersionState])
        rows += page
        if len(page) < Versions().limit:
            return rows
