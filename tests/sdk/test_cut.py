"""Connections that are cut again and again between a real engine and what steers and watches it."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import anyio.abc
import trio

from callflow import App, Call, ChannelEnded, Disconnected, Tone, Unreachable
from callflow.client import connect, join
from callflow.phone import DigitsPressed, Phone
from callflow.protocol.events import AppConnected
from callflow.protocol.frames import Resume
from engine.media.engine import NativeMediaEngine
from engine.sip.stack import SipStack
from engine.transport.endpoint import Endpoint
from tests.interop.engine import RunningEngine, engine
from tests.trio_tests import run_trio

STEPS = 20
CUTS = 12
CALLS = 50
MANY_CUTS = 70
DIGITS = "1234567890" * 2  # of each call: 50 calls press 250 keys a second, of two events each


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
        wire = Wire(*address_of(running.socket))
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


@run_trio
async def test_ledgers_kept_over_a_wire_that_is_cut_agree_with_the_call_records(tmp_path: Path) -> None:
    app = App("keeper")
    kept: dict[str, int] = {}  # the app's own ledger: how each call ended
    steps: dict[str, list[int]] = defaultdict(list)  # the monitor's, of each channel

    @app.route("701")
    async def keeper(call: Call) -> None:
        @call.after_hangup
        async def keep(ended: ChannelEnded) -> None:
            assert call.id not in kept
            kept[call.id] = ended.cause

        await call.policy(wait=20)
        await call.answer()
        await call.wait_hangup()

    async with engine(tmp_path) as running, trio.open_nursery() as nursery:
        wire = Wire(*address_of(running.socket))
        url = f"ws://127.0.0.1:{await nursery.start(wire.serve)}/v1/socket"
        watching = await nursery.start(watch_all, url, running.token, steps)
        nursery.start_soon(partial(join, url, app, token=running.token))
        async with phone() as device:
            await connected(running, app.name)
            calls = [await device.call(running.sip("701")) for _ in range(CALLS)]
            for call in calls:
                assert await call.wait_answered()
            began = trio.current_time()
            for call in calls:
                call.press(DIGITS)
            while wire.cuts < MANY_CUTS:
                wire.cut()
                await trio.sleep(0.06)
            for call in calls:
                assert await call.wait_event(DigitsPressed)
                call.hang_up()
                await call.wait_ended()
        async with connect(running.socket, token=running.token) as link:
            status = await link.status()
            records = {record.channel: record.cause for record in await link.records()}
        while watching.position.seq < status.seq or len(kept) < CALLS:  # noqa: ASYNC110 - two that know no events
            await trio.sleep(0.05)
        rate = sum(map(len, steps.values())) / (trio.current_time() - began)
        nursery.cancel_scope.cancel()
    assert kept == records
    assert len(records) == CALLS
    assert all(seen == list(range(1, len(seen) + 1)) for seen in steps.values())
    assert all(len(seen) > 2 * len(DIGITS) for seen in steps.values())
    assert rate > 100, rate


class Watching:
    """How far the monitor has come."""

    position = Resume(epoch="", seq=0)


async def watch_all(
    url: str, token: str, steps: dict[str, list[int]], *, task_status: trio.TaskStatus[Watching]
) -> None:
    """Note the numbers of all events of each channel, over one connection after another."""
    watching, resume = Watching(), None
    while True:
        try:
            async with connect(url, token=token, subscribe=["*"], resume=resume) as link:
                if resume is None:
                    task_status.started(watching)
                resume = watching.position = link.position
                async for frame, _ in link.events():
                    resume = watching.position = link.position
                    if frame.channel is not None and frame.call_seq is not None:
                        steps[frame.channel].append(frame.call_seq)
        except (Disconnected, Unreachable):
            await trio.sleep(0.01)


@asynccontextmanager
async def phone() -> AsyncGenerator[Phone, None]:
    """A phone with many lines."""
    media = NativeMediaEngine("127.0.0.1", (49152, 65535))
    stack = SipStack(new_token=lambda: secrets.token_hex(8))
    device = Phone(lambda on_event: Endpoint(stack, on_event=on_event), media)
    async with trio.open_nursery() as nursery:
        await nursery.start(device.endpoint.run)
        nursery.start_soon(media.run)
        await device.endpoint.listen("udp", "127.0.0.1", 0)
        yield device
        nursery.cancel_scope.cancel()


async def connected(running: RunningEngine, app: str) -> None:
    """Wait until the engine has an app."""
    async with connect(running.socket, token=running.token, subscribe=["app.connected"]) as link:
        while app not in [state.id for state in await link.apps()]:
            await anext(link.events())


def address_of(socket: str) -> tuple[str, int]:
    host, port = socket.removeprefix("ws://").removesuffix("/v1/socket").split(":")
    return host, int(port)
