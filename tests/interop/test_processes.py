"""The engine and its workers as processes: what dies, what goes on, and what is left."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import trio

from callflow.phone import Ended
from callflow.protocol.events import AppConnected, ChannelEnded, ScriptLoaded
from tests.trio_tests import run_trio

from . import needs
from .baresip import phone
from .engine import engine
from .places import CALLS, IVR
from .process import children, is_running, spares, until, workers
from .terminal import terminal
from .watch import Watch, watch
from .wire import message, peer


async def worker(seen: Watch, app: str) -> int:
    """The process of an app's worker."""
    [pid] = [session.pid for state in await seen.client.apps() if state.id == app for session in state.sessions]
    assert pid is not None
    return pid


@run_trio
async def test_a_killed_worker_takes_its_calls_along_and_no_others_and_is_replaced(tmp_path: Path):
    routes = {"30[0-9]{2}": "calls", "10[0-9]{2}": "ivr"}
    async with (
        engine(tmp_path / "engine", CALLS, IVR, routes=routes) as running,
        watch(running) as seen,
        terminal() as guest,
    ):
        doomed = [await guest.call(running.sip("3003")) for _ in range(2)]
        others = [await guest.call(running.sip("1002")) for _ in range(2)]
        for call in (*doomed, *others):
            assert await call.wait_answered()
        killed, spared = await worker(seen, "calls"), await worker(seen, "ivr")

        os.kill(killed, signal.SIGKILL)

        for call in doomed:
            assert await call.wait_ended() == Ended("peer", True, 0, "temporary_failure")
        over = await seen.wait("channel.ended", count=2)
        assert isinstance(over, ChannelEnded)
        assert over.ended_by == "engine"
        await seen.wait("app.connected", lambda event: isinstance(event, AppConnected) and event.app == "calls")
        loaded = await seen.wait("script.loaded")
        assert isinstance(loaded, ScriptLoaded)
        assert loaded.app == "calls"
        assert await worker(seen, "calls") == loaded.pid != killed
        assert not is_running(killed)
        assert await worker(seen, "ivr") == spared
        assert sorted([loaded.pid, spared]) == workers(running.process.pid)

        again = await guest.call(running.sip("3003"))
        assert await again.wait_answered()
        assert [call.ended for call in others] == [None, None]
        for call in (again, *others):
            assert await call.wait_sound()
        assert len(await running.listed("calls")) == 3


@run_trio
async def test_a_call_that_comes_while_the_worker_is_replaced_waits_for_it(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen, terminal() as guest:
        os.kill(await worker(seen, "calls"), signal.SIGKILL)
        await seen.wait("app.lost")
        call = await guest.call(running.sip("3003"))
        assert await call.wait_answered()


@needs.program("baresip")
@run_trio
async def test_ctrl_c_says_bye_to_every_call_and_leaves_no_process(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS, IVR) as running:
        async with watch(running) as seen, phone(tmp_path, running, seen, "alice") as alice, terminal() as guest:
            assert len(workers(running.process.pid)) == 2
            await until(lambda: spares(running.process.pid))
            processes = children(running.process.pid)
            up = [await guest.call(running.sip(number)) for number in ("3001", "3003", "1002")]
            for call in up:
                assert await call.wait_answered()
            unanswered = await guest.call(running.sip("3004"))
            assert await unanswered.wait_ringing()
            await alice.dial("3003")
            await alice.wait_event("CALL_ESTABLISHED")

            begun = trio.current_time()
            assert await running.interrupt() == 0
            assert trio.current_time() - begun < 20  # and not after the 32 s that SIP has for a silent peer

            for call in up:
                assert await call.wait_ended() == Ended("peer", True, 0, "normal_clearing")
            assert (await unanswered.wait_ended()).status == 503
            await alice.wait_event("CALL_CLOSED")
            await seen.client.wait_closed()
        assert [pid for pid in processes if is_running(pid)] == []
        assert not list(Path(running.data).glob("**/engine*.json"))
        assert "Traceback" not in running.log


@run_trio
async def test_an_engine_that_is_killed_leaves_no_worker_and_no_spare(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running:
        await until(lambda: spares(running.process.pid))
        processes = children(running.process.pid)
        running.process.kill()
        await running.process.wait()
        await until(lambda: not any(map(is_running, processes)))


@run_trio
async def test_an_engine_that_drains_ends_by_itself_with_its_last_call(tmp_path: Path):
    async with engine(tmp_path / "engine", CALLS) as running, watch(running) as seen:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(running.run, "dial", "3003")
            await seen.wait("channel.answered")
            assert "1 call left" in await running.command("drain")
            refused = await running.run("dial", "3003")
            assert "503" in refused.output + refused.errors
            async with peer("127.0.0.1", running.udp) as carrier:
                told = await carrier.ask(message("OPTIONS"))
                assert (told.status, 2 <= int(told.header("Retry-After") or 0) <= 10) == (503, True)
            await running.command("hangup", await seen.channel())
            assert await running.process.wait() == 0
