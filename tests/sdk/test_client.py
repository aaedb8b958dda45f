"""Engines from outside, over real WebSockets on loopback, both ends ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.abc
import pytest

from callflow import BadArgument, Call, Disconnected, NotFound, NotOwner, Unauthorized, Unreachable
from callflow.client import connect, join, serve
from callflow.errors import EventsMissed
from callflow.protocol import commands, events
from callflow.protocol.connection import MessageReader, prefixed
from callflow.protocol.frames import BridgeState, CaughtUp, ChannelState, EventFrame, Gap, Resume, Snapshot
from callflow.protocol.queries import AppState, EngineStatus, RegistrationState
from callflow.state import State
from callflow.websocket import WebSocketTransport, accept_websocket, open_websocket
from tests.sdk.backends import on_both_backends
from tests.sdk.scripted_engine import ScriptedEngine, app_of

TOKEN = "a token"
ALICE = ChannelState(
    id="ch-1", direction="inbound", state="answered", caller="alice", callee="1000", to="1000", created_at=1.0
)
STATUS = EngineStatus(
    engine="test", epoch="e", seq=1, started_at=0.0, channels=1, bridges=0, registrations=0, sessions=1
)


class AsStream:
    """A WebSocket, spelled as the byte stream that the scripted engine speaks over."""

    def __init__(self, transport: WebSocketTransport) -> None:
        self._transport = transport
        self._reader = MessageReader()

    async def send(self, data: bytes) -> None:
        for message in self._reader.feed(data):
            await self._transport.send(message)

    async def receive(self) -> bytes:
        return b"".join(prefixed(message) for message in await self._transport.receive())

    async def aclose(self) -> None:
        await self._transport.aclose()


@asynccontextmanager
async def engine_at(
    scenario: Callable[[ScriptedEngine], Awaitable[None]],
) -> AsyncGenerator[str, None]:
    """An engine for one connection after another, each of which follows the scenario; gives its URL."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")

    async def take(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            try:
                transport = await accept_websocket(stream, is_token=lambda token: token == TOKEN)
            except (Unauthorized, Unreachable):
                return
            await scenario(ScriptedEngine(AsStream(transport)))
            await transport.aclose()

    async with listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, take)
        yield f"ws://127.0.0.1:{listener.extra(anyio.abc.SocketAttribute.local_port)}/v1/socket"
        tasks.cancel_scope.cancel()


@on_both_backends
async def test_a_monitor_lists_channels_page_by_page_and_hangs_one_up():
    first = [ALICE] * 100

    async def scenario(engine: ScriptedEngine) -> None:
        hello = await engine.greet()
        assert (hello.app, hello.routes) == ("monitor", ())
        _, listing = await engine.accept(commands.Channels, data=first)
        assert listing.after == ""
        _, listing = await engine.accept(commands.Channels, data=[ALICE])
        assert listing.after == "ch-1"
        frame, hangup = await engine.accept(commands.Hangup)
        assert (frame.channel, hangup.cause) == ("ch-1", "user_busy")
        await engine.accept(commands.Status, data=STATUS)

    async with engine_at(scenario) as url, connect(url, token=TOKEN) as engine:
        assert len(await engine.channels()) == 101
        await engine.hangup("ch-1", cause="user_busy")
        assert await engine.status() == STATUS
        await engine.wait_closed()


@on_both_backends
async def test_a_monitor_lists_bridges_registrations_and_apps():
    bridge = BridgeState(id="b", channels=("one", "two"))
    contact = RegistrationState(id="c", user="alice", contact="sip:alice@192.0.2.1", expires_at=9.0)
    app = AppState(id="ivr", routes=("1000",))

    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        await engine.accept(commands.Bridges, data=[bridge])
        await engine.accept(commands.Registrations, data=[contact])
        await engine.accept(commands.Apps, data=[app])

    async with engine_at(scenario) as url, connect(url, token=TOKEN) as engine:
        assert await engine.bridges() == [bridge]
        assert await engine.registrations() == [contact]
        assert await engine.apps() == [app]


