"""Connections that are cut again and again between a real engine and what steers and watches it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import anyio
import anyio.abc
import trio

from callflow import App, Call, ChannelEnded, Disconnected, Tone, Unreachable
from callflow.client import connect, join
from callflow.protocol.events import AppConnected
from callflow.protocol.frames import Resume
from tests.interop.engine import engine
from tests.trio_tests import run_trio

STEPS = 20
CUTS = 15


class Wire:
    """What stands between: it passes everything on, until it is cut; then it passes on what connects anew."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._scopes: set[anyio.CancelScope] = set()
        self.cuts = 0

    async def serve(self, *, task_status: anyio.abc.TaskStatus[int]) -> None:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with listener:
            task_status.started(listener.extra(anyio.abc.SocketAttribute.local_port))
            await listener.serve(self._pass)

    def cut(self) -> None:
        """Cut all connections, in the middle of whatever they carry."""
        self.cuts += 1
        for scope in self._scopes:
            scope.cancel()

    async def _pass(self, ours: anyio.abc.SocketStream) -> None:
        theirs = await anyio.connect_tcp(self._host, self._port)
        with anyio.CancelScope() as scope:
            self._scopes.add(scope)
            async with ours, theirs, anyio.create_task_group() as tasks:
                tasks.start_soon(self._copy, ours, theirs, scope)
                tasks.start_soon(self._copy, theirs, ours, scope)
        self._scopes.discard(scope)

    async def _copy(self, source: anyio.abc.ByteStream, to: anyio.abc.ByteStream, scope: anyio.CancelScope) -> None:
        try:
            async for data in source:
                await to.send(data)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            pass
        scope.cancel()


@run_trio
async def test_a_call_and_a_monitor_outlive_a_wire_that_is_cut_all_the_time(tmp_path: Path) -> None:
    app = App("patient")
    steps: list[int] = []
    ledger: dict[str, list[int]] = defaultdict(list)
    ends: list[ChannelEnded] = []
    watching, joined, begun, over = anyio.Event(), anyio.Event(), anyio.Event(), anyio.Event()

    @app.route("700")
    async def patient(call: Call) -> None:
        await call.policy(wait=20)
        await call.answer()
        for step in range(STEPS):
            await call.play(Tone("440", seconds=0.1))
            await call.set(step=str(step))
            assert await call.get("step") == {"step": str(step)}
            steps.append(step)
            begun.set()

    async def watch(url: str, token: str) -> None:
        position: Resume | None = None
        while not over.is_set():
            try:
                async with connect(url, token=token, subscribe=["*"], resume=position) as link:
                    position = link.position
                    watching.set()
                    async for frame, event in link.events():
                        position = link.position
                        if frame.channel is not None and frame.call_seq is not None:
                            ledger[frame.channel].append(frame.call_seq)
                        if isinstance(event, AppConnected) and event.app == app.name:
                            joined.set()
                        if isinstance(event, ChannelEnded):
                            ends.append(event)
                            over.set()
            except (Disconnected, Unreachable):
                await anyio.sleep(0.01)

    async with engine(tmp_path) as running, trio.open_nursery() as nursery:
        host, port = running.socket.removeprefix("ws://").removesuffix("/v1/socket").split(":")
        wire = Wire(host, int(port))
        url = f"ws://127.0.0.1:{await nursery.start(wire.serve)}/v1/socket"
        nursery.start_soon(watch, url, running.token)
        await watching.wait()

        async def steer() -> None:
            await join(url, app, token=running.token)

        nursery.start_soon(steer)
        await joined.wait()
        nursery.start_soon(running.run, "dial", running.sip("700"))
        await begun.wait()
        while not over.is_set():
            if wire.cuts < CUTS:
                wire.cut()
            await trio.sleep(0.15)
        nursery.cancel_scope.cancel()
    assert steps == list(range(STEPS))
    assert [(end.cause_name, end.ended_by) for end in ends] == [("normal_clearing", "app")]
    assert all(seen == list(range(1, len(seen) + 1)) for seen in ledger.values()), ledger
    assert wire.cuts == CUTS
