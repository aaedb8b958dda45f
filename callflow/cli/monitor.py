"""`callflow calls`, `events`, `hangup` and `registrations`: a running engine, watched and steered from a terminal."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec
import trio
import typer
from rich.markup import escape

from callflow.client import Engine, Happening, connect
from callflow.errors import EventsMissed
from callflow.protocol.frames import ChannelState

from .output import Refused, complain, print_json, print_table, stdout
from .place import choose_connection

EngineOption = Annotated[
    str | None,
    typer.Option(
        "--socket", metavar="URL", help="The engine's event socket, ws://HOST:PORT/v1/socket. [default: found]"
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option("--token", metavar="TOKEN", help="A token of that engine. [default: $CALLFLOW_TOKEN or found]"),
]
DataOption = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The engine that keeps its files there.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def calls(
    socket: EngineOption = None, token: TokenOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the live calls.

    Examples:

        callflow calls

        callflow calls --json
    """

    async def show(engine: Engine) -> None:
        channels = await engine.channels()
        if json:
            print_json(msgspec.to_builtins(channels))
        else:
            print_table(_COLUMNS, [_row(channel) for channel in channels], empty="no calls")

    _with_engine(show, socket=socket, token=token, data=data)


def events(
    patterns: Annotated[
        list[str] | None, typer.Argument(metavar="[PATTERN]...", help="Names to see, like channel.*")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
    socket: EngineOption = None,
    token: TokenOption = None,
    data: DataOption = None,
    json: JsonOption = False,
) -> None:
    """Show what happens on the engine, as it happens: until the next call has ended, or with --follow for ever.

    With --json each event is a JSON object on a line of its own.

    Examples:

        callflow events --follow

        callflow events --follow --json 'channel.*' 'dial.*'
    """

    async def show(engine: Engine) -> None:
        async for happening in _read_events(engine, patterns or ["*"]):
            print_json(_plain(happening)) if json else _print_event(happening)
            if not follow and happening.frame.name == "channel.ended":
                return

    _with_engine(show, socket=socket, token=token, data=data)


def hangup(
    channel: Annotated[str, typer.Argument(metavar="ID", help="The call's id, or how it begins.")],
    cause: Annotated[
        str, typer.Option("--cause", help="A Q.850 cause by name, such as user_busy.")
    ] = "normal_clearing",
    socket: EngineOption = None,
    token: TokenOption = None,
    data: DataOption = None,
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

    _with_engine(hang_up, socket=socket, token=token, data=data)


def registrations(
    socket: EngineOption = None, token: TokenOption = None, data: DataOption = None, json: JsonOption = False
) -> None:
    """List the phones that have registered.

    Example:

        callflow registrations
    """

    async def show(engine: Engine) -> None:
        rows = await engine.registrations()
        if json:
            print_json(msgspec.to_builtins(rows))
        else:
            shown = [[row.user, row.contact] for row in rows]
            print_table(("USER", "CONTACT"), shown, empty="nobody has registered")

    _with_engine(show, socket=socket, token=token, data=data)


_COLUMNS = ("ID", "STATE", "FROM", "TO", "APP", "TIME")


def _row(channel: ChannelState) -> tuple[str, ...]:
    seconds = max(0, int(time.time() - (channel.answered_at or channel.created_at)))
    clock = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return channel.id, channel.state, channel.caller, channel.to or channel.callee, channel.app or "", clock


def _count(found: int) -> str:
    return "there is none" if found == 0 else f"{found} calls begin so"


def _with_engine(
    act: Callable[[Engine], Awaitable[None]], *, socket: str | None, token: str | None, data: Path | None
) -> None:
    """Connect and act. Errors of the protocol are told by `main`."""
    connection = choose_connection(socket=socket, token=token, data=data)

    async def main() -> None:
        async with connect(connection.url, app="callflow-cli", token=connection.token) as engine:
            await act(engine)

    with suppress(KeyboardInterrupt):  # what one ends a follower with
        trio.run(main)


async def _read_events(engine: Engine, patterns: list[str]) -> AsyncIterator[Happening]:
    await engine.subscribe(*patterns)
    while True:
        try:
            async for happening in engine.events():
                yield happening
        except EventsMissed as missed:
            complain(str(missed))


def _plain(happening: Happening) -> dict[str, Any]:
    """An event as the reference describes it."""
    frame, event = happening
    plain: dict[str, Any] = {"seq": frame.seq, "at": frame.at, "name": frame.name}
    if frame.channel is not None:
        plain["channel"] = frame.channel
    if frame.call_seq is not None:
        plain["call_seq"] = frame.call_seq
    plain["data"] = msgspec.to_builtins(event) if event is not None else {}
    return plain


def _print_event(happening: Happening) -> None:
    frame, event = happening
    clock = datetime.fromtimestamp(frame.at).strftime("%H:%M:%S.%f")[:-3]
    data = msgspec.to_builtins(event) if event is not None else {}
    told = "  ".join(f"{key}={_short(value)}" for key, value in data.items())
    console = stdout()
    console.print(f"[dim]{clock}[/]  {escape(frame.channel or '-'):<14}  [bold]{frame.name}[/]  {escape(told)}")


def _short(value: object) -> str:
    if isinstance(value, dict):
        return "(" + " ".join(f"{key}={_short(item)}" for key, item in value.items() if item is not None) + ")"
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
