"""Options of several commands, as typer reads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from .output import BadOption

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
SipOption = Annotated[
    list[str] | None,
    typer.Option("--sip", metavar="udp:HOST:PORT", help="Where SIP is received; repeatable, also as tcp:HOST:PORT."),
]
SocketOption = Annotated[
    str | None, typer.Option("--socket", metavar="HOST:PORT", help="Where the event socket listens.")
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="DIR",
        help="Where the engine keeps its files. [default: $CALLFLOW_DATA or ~/.local/share/callflow]",
    ),
]


@contextmanager
def told_with_usage() -> Iterator[None]:
    """What is wrong with an option, typer tells. Raises typer.BadParameter for BadOption."""
    try:
        yield
    except BadOption as error:
        raise typer.BadParameter(str(error), param_hint=error.option) from error
