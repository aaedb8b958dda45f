"""The workers' door: a Unix socket for this user alone."""

import os
import stat
from functools import partial

import pytest
import trio

from callflow.protocol.frames import Hello
from engine.eventsocket.tokens import Token, Tokens
from engine.eventsocket.worker import serve_worker
from tests.trio_tests import run_trio

from .engine import App, running_engine

WORKER = Token("worker ivr", "worker-secret", frozenset({"calls:own"}), app="ivr")


async def serve(engine, path):
    return await engine.nursery.start(partial(serve_worker, engine.sockets, tokens=Tokens([WORKER])), path)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@run_trio
async def test_a_worker_is_let_in_with_its_pid(tmp_path):
    path = tmp_path / "run" / "workers"
    async with running_engine() as engine:
        monitor = await engine.app("monitor", subscribe=("app.connected",))
        await serve(engine, path)
        assert (mode(path.parent), mode(path)) == (0o700, 0o600)
        app = App(await trio.open_unix_socket(path))
        await app.send(Hello(app="ivr", token=WORKER.secret, routes=("1...",)))
        assert (await app.next()).session
        await monitor.event()
        connected = monitor.connection.event(await monitor.event())
        assert (connected.app, connected.pid, connected.routes) == ("ivr", os.getpid(), ("1...",))
        engine.call("c1")
        assert (await app.event()).channel == "c1"
        await app.close()
    assert not path.exists()


@run_trio
async def test_a_worker_is_its_own_app_only(tmp_path):
    async with running_engine() as engine:
        app = App(await trio.open_unix_socket(await serve(engine, tmp_path / "run" / "workers")))
        await app.send(Hello(app="other", token=WORKER.secret))
        assert "is for the app 'ivr'" in (await app.next()).error.message
        await app.close()


@run_trio
async def test_the_socket_of_a_run_that_was_killed_is_in_nobodys_way(tmp_path):
    path = tmp_path / "run" / "workers"
    async with running_engine() as engine:
        await serve(engine, path)
        left_behind = path.with_name("kept")
        path.rename(left_behind)
    left_behind.rename(path)
    async with running_engine() as engine:
        await (await trio.open_unix_socket(await serve(engine, path))).aclose()


@run_trio
async def test_a_folder_that_others_can_enter_and_a_path_too_long_are_refused(tmp_path):
    (tmp_path / "open").mkdir(mode=0o755)
    async with running_engine() as engine:
        with pytest.raises(PermissionError, match="0700"):
            await serve_worker(engine.sockets, tmp_path / "open" / "workers", tokens=Tokens())
        with pytest.raises(ValueError, match="at most 107 octets"):
            await serve_worker(engine.sockets, tmp_path / ("x" * 100) / "workers", tokens=Tokens())
