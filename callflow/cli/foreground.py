"""An engine in the foreground: started, told to the other commands, and ended by Ctrl-C."""

from __future__ import annotations

import errno
import logging
import os
import signal
import socket as sockets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import trio

from callflow.runtime import garbage
from engine.config import Config, check_socket, join_host_port, parse_address, parse_listener
from engine.event_logging import log_events
from engine.scripting.spare import Spare

from .log import level_of
from .output import BadOption, Refused, stderr
from .place import RunningEngine, leave_note, store_url

if TYPE_CHECKING:
    from engine.app import Engine

_T = TypeVar("_T")
# What is done while the engine runs; it is cancelled when that ends.
Beside: TypeAlias = "Callable[[Engine, RunningEngine], Awaitable[None]]"


def run_in_foreground(config: Config, beside: Beside, *, must_load: bool = True) -> None:
    """Run an engine until Ctrl-C. Raises Refused if it does not start for a reason that the user can mend.

    With `must_load` a script that does not load at first is such a reason.
    """
    error = trio.run(partial(_run_engine, partial(_serve, config, must_load=must_load), config, beside))
    if error is not None:
        if (why := _why(error, config)) is None:
            raise error
        raise Refused(why) from error


def override(config: Config, *, sip: Sequence[str] | None, socket: str | None, data: Path) -> Config:
    """What the command line and the environment say goes before what the file says.

    Raises BadOption, ConfigError, Refused.
    """
    if sip:
        listen = tuple(_read_option(parse_listener, text, "--sip") for text in sip)
        if config.sip.certificate is None and any(listener.transport in ("tls", "wss") for listener in listen):
            raise BadOption("--sip", "expected [sip] certificate in the configuration beside tls")
        config = replace(config, sip=replace(config.sip, listen=listen))
    if socket is not None:
        config = replace(config, socket=replace(config.socket, listen=_read_option(parse_address, socket, "--socket")))
    check_socket(config.socket)
    store = replace(config.store, url=store_url(config.store.url))
    return replace(config, data=data, store=store)


def _read_option(read: Callable[[str], _T], text: str, option: str) -> _T:
    try:
        return read(text)
    except ValueError as error:
        raise BadOption(option, str(error)) from error


async def _run_engine(start: Callable[..., Awaitable[None]], config: Config, beside: Beside) -> Exception | None:
    """Run an engine until a signal ends it. What kept it from starting is returned."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with trio.open_nursery() as nursery:
            running: list[Engine] = []

            async def run(*, task_status: trio.TaskStatus[Engine]) -> None:
                await start(task_status=task_status)
                nursery.cancel_scope.cancel()  # it was drained

            nursery.start_soon(_heed_signals, signals, nursery.cancel_scope, running)
            try:
                engine: Engine = await nursery.start(run)
                running.append(engine)
                if level_of(os.environ.get("CALLFLOW_LOG")) <= logging.DEBUG:
                    log_events(engine.switch.log)
                garbage.settle()
            except Exception as error:
                nursery.cancel_scope.cancel()
                return error
            note = _note(engine, config)
            with leave_note(note):
                await beside(engine, note)
    return None


async def _serve(config: Config, *, must_load: bool, task_status: trio.TaskStatus[Engine]) -> None:
    spare = Spare()
    if not all(app.is_embedded for app in config.apps):
        await spare.begin()  # another process, which imports its part while we import ours
    try:
        from engine.app import serve

        await serve(config, must_load=must_load, spare=spare, task_status=task_status)
    finally:
        await spare.end()


async def _heed_signals(signals: AsyncIterator[int], scope: trio.CancelScope, running: Sequence[Engine]) -> None:
    async for number in signals:
        if number == signal.SIGHUP:
            for engine in running:
                engine.supervisor.reload_all()
                for certificate in engine.certificates:
                    certificate.renew()
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
        certificate=str(config.socket.certificate) if config.socket.certificate is not None else None,
    )


def _why(error: Exception, config: Config) -> str | None:
    """Why the engine did not start, if it is for the user to mend; None if it is our fault."""
    from engine.eventsocket.certificate import CertificateError
    from engine.eventsocket.tokens import ExposureError
    from engine.scripting.flowtests import concerns_tests
    from engine.scripting.supervised import LoadFailed

    if isinstance(error, LoadFailed):
        if concerns_tests(error.reason):
            return f"{error.script}: {error.reason}"  # the log has said how
        return f"{error}: {error.report.rstrip().splitlines()[-1]}"  # the log has said where
    if isinstance(error, ExposureError | CertificateError):
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
