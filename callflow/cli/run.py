"""`callflow run`, `serve` and `check`: an engine, and its configuration."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import trio
import typer

from engine.config import App, Config, load

from .banner import print_banner
from .foreground import override, run_in_foreground
from .log import configure_log
from .output import Refused, stdout
from .place import RunningEngine, data_folder
from .users import load_users

if TYPE_CHECKING:
    from engine.app import Engine

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
    config = scripted(scripts, data_folder(data))
    _start(config, sip=sip, socket=socket, data=config.data, shows_passwords=True)


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
    _start(load(config), sip=sip, socket=socket, data=data_folder(data), shows_passwords=False)


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


def scripted(scripts: Sequence[Path], data: Path) -> Config:
    """The configuration of an engine that runs these scripts. Raises Refused."""
    apps = tuple(_app(script) for script in scripts)
    names = [app.name for app in apps]
    if len(set(names)) < len(names):
        raise Refused(f"expected scripts with different names, got {', '.join(names)}: each is an app of that name")
    try:
        users = load_users(data)
    except OSError as error:
        raise Refused(f"cannot keep data in {data}: {error.strerror}; say another with --data DIR") from error
    return Config(apps=apps, users=users, data=data)


def _app(script: Path) -> App:
    if not script.is_file():
        raise Refused(f"expected a script, but there is no file {str(script)!r}")
    return App(name=re.sub(r"[^A-Za-z0-9_.-]", "_", script.stem).lstrip("_.-")[:64] or "app", script=script.resolve())


def _start(config: Config, *, sip: Sequence[str] | None, socket: str | None, data: Path, shows_passwords: bool) -> None:
    config = override(config, sip=sip, socket=socket, data=data)

    async def greet(engine: Engine, note: RunningEngine) -> None:
        print_banner(config, note, engine.patterns, shows_passwords=shows_passwords)
        await trio.sleep_forever()

    configure_log()
    run_in_foreground(config, greet)
