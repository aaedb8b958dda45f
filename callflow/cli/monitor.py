"""`callflow calls`, `events`, `hangup`, `drain`, `registrations`, `trunks`, `status`: an engine watched and steered."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from operator import attrgetter
from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from callflow.client import Engine, Happening
from callflow.errors import EventsMissed
from callflow.protocol.frames import ChannelState
from callflow.protocol.queries import PastEvent, TrunkState

from .options import JsonOption
from .output import Refused, complain, print_json, print_rows, print_table, stdout
from .where import Where, choosing_engine, with_engine


@choosing_engine
def calls(where: Where, json: JsonOption = False) -> None:
    """List the live calls.

    Examples:

        callflow calls

        callflow calls --json
    """

    async def show(engine: Engine) -> None:
        print_rows(await engine.channels(), _COLUMNS, _row, empty="no calls", json=json)

    with_engine(show, where)


@choosing_engine
def events(
    where: Where,
    patterns: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATTERN", help="Which events to show, such as channel.*; without a pattern, all."),
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what happens, until Ctrl-C.")] = False,
    last: Annotated[int, typer.Option("--last", "-n", min=0, metavar="N", help="How many of the latest events.")] = 100,
    json: JsonOption = False,
) -> None:
    """Show what happened on the engine lately: the last events that it still keeps (of up to an hour).

    With --follow go on with what happens, from there on without a gap. With --json each event is a JSON object on a
    line of its own, as the reference describes it. Patterns choose events by name.

    Examples:

        callflow events

        callflow events --last 1000 --json 'channel.ended'

        callflow events --follow --last 0 'channel.*' 'dial.*'
    """
    wanted = patterns or ["*"]
    tell = _print_event_json if json else _print_event

    async def show(engine: Engine) -> None:
        if follow:
            await engine.subscribe(*wanted)  # before it is asked what was: nothing falls in between
        shown = 0
        for past in await engine.recent(*wanted, last=last) if last else ():
            shown = past.seq
            tell(past)
        if follow:
            await _follow(engine, shown, tell)

    with_engine(show, where)


@choosing_engine
def hangup(
    where: Where,
    channel: Annotated[str, typer.Argument(metavar="ID", help="The call's id, or how it begins.")],
    cause: Annotated[
        str, typer.Option("--cause", help="A Q.850 cause by name, such as user_busy.")
    ] = "normal_clearing",
) -> None:
    """End a call.

    Example:

        callflow hangup 3f9c
    """

    async def hang_up(engine: Engine) -> None:
        found = [state.id for state in await engine.channels() if state.id.startswith(channel)]
        exact = [id for id in found if id == channel] or found
        if len(exact) != 1:
            raise Refused(f"expected the id of a call, got {channel!r}: {_count(len(exact))}; see: callflow calls")
        await engine.hangup(exact[0], cause=cause)

    with_engine(hang_up, where)


@choosing_engine
def drain(where: Where) -> None:
    """Let no new calls in; the engine ends by itself when its calls have ended.

    New calls and OPTIONS are answered 503, so that peers go elsewhere.

    Example:

        callflow drain
    """

    async def begin(engine: Engine) -> None:
        left = await engine.drain()
        stdout().print(f"draining: {left} call{'' if left == 1 else 's'} left")

    with_engine(begin, where)


@choosing_engine
def registrations(where: Where, json: JsonOption = False) -> None:
    """List the phones that have registered.

    Example:

        callflow registrations
    """

    async def show(engine: Engine) -> None:
        print_rows(
            await engine.registrations(), ("USER", "CONTACT"), attrgetter("user", "contact"),
            empty="nobody has registered", json=json,
        )  # fmt: skip

    with_engine(show, where)


@choosing_engine
def trunks(where: Where, json: JsonOption = False) -> None:
    """List the trunks: whether they take calls, whether we are registered there, and what their targets said last.

    Example:

        callflow trunks
    """

    async def show(engine: Engine) -> None:
        columns = ("TRUNK", "STATE", "REGISTERED", "CALLS", "TARGETS")
        print_rows(await engine.trunks(), columns, _trunk_row, empty="no trunks", json=json)

    with_engine(show, where)


def _trunk_row(trunk: TrunkState) -> list[str]:
    targets = [f"{each.target} {'up' if each.is_up else 'down'}" for each in trunk.targets]
    told = [f" ({each.told})" if each.told else "" for each in trunk.targets]
    calls = str(trunk.calls) if trunk.maximum is None else f"{trunk.calls} of {trunk.maximum}"
    return [
        trunk.id,
        "up" if trunk.is_up else "down",
        trunk.registration or "-",
        calls,
        ", ".join(map("".join, zip(targets, told, strict=True))),
    ]


@choosing_engine
def status(where: Where, json: JsonOption = False) -> None:
    """Say how the engine is: what is up, and its counters.

    Example:

        callflow status
    """

    async def show(engine: Engine) -> None:
        facts = msgspec.to_builtins(await engine.status())
        if json:
            print_json(facts)
        else:
            load, counters = facts.pop("load"), facts.pop("counters")
            rows = [(name, str(value)) for name, value in {**facts, **load, **counters}.items()]
            print_table(("WHAT", "VALUE"), rows, empty="")

    with_engine(show, where)


_COLUMNS = ("ID", "STATE", "FROM", "TO", "APP", "TIME")


def _row(channel: ChannelState) -> tuple[str, ...]:
    seconds = max(0, int(time.time() - (channel.answered_at or channel.created_at)))
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return channel.id, channel.state, channel.caller, channel.to or channel.callee, channel.app or "", clock


def _count(found: int) -> str:
    return "there is none" if found == 0 else f"{found} calls begin so"


async def _follow(engine: Engine, after: int, tell: Callable[[PastEvent], None]) -> None:
    async for happening in _read_events(engine):
        if happening.frame.seq > after:
            tell(_past(happening))


async def _read_events(engine: Engine) -> AsyncIterator[Happening]:
    while True:
        try:
            async for happening in engine.events():
                yield happening
        except EventsMissed as missed:
            complain(str(missed))


def _past(happening: Happening) -> PastEvent:
    """An event as a list of those that were shows it."""
    frame, event = happening
    data = msgspec.to_builtins(event) if event is not None else {}
    return PastEvent(frame.seq, frame.at, frame.name, frame.channel, frame.call_seq, data)


def _print_event_json(event: PastEvent) -> None:
    print_json({"data": {}} | msgspec.to_builtins(event))


def _print_event(event: PastEvent) -> None:
    clock = datetime.fromtimestamp(event.at).strftime("%H:%M:%S.%f")[:-3]
    told = "  ".join(f"{key}={_short(value)}" for key, value in event.data.items())
    console = stdout()
    console.print(f"[dim]{clock}[/]  {escape(event.channel or '-'):<14}  [bold]{event.name}[/]  {escape(told)}")


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "(" + " ".join(f"{key}={_short(item)}" for key, item in value.items() if item is not None) + ")"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
