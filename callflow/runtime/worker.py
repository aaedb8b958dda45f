"""The process of one script: `python -m callflow.runtime.worker APP SCRIPT SOCKET`, started and watched by the engine.

It loads the script, connects to the engine's Unix socket, and runs calls until that socket ends or it is told to stop.
The token is in the environment (CALLFLOW_WORKER_TOKEN): arguments can be read by every user of the machine. It writes
to stderr alone. Exit codes: 0 told to stop, 1 no engine, or one that refused it, 2 usage, 3 the script does not load,
4 the engine closed the connection.

With `--spare` instead of the arguments it waits until it is told them, see spare.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import anyio
import msgspec

from callflow.errors import CallflowError, ScriptError
from callflow.session import run_app
from callflow.transport import StreamTransport

from . import garbage
from .heartbeat import LIMITS_VARIABLE, Heartbeat
from .loader import load_app
from .log import configure_log
from .printing import CallPrinter
from .spare import Assignment, name_process, wait_for_assignment

TOKEN_VARIABLE = "CALLFLOW_WORKER_TOKEN"
WORLD_VARIABLE = "CALLFLOW_WORKER_WORLD"
EXIT_LOST = 1
EXIT_USAGE = 2
EXIT_SCRIPT = 3
EXIT_CLOSED = 4

WORKER_LOGGER = "callflow.worker"

log = logging.getLogger(WORKER_LOGGER)

Run: TypeAlias = Callable[[StreamTransport], Awaitable[None]]


def main(arguments: Sequence[str]) -> int:
    """Run a worker; its exit code."""
    # None of them is for the script's own child processes.
    token, limits = os.environ.pop(TOKEN_VARIABLE, ""), os.environ.pop(LIMITS_VARIABLE, "")
    world = os.environ.pop(WORLD_VARIABLE, "")
    if list(arguments) == ["--spare"]:
        assignment = wait_for_assignment()
        return _load_and_work(assignment) if assignment is not None else 0
    if len(arguments) != 3:
        sys.stderr.write("usage: python -m callflow.runtime.worker APP SCRIPT SOCKET\n")
        return EXIT_USAGE
    name, script, socket = arguments
    return _load_and_work(Assignment(name, script, socket, token, limits, world))


def _load_and_work(given: Assignment) -> int:
    name_process(f"cf-{given.app}")
    configure_log()
    sys.stdout = CallPrinter(sys.stdout)
    heartbeat = _watched(given.limits)
    try:
        run, backend = _load(given)
    except ScriptError as error:
        log.error("cannot load %s", error, extra={"traceback": error.report})
        return EXIT_SCRIPT
    garbage.settle()
    try:
        return anyio.run(_work, run, given.socket, heartbeat, backend=backend)
    except KeyboardInterrupt:
        return 0


def _load(given: Assignment) -> tuple[Run, str]:
    """What runs the script over a connection, and in which event loop. Raises ScriptError."""
    script, name, token = Path(given.script), given.app, given.token or None
    if script.suffix == ".lua":
        from .lua.process import run_script  # most workers run Python, and need no Lua
        from .lua.script import LuaScript
        from .lua.worldspec import WorldSpec

        loaded = LuaScript(script, epoch=time.time(), seed=secrets.randbits(62))
        world = msgspec.json.decode(given.world, type=WorldSpec) if given.world else WorldSpec()
        return partial(run_script, loaded, name=name, token=token, pid=os.getpid(), world=world), "asyncio"
    app = load_app(script, name)
    return partial(run_app, app, name=name, token=token, pid=os.getpid()), app.backend


def _watched(wanted: str) -> Heartbeat | None:
    """Let the engine watch, if it wants to."""
    try:
        heartbeat = Heartbeat.open(wanted) if wanted else None
    except OSError as error:
        log.warning("the engine does not watch: %s", error)
        return None
    if heartbeat is not None:
        heartbeat.prepare()
    return heartbeat


async def _work(run: Run, socket: str, heartbeat: Heartbeat | None) -> int:
    code = 0
    async with anyio.create_task_group() as tasks:
        if heartbeat is not None:
            tasks.start_soon(heartbeat.run)
        tasks.start_soon(_stop_on_signal, tasks.cancel_scope)
        code = await _run(run, socket)
        tasks.cancel_scope.cancel()
    return code


async def _run(run: Run, socket: str) -> int:
    try:
        stream = await anyio.connect_unix(socket)
        await run(StreamTransport(stream))
    except ScriptError as error:
        log.error("%s", error)
        return EXIT_LOST
    except (OSError, CallflowError) as error:
        log.error("no engine at %s: %s", socket, error)
        return EXIT_LOST
    log.info("the engine closed the connection")
    return EXIT_CLOSED


async def _stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        async for _ in signals:
            scope.cancel()
            return


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
