"""`callflow run`, `serve` and `check`: an engine, and its configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.config import load

from .options import DataOption, SipOption, SocketOption, told_with_usage
from .output import stdout
from .starting import Start


def run(
    scripts: Annotated[
        list[Path], typer.Argument(metavar="SCRIPT", help="Scripts with an app each, in Python or Lua.")
    ],
    sip: SipOption = None,
    socket: SocketOption = None,
    data: DataOption = None,
) -> None:
    """Start an engine that runs these scripts. No configuration is needed.

    The users alice and bob can register; their passwords are made at the first start, kept in DATA/users.toml,
    and printed. Calls go to the routes of the scripts. Ctrl-C ends the calls and the engine.

    Examples:

        callflow run ivr.py

        callflow run ivr.py queue.py --sip udp:127.0.0.1:5070
    """
    with told_with_usage():
        Start(scripts=scripts, sip=sip, socket=socket, data=data).begin()


def serve(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration, in TOML.")],
    sip: SipOption = None,
    socket: SocketOption = None,
    data: DataOption = None,
) -> None:
    """Start an engine as a configuration file says.

    Example:

        callflow serve --config callflow.toml
    """
    with told_with_usage():
        Start(config=config, sip=sip, socket=socket, data=data).begin()


def check(
    config: Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration, in TOML.")],
) -> None:
    """Check a configuration file without starting anything.

    Example:

        callflow check --config callflow.toml
    """
    read = load(config)
    counts = [(len(read.users), "user"), (len(read.apps), "app"), (len(read.routes), "route")]
    if read.trunks:
        counts.append((len(read.trunks), "trunk"))
    listening = ", ".join(map(str, read.sip.listen))
    told = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)
    stdout().print(f"{config}: good: SIP on {listening}; {told}", markup=False)
