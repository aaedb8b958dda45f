"""The engine that is measured: the real one, alone on its core; its app in a worker, beyond a WebSocket or ESL."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from socket import SOCK_DGRAM, SOCK_STREAM, SocketKind, socket
from tempfile import mkdtemp
from typing import Literal, TypeAlias

import trio

from callflow.client import connect
from engine.sdp.security import Policy

from . import script
from .bench import Bench
from .process import children, cpu_seconds, on_core, pin

Door: TypeAlias = Literal["worker", "lua", "websocket", "none"]

PROMPT_SECONDS = 5
START_WITHIN = 30.0  # seconds
STOP_WITHIN = 10.0
QUIET_WITHIN = 15.0  # seconds for an engine to be done with what came before
_LOOK_EVERY = 0.25
_QUIET = 0.04  # of a core
CONFIG = """\
[sip]
listen = ["udp:127.0.0.1:{port}"]
srtp = "{srtp}"
[rtp]
address = "127.0.0.1"
ports = "20000-39999"
threads = {threads}
{rtp}
[socket]
listen = "127.0.0.1:0"
"""
APP = """\
[[app]]
name = "benchmark"
script = "{script}"
[[route]]
to = ".*"
app = "benchmark"
"""
ESL_PASSWORD = "of-the-benchmark"
ESL = """\
[esl]
listen = "127.0.0.1:{listen}"
password = "{password}"
[[route]]
to = ".*"
socket = "esl://127.0.0.1:{port}?async&full"
"""

_SUFFIXES: dict[Door, str] = {"worker": ".py", "lua": ".lua"}  # of scripts that the engine runs


class EngineFailed(Exception):
    """The engine did not start, or did not stop."""


@dataclass(frozen=True, slots=True)
class RunningEngine:
    """An engine that is up, with its app. `app` is the process of that: the worker, or the one beyond a WebSocket.

    Behind the door "none" there is nobody, a script in Lua runs in the engine itself: `app` is 0. `pid` 0: it is
    another server, of which nothing is known but where it listens.
    """

    pid: int
    app: int
    server: tuple[str, int]  # SIP over UDP
    socket: str
    token: str
    esl: tuple[str, int] = ("", 0)  # where FreeSWITCH's clients are let in, behind that door
    called: int = 0  # the process that answers what the app dials, if there is one

    def cpu(self) -> float:
        """CPU seconds of the engine so far."""
        return cpu_seconds(self.pid) if self.pid else 0.0

    def app_cpu(self) -> float:
        """CPU seconds of the app so far, and of whom it dials."""
        return sum(cpu_seconds(process) for process in (self.app, self.called) if process)

    async def wait_quiet(self) -> None:
        """Wait until it has nothing left to do."""
        with trio.move_on_after(QUIET_WITHIN):
            while True:
                before = self.cpu()
                await trio.sleep(_LOOK_EVERY)
                if self.cpu() - before < _QUIET * _LOOK_EVERY:
                    return

    async def wait_app(self, name: str) -> None:
        """Wait until an app has joined it."""
        async with connect(self.socket, token=self.token) as client:
            while not any(app.id == name and app.sessions for app in await client.apps()):  # noqa: ASYNC110
                await trio.sleep(0.02)

    async def idle_cpu(self, seconds: float) -> float:
        """CPU seconds per second of an engine that is left alone, in what state it is in."""
        before, started_at = self.cpu(), trio.current_time()
        await trio.sleep(seconds)
        return (self.cpu() - before) / (trio.current_time() - started_at)


@asynccontextmanager
async def running_engine(
    bench: Bench,
    door: Door = "worker",
    *,
    more: str = "",
    threads: int = 1,
    prompt: Path | None = None,
    srtp: Policy = "off",
    rtp: str = "",
) -> AsyncIterator[RunningEngine]:
    """Start an engine with the app of `script.py` or `script.lua`; on exit both are stopped. Raises EngineFailed.

    `more` is added to its configuration, `rtp` to that table of it; `prompt` is what it plays; `srtp`: of its phones.
    With several media threads it may use the core of the load, too.
    """
    folder = Path(mkdtemp(prefix="engine-", dir=bench.folder))
    started = started_process(bench, folder, door, more=more, threads=threads, prompt=prompt, srtp=srtp, rtp=rtp)
    async with started as process:
        with trio.fail_after(START_WITHIN):
            await _wait_ready(process, folder)
        note = json.loads((folder / "engine.json").read_text())
        host, _, listening = note["sip"][0].removeprefix("udp:").rpartition(":")
        token = (folder / "token").read_text().strip()
        engine = RunningEngine(process.pid, 0, (host, int(listening)), note["socket"], token)
        if door == "worker":
            engine = replace(engine, app=pin_worker(bench, process.pid) or 0)
        if door != "websocket":
            yield engine
            return
        async with _websocket_app(bench, engine) as app:
            with trio.fail_after(START_WITHIN):
                await engine.wait_app(script.app.name)
            yield replace(engine, app=app.pid)


@asynccontextmanager
async def running_esl_engine(bench: Bench) -> AsyncIterator[RunningEngine]:
    """An engine that lets FreeSWITCH's clients in, and dials `esl_app.py` for each call. Raises EngineFailed."""
    application, listen = free_port(SOCK_STREAM), free_port(SOCK_STREAM)
    more = ESL.format(listen=listen, password=ESL_PASSWORD, port=application)
    async with _esl_app(bench, application) as app, running_engine(bench, "none", more=more) as engine:
        yield replace(engine, app=app.pid, esl=("127.0.0.1", listen))


