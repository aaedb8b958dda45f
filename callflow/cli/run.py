"""`callflow run`, `serve` and `check`: an engine in the foreground, and its configuration."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket as sockets
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import trio
import typer

from engine.config import (
    App,
    Config,
    Sip,
    check_socket,
    join_host_port,
    load,
    parse_address,
    parse_listener,
)

from .banner import print_banner
from .log import configure_log
from .output import Refused, stderr, stdout
from .place import RunningEngine, data_folder, leave_note
from .users import load_users

if TYPE_CHECKING:
    from engine.app import Engine

_T = TypeVar("_T")


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
    folder = data_folder(data)
    apps = tuple(_app(script) for script in scripts)
    names = [app.name for app in apps]
    if len(set(names)) < len(names):
        raise Refused(f"expected scripts with different names, got {', '.join(names)}: each is an app of that name")
    try:
        users = load_users(folder)
    except OSError as error:
        raise Refused(f"cannot keep data in {folder}: {error.strerror}; say another with --data DIR") from error
    _start(Config(apps=apps, users=users), sip=sip, socket=socket, data=folder, shows_passwords=True)


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
    counts = ((len(read.users), "user"), (len(read.apps), "app"), (len(read.routes), "route"))
    listening = ", ".join(map(str, read.sip.listen))
    told = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for count, name in counts)
    stdout().print(f"{config}: good: SIP on {listening}; {told}", markup=False)


def _app(script: Path) -> App:
    if not script.is_file():
        raise Refused(f"expected a script, but there is no file {str(script)!r}")
    return App(name=re.sub(r"[^A-Za-z0-9_.-]", "_", script.stem).lstrip("_.-")[:64] or "app", script=script.resolve())


def _start(config: Config, *, sip: Sequence[str] | None, socket: str | None, data: Path, shows_passwords: bool) -> None:
    configure_log()
    config = _override(config, sip=sip, socket=socket, data=data)
    error = trio.run(partial(_run_engine, config, shows_passwords=shows_passwords))
    if error is not None:
        if (why := _why(error, config)) is None:
            raise error
        raise Refused(why) from error


def _override(config: Config, *, sip: Sequence[str] | None, socket: str | None, data: Path) -> Config:
    """What the command line says goes before what the file says."""
    if sip:
        config = replace(config, sip=Sip(listen=tuple(_read_option(parse_listener, text, "--sip") for text in sip)))
    if socket is not None:
        config = replace(config, socket=replace(config.socket, listen=_read_option(parse_address, socket, "--socket")))
    check_socket(config.socket)
    return replace(config, data=data)


def _read_option(read: Callable[[str], _T], text: str, option: str) -> _T:
    try:
        return read(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


async def _run_engine(config: Config, *, shows_passwords: bool) -> Exception | None:
    """Run an engine until a signal ends it. What kept it from starting is returned."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            running: list[Engine] = []
            nursery.start_soon(_heed_signals, signals, nursery.cancel_scope, running)
            try:
                engine: Engine = await nursery.start(_serve, config)
                running.append(engine)
            except Exception as error:
                nursery.cancel_scope.cancel()
                return error
            note = _note(engine, config)
            with leave_note(note):
                print_banner(config, note, engine.patterns, shows_passwords=shows_passwords)
                await trio.sleep_forever()
    return None


async def _serve(config: Config, *, task_status: trio.TaskStatus[Engine]) -> None:
    from engine.app import serve

    await serve(config, task_status=task_status)


async def _heed_signals(signals: AsyncIterator[int], scope: trio.CancelScope, running: Sequence[Engine]) -> None:
    async for number in signals:
        if number == signal.SIGHUP:
            for engine in running:
                engine.supervisor.reload_all()
            continue
        stderr().print(f"{signal.Signals(number).name}: ending calls ...")
        scope.cancel()
        return


def _note(engine: Engine, config: Config) -> RunningEngine:
    return RunningEngine(
        pid=os.getpid(),
        socket=engine.socket_url,
        sip=[str(listener) for listener in engine.listeners],
        data=str(config.data),
        started_at=time.time(),
        config=str(config.path.absolute()) if config.path is not None else None,
    )


def _why(error: Exception, config: Config) -> str | None:
    """Why the engine did not start, if it is for the user to mend; None if it is our fault."""
    from engine.eventsocket.tokens import ExposureError
    from engine.scripting.supervised import LoadFailed

    if isinstance(error, LoadFailed):
        return f"{error}: {error.report.rstrip().splitlines()[-1]}"  # the log has said where
    if isinstance(error, ExposureError):
        return str(error)
    return explain(error, config) if isinstance(error, OSError) else None


def explain(error: OSError, config: Config) -> str:
    """What the system refused, in words that name the address and the way out."""
    for name, kind, (host, port), way_out in _places(config):
        problem = _try_to_bind(kind, host, port)
        if problem == errno.EADDRINUSE:
            return f"{name} is in use by another program; take another with {way_out}"
        if problem is not None:
            return f"{name} cannot be listened on: {os.strerror(problem)}; take another with {way_out}"
    return str(error)


def _places(config: Config) -> Iterator[tuple[str, sockets.SocketKind, tuple[str, int], str]]:
    for transport, host, port in config.sip.listen:
        kind = sockets.SOCK_DGRAM if transport == "udp" else sockets.SOCK_STREAM
        name = f"{transport}:{join_host_port(host, port)}"
        yield name, kind, (host, port), f"--sip {transport}:{join_host_port(host, 5070 if port != 5070 else 5080)}"
    address = config.rtp_address
    yield f"the media address {address}", sockets.SOCK_DGRAM, (address, 0), "address in [rtp]"
    host, port = config.socket.listen
    way_out = f"--socket {join_host_port(host, 7444 if port != 7444 else 7445)}"
    yield f"the event socket's {join_host_port(host, port)}", sockets.SOCK_STREAM, (host, port), way_out


def _try_to_bind(kind: sockets.SocketKind, host: str, port: int) -> int | None:
    """The error number that binding this address fails with, None if it does not."""
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    with closing(sockets.socket(family, kind)) as probe:
        if kind is sockets.SOCK_STREAM:  # as listeners do: what lingers in TIME_WAIT is no obstacle
            probe.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            if kind is sockets.SOCK_STREAM:
                probe.listen(1)
        except OSError as error:
            return error.errno
    return None