@on_both_backends
async def test_a_monitor_reads_typed_events_until_the_engine_goes():
    async def scenario(engine: ScriptedEngine) -> None:
        hello = await engine.greet()
        assert hello.subscribe == ("channel.*",)
        await engine.emit(events.ChannelRinging(), "ch-1")
        await engine.emit(events.ChannelAnswered(codec="PCMU"), "ch-1")

    async with engine_at(scenario) as url, connect(url, token=TOKEN, subscribe=["channel.*"]) as engine:
        reader = engine.events()
        frame, event = await anext(reader)
        assert (frame.channel, event) == ("ch-1", events.ChannelRinging())
        _, event = await anext(reader)
        assert event == events.ChannelAnswered(codec="PCMU")
        with pytest.raises(Disconnected):
            await anext(reader)


@on_both_backends
async def test_a_reader_that_stopped_is_sent_no_more_until_it_asks_for_a_reply():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        for _ in range(3000):
            await engine.emit(events.ChannelRinging(), "ch-1")
        await engine.accept(commands.Status, data=STATUS)

    async with engine_at(scenario) as url, connect(url, token=TOKEN, subscribe=["*"]) as engine:
        assert await engine.status() == STATUS
        reader = engine.events()
        for _ in range(3000):
            frame, _ = await anext(reader)
        assert frame.seq == 3000


@on_both_backends
async def test_a_gap_is_told_to_the_reader():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        await engine.send(Gap(from_=5, to=9), Snapshot(channels=(ALICE,), more=True), Snapshot(), CaughtUp(seq=9))
        await engine.emit(events.ChannelRinging(), "ch-1")
        await engine.accept(commands.Subscribe)

    async with engine_at(scenario) as url, connect(url, token=TOKEN, subscribe=["*"]) as engine:
        with pytest.raises(EventsMissed, match="events 5 to 9 are gone") as missed:
            await anext(engine.events())
        assert missed.value.state == State(seq=9, channels=(ALICE,))
        assert engine.position == Resume(epoch="e", seq=9)
        _, event = await anext(engine.events())
        assert event == events.ChannelRinging()
        await engine.subscribe("bridge.*")


@on_both_backends
async def test_a_monitor_that_comes_back_says_how_far_it_was():
    async def scenario(engine: ScriptedEngine) -> None:
        hello = await engine.greet()
        if hello.resume is None:
            for _ in range(3):
                await engine.emit(events.ChannelRinging(), "ch-1")
        else:
            await engine.send(EventFrame(seq=hello.resume.seq + 1, at=0.0, name="later", channel="ch-1"))

    async with engine_at(scenario) as url:
        async with connect(url, token=TOKEN, subscribe=["*"]) as engine:
            reader = engine.events()
            assert [(await anext(reader)).frame.seq for _ in range(2)] == [1, 2]
            position = engine.position
        assert position == Resume(epoch="e", seq=2)
        async with connect(url, token=TOKEN, subscribe=["*"], resume=position) as engine:
            frame, event = await anext(engine.events())
        assert (frame.seq, event, engine.position.seq) == (3, None, 3)


@on_both_backends
async def test_the_state_holds_what_happened_before_it():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        await engine.emit(events.ChannelRinging(), "ch-1")
        await engine.emit(events.ChannelAnswered(), "ch-1")
        frame, _ = await engine.take(commands.SnapshotCommand)
        await engine.send(engine.connection.reply(frame.id, seq=2), Snapshot(channels=(ALICE,)), CaughtUp(seq=2))
        await engine.emit(events.ChannelHeld(), "ch-1")
        await engine.take(commands.SnapshotCommand)

    async with engine_at(scenario) as url, connect(url, token=TOKEN, subscribe=["*"]) as engine:
        assert await engine.state() == State(seq=2, channels=(ALICE,))
        assert engine.position.seq == 2
        assert (await anext(engine.events())).event == events.ChannelHeld()
        with pytest.raises(Disconnected):
            await engine.state()