@asynccontextmanager
async def started_process(
    bench: Bench,
    folder: Path,
    door: Door,
    *,
    port: int = 0,
    more: str = "",
    threads: int = 1,
    prompt: Path | None = None,
    srtp: Policy = "off",
    rtp: str = "",
) -> AsyncIterator[trio.Process]:
    """The bare process, from its first instant. On exit it is asked to stop, and must."""
    config = folder / "callflow.toml"
    text = CONFIG.format(port=port, threads=threads, srtp=srtp, rtp=rtp) + more
    if door in _SUFFIXES:
        watched = folder / "app"  # a folder of its own, as an app has: what is written to the data wakes no watcher
        watched.mkdir()
        if prompt is None:
            write_prompt(watched / script.PROMPT)
        else:
            shutil.copy(prompt, watched / script.PROMPT)
        suffix = _SUFFIXES[door]
        copied = shutil.copy(Path(script.__file__).with_suffix(suffix), watched / f"benchmark{suffix}")
        text += APP.format(script=copied)
    config.write_text(text)
    command = [sys.executable, "-m", "callflow.cli", "serve", "--config", str(config), "--data", str(folder)]
    cores = bench.cores if threads > 1 else bench.cores[:1]
    with (folder / "log.txt").open("wb") as log:
        process = await trio.lowlevel.open_process(
            on_core(cores, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            env={**os.environ, "XDG_STATE_HOME": str(folder / "state"), "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": ""},
        )  # fmt: skip
    try:
        yield process
    finally:
        with trio.CancelScope(shield=True):
            await _stop(process)
    if process.returncode:
        raise EngineFailed(f"the engine ended with {process.returncode}:\n{(folder / 'log.txt').read_text()[-2000:]}")


def free_port(kind: SocketKind = SOCK_DGRAM) -> int:
    """A port nobody has right now."""
    with socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_prompt(path: Path) -> None:
    """Some seconds of noise as loud as speech, 16 bit at 8 kHz."""
    noise = random.Random(1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        samples = (int(noise.gauss(0, 2000)) for _ in range(PROMPT_SECONDS * 8000))
        file.writeframes(b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples))


def pin_worker(bench: Bench, pid: int) -> int | None:
    """Move the worker of an engine to the other core; its process, None while there is none."""
    with suppress(FileNotFoundError, ProcessLookupError):
        for worker in children(pid):
            pin(worker, bench.cores.load)
            return worker
    return None


async def _wait_ready(process: trio.Process, folder: Path) -> None:
    assert process.stdout is not None
    said = b""
    async for chunk in process.stdout:
        said += chunk
        if b"Ctrl-C" in said:
            return
    raise EngineFailed(f"the engine did not start:\n{said.decode()}{(folder / 'log.txt').read_text()[-2000:]}")


@asynccontextmanager
async def _websocket_app(bench: Bench, engine: RunningEngine) -> AsyncIterator[trio.Process]:
    command = [sys.executable, "-m", "benchmarks.websocket_app", engine.socket]
    app = await trio.lowlevel.open_process(
        on_core(bench.cores.load, command),
        stdin=subprocess.DEVNULL,
        env={**os.environ, "BENCHMARK_TOKEN": engine.token},
    )
    try:
        yield app
    finally:
        app.kill()
        with trio.CancelScope(shield=True):
            await app.wait()


@asynccontextmanager
async def _esl_app(bench: Bench, port: int) -> AsyncIterator[trio.Process]:
    command = [sys.executable, "-m", "benchmarks.esl_app", str(port)]
    app = await trio.lowlevel.open_process(
        on_core(bench.cores.load, command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    )
    assert app.stdout is not None
    try:
        with trio.fail_after(START_WITHIN):
            await app.stdout.receive_some()
        yield app
    finally:
        app.kill()
        with trio.CancelScope(shield=True):
            await app.stdout.aclose()
            await app.wait()


async def _stop(process: trio.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGINT)
    with trio.move_on_after(STOP_WITHIN):
        await process.wait()
        return
    process.kill()
    await process.wait()
