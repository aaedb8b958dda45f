"""Which engine a command is for: the options that say so, and the connection to it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Concatenate, ParamSpec

import trio
import typer

from callflow.client import Engine, connect

from .place import Connection, choose_connection

Options = ParamSpec("Options")

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="If several engines run here: the one with this data folder."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What the options say, as typer reads them from these fields."""

    socket: Annotated[
        str | None,
        typer.Option(
            "--socket", metavar="URL", help="The engine's event socket, ws://HOST:PORT/v1/socket. [default: found]"
        ),
    ] = None
    token: Annotated[
        str | None,
        typer.Option("--token", metavar="TOKEN", help="A token of that engine. [default: $CALLFLOW_TOKEN or found]"),
    ] = None
    data: DataOption = None
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            help="Who signed the certificate of a wss:// address, in PEM. [default: whom the system trusts]",
        ),
    ] = None

    def connection(self) -> Connection:
        """How to reach it. Raises Refused if none runs."""
        return choose_connection(socket=self.socket, token=self.token, data=self.data, ca=self.ca)


def choosing_engine(command: Callable[Concatenate[Where, Options], None]) -> Callable[Options, None]:
    """The command with the options of `Where` behind its own, which it is given as its first argument."""
    own = inspect.signature(command, eval_str=True)
    mine = list(inspect.signature(Where, eval_str=True).parameters.values())
    names = [field.name for field in fields(Where)]

    @functools.wraps(command)
    def run(*args: Options.args, **options: Options.kwargs) -> None:
        where = Where(**{name: options.pop(name) for name in names})  # type: ignore[arg-type]
        command(where, *args, **options)

    parameters = [each.replace(kind=each.KEYWORD_ONLY) for each in [*list(own.parameters.values())[1:], *mine]]
    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # which typer reads
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def with_engine(act: Callable[[Engine], Awaitable[None]], where: Where) -> None:
    """Connect and act. Errors of the protocol are told by `main`."""
    connection = where.connection()

    async def main() -> None:
        async with connect(
            connection.url, app="callflow-cli", token=connection.token, ssl_context=connection.ssl_context
        ) as engine:
            await act(engine)

    with suppress(KeyboardInterrupt):  # what one ends a follower with
        trio.run(main)