@on_both_backends
async def test_commands_go_by_name_and_refusals_raise():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()
        _, play = await engine.accept(commands.Play)
        assert play.sources == ("hello.wav",)
        await engine.refuse(commands.Hangup, "not_found", "there is no channel nowhere")

    async with engine_at(scenario) as url, connect(url, token=TOKEN) as engine:
        await engine.command("play", channel="ch-1", sources=["hello.wav"])
        with pytest.raises(NotFound, match="hangup: there is no channel nowhere"):
            await engine.hangup("nowhere")
        with pytest.raises(BadArgument, match=r"there is no such command; there are abandon, .*answer, "):
            await engine.command("explode")
        with pytest.raises(BadArgument, match="unknown field `loud`"):
            await engine.command("play", sources=["a"], loud=True)


@on_both_backends
async def test_what_cannot_be_connected_to_is_told_apart():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()

    async with engine_at(scenario) as url:
        with pytest.raises(Unauthorized, match="does not know this token"):
            await open_websocket(url, token="wrong")
    with pytest.raises(Unreachable, match=f"no engine answers at {url}"):
        await open_websocket(url, token=TOKEN)
    with pytest.raises(Unreachable, match="expected an address such as ws://"):
        await open_websocket("http://127.0.0.1", token=TOKEN)


@on_both_backends
async def test_errors_of_the_block_leave_it_as_themselves():
    async def scenario(engine: ScriptedEngine) -> None:
        await engine.greet()

    async with engine_at(scenario) as url:
        with pytest.raises(ValueError, match="mine"):
            async with connect(url, token=TOKEN):
                raise ValueError("mine")


@on_both_backends
async def test_an_app_joins_and_comes_back_when_the_engine_was_lost():
    seen: list[str] = []
    enough = anyio.Event()

    async def script(call: Call) -> None:
        seen.append(call.id)
        await call.answer()

    async def scenario(engine: ScriptedEngine) -> None:
        hello = await engine.greet(epoch=f"run {len(seen)}")
        if hello.resume is not None:  # it is told that this is another engine, and connects anew
            return
        assert (hello.app, hello.routes) == ("test", ("1000",))
        await engine.call(f"call-{len(seen)}")
        await engine.accept(commands.Answer)
        if len(seen) == 2:
            enough.set()

    async with engine_at(scenario) as url, anyio.create_task_group() as tasks:

        async def run() -> None:
            await join(url, app_of(script), token=TOKEN)

        tasks.start_soon(run)
        await enough.wait()
        tasks.cancel_scope.cancel()
    assert seen == ["call-0", "call-1"]


@on_both_backends
async def test_an_app_that_shares_its_name_with_nobody_is_told_who_has_it():
    async def script(call: Call) -> None: ...

    async def scenario(engine: ScriptedEngine) -> None:
        await engine.refuse_hello("not_owner", "the app 'test' is connected from 192.0.2.1")

    async with engine_at(scenario) as url:
        with pytest.raises(NotOwner, match=r"is connected from 192.0.2.1"):
            await join(url, app_of(script), token=TOKEN, share="refuse")


@on_both_backends
async def test_an_app_serves_the_call_that_an_engine_brings():
    async def script(call: Call) -> None:
        assert (call.to, call.caller.number) == ("1000", "alice")
        await call.answer()

    async with anyio.create_task_group() as tasks:

        async def run(*, task_status: anyio.abc.TaskStatus[int]) -> None:
            await serve(app_of(script), token=TOKEN, task_status=task_status)

        port = await tasks.start(run)
        with pytest.raises(Unauthorized):
            await open_websocket(f"ws://127.0.0.1:{port}/call", token="wrong")
        transport = await open_websocket(f"ws://127.0.0.1:{port}/call", token=TOKEN)
        engine = ScriptedEngine(AsStream(transport))
        await engine.greet(owns=["ch-1"])
        await engine.accept(commands.Channels, data=[ALICE])
        await engine.accept(commands.Answer)
        await engine.expect_hangup("ch-1")
        await engine.close()
        tasks.cancel_scope.cancel()
